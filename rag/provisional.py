"""Let what has been read of a long scan be searched by words while the rest is still being recognised.

Recognising takes a second and more a page, so a scan of a thousand pages is an hour of waiting. The pages that are
done, and those of a mixed file that need no recognising, get chunks of their own every few seconds, without vectors,
and the document becomes visible with the first of them. When all has been read they make way for the chunks of the
whole document (rag.indexing), which know its running heads and sections. Pages, and so what citations point at, stay.

A page says whether it is in such chunks, in the transaction that stores them: a killed worker loses none and doubles
none. Left out: a new version of a document that can be searched already; it is shown when it is whole.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from rag import lexical
from rag.indexing import chunk_of
from rag.layout import RawPage
from rag.models import Chunk, Page, Scan, Version
from rag.split import estimate_tokens, split
from rag.work import is_all_read

# Split and stored in half a second, under the lock of the version.
MAX_PAGES = 100
# Chunks are numbered by their page, so that those of runs stored later find their place between others.
CHUNKS_OF_A_PAGE = 1_000


@transaction.atomic
def index(version_id: int) -> bool:
    """Make chunks of pages that are read and in none. Whether there may be more of them."""
    unfinished = Version.objects.filter(status=Version.Status.EXTRACTING, cancel_requested_at__isnull=True)
    version = unfinished.select_for_update(of=("self",)).select_related("document").filter(pk=version_id).first()
    if version is None or version.document.live_version_id not in (None, version.pk) or is_all_read(version_id):
        return False
    pages = list(_waiting(version)[:MAX_PAGES])
    if not pages:
        return False
    Page.objects.filter(version=version, page_no__in=[page.page_no for page in pages]).update(is_indexed=True)
    rows = [row for run in _runs(pages) for row in _chunks(version, run)]
    if rows:
        lexical.count_chunks([row.pk for row in Chunk.objects.bulk_create(rows)])
        Version.objects.filter(pk=version.pk).update(num_chunks=Chunk.objects.filter(version=version).count())
        version.document.show_version(version)
        version.document.announce()
    return len(pages) == MAX_PAGES


def withdraw(version: Version) -> None:
    """The version is read from its beginning again: until then nobody sees it."""
    lexical.forget_version(version.pk)
    type(version.document).objects.filter(pk=version.document_id, live_version=version).update(
        live_version=None, num_live_chunks=None
    )


def _waiting(version: Version) -> QuerySet[Page]:
    unread = Scan.objects.filter(version=OuterRef("version_id"), page_no=OuterRef("page_no"), is_done=False)
    return Page.objects.filter(~Exists(unread), version=version, is_indexed=False).order_by("page_no")


def _runs(pages: list[Page]) -> list[list[Page]]:
    """Pages that follow one another."""
    runs: list[list[Page]] = []
    for page in pages:
        if runs and runs[-1][-1].page_no + 1 == page.page_no:
            runs[-1].append(page)
        else:
            runs.append([page])
    return runs


def _chunks(version: Version, run: list[Page]) -> list[Chunk]:
    raw = [RawPage(page.page_no, page.text, page.lines, page.height) for page in run]
    drafts = split(raw, version.outline, estimate_tokens)
    first = run[0].page_no * CHUNKS_OF_A_PAGE
    return [
        chunk_of(version, first + number, draft, version.document.title)
        for number, draft in enumerate(drafts[: len(run) * CHUNKS_OF_A_PAGE])
    ]
