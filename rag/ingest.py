"""Turn an uploaded file into passages we can search.

queued --probe--> extracting --extract, shard by shard; chunk--> searchable --embed, batch by batch--> ready

Each step claims a row with a lease, works, and writes its result together with the row's new state in one
transaction that checks the claim. So a step may be run twice, at once or never: a killed worker's lease runs out and
the next one goes on, a late one's writes match no row. A file that is at fault fails at once with its sentence; a file
that kills its reader fails the second time.
Left out: vectors, which are rag.embedding's, and scanned pages. They fail with a sentence the uploader can act on.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from inference.errors import InferenceError
from rag import extract as reader
from rag import lexical, spaces
from rag.doorbell import ring
from rag.errors import ChildKilled, RagError, UnreadableFile
from rag.layout import RawPage
from rag.models import Chunk, Document, Page, Shard, Version
from rag.models.version import MAX_CLAIMS
from rag.split import Draft, estimate_tokens, split
from rag.words import fingerprint, language, words

log = logging.getLogger(__name__)

SHARD_PAGES = 40
MAX_TEXT_CHARS = 20_000_000
MAX_KILLS = 2
PROBE_LEASE, SHARD_LEASE, CHUNK_LEASE = 60.0, 150.0, 300.0
# A bell works this long, then rings again and stands in line: nobody's first page waits for another's last.
TURN_SECONDS = 5.0
COUNT_TEXTS = 500
INSERT_ROWS = 200


def probe(version_id: int) -> None:
    """Open the file, lay out its shards. The document is extracting afterwards, or failed."""
    version = Version.objects.filter(pk=version_id).first()
    if version is None or not version.claim(Version.Status.QUEUED, PROBE_LEASE):
        return
    try:
        found = reader.probe(version.path)
    except RagError as error:
        return _reading_failed(version, error)
    if found.num_pages == 0:
        return _fail(version, UnreadableFile("no_pages"))
    with transaction.atomic():
        if not version.mine().update(
            status=Version.Status.EXTRACTING,
            num_pages=found.num_pages,
            num_pages_done=0,
            num_chars=0,
            outline=found.outline,
            attempt=0,
            lease_until=None,
        ):
            return
        Page.objects.filter(version=version).delete()
        Shard.objects.filter(version=version).delete()
        Shard.objects.bulk_create(
            Shard(version=version, number=number, first_page=first, num_pages=min(SHARD_PAGES, found.num_pages - first))
            for number, first in enumerate(range(0, found.num_pages, SHARD_PAGES))
        )
        version.document.announce()
        ring("extract")


def extract() -> None:
    """Read waiting shards for a while; ring again if there are more."""
    end = time.monotonic() + TURN_SECONDS
    while time.monotonic() < end:
        shard = _claim_shard()
        if shard is None:
            return
        _extract(shard)
    ring("extract")


def chunk(version_id: int) -> None:
    """Split the pages and index their words. The document can be searched afterwards."""
    version = Version.objects.filter(pk=version_id).first()
    if version is None or Shard.objects.filter(version=version, is_done=False).exists():
        return
    if not version.claim(Version.Status.EXTRACTING, CHUNK_LEASE):
        return
    pages = [
        RawPage(page.page_no, page.text, page.lines, page.height)
        for page in Page.objects.filter(version=version).order_by("page_no")
    ]
    if not any(page.text.strip() for page in pages):
        return _fail(version, UnreadableFile("no_text"))
    drafts = split(pages, version.outline, _count_tokens)
    if not drafts:
        return _fail(version, UnreadableFile("no_text"))
    with transaction.atomic():
        _store_chunks(version, drafts)


def read_something() -> bool:
    """Do one step of whatever reading is due, without a bell. False when nothing is.

    Embedding calls it between two batches: with a single worker, a document that has just come in would otherwise
    wait for its bell behind the vectors of all others.
    """
    due = Version.objects.filter(is_free(timezone.now()), cancel_requested_at__isnull=True).order_by("pk")
    version = due.filter(status=Version.Status.QUEUED).first()
    if version is not None:
        probe(version.pk)
        return True
    shard = _claim_shard()
    if shard is not None:
        _extract(shard)
        return True
    unread = Shard.objects.filter(version=OuterRef("pk"), is_done=False)
    version = due.filter(~Exists(unread), status=Version.Status.EXTRACTING).first()
    if version is not None:
        chunk(version.pk)
        return True
    return False


def _claim_shard() -> Shard | None:
    """The waiting shard with the lowest number, whose ever it is: short documents overtake long ones."""
    now = timezone.now()
    with transaction.atomic():
        shard = (
            Shard.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("version__document")
            .filter(is_free(now), is_done=False, version__status=Version.Status.EXTRACTING)
            .order_by("number", "id")
            .first()
        )
        if shard is None:
            return None
        shard.attempt += 1
        shard.lease_until = now + timedelta(seconds=SHARD_LEASE)
        shard.save(update_fields=["attempt", "lease_until"])
    if shard.attempt > MAX_CLAIMS:
        _fail(shard.version, RagError("interrupted"))
        return _claim_shard()
    return shard


def _extract(shard: Shard) -> None:
    version = shard.version
    try:
        found = reader.pages(version.path, shard.first_page, shard.num_pages)
        if len(found) != shard.num_pages:
            raise UnreadableFile("broken")
    except ChildKilled as error:
        log.warning("version %s pages %s+: reader killed (%s)", version.pk, shard.first_page, error.how)
        if shard.attempt >= MAX_KILLS:
            return _fail(version, error)
        Shard.objects.filter(pk=shard.pk, attempt=shard.attempt).update(lease_until=None)
        return None
    except RagError as error:
        return _fail(version, error)
    with transaction.atomic():
        _store_pages(shard, found)


def _store_pages(shard: Shard, found: list[reader.PageText]) -> None:
    num_chars = sum(len(page.text) for page in found)
    # The version's row is locked first, so that of two last shards one sees the other done.
    wanted = Version.objects.filter(pk=shard.version_id, status=Version.Status.EXTRACTING)
    if not wanted.select_for_update().exists():
        return
    if not Shard.objects.filter(pk=shard.pk, attempt=shard.attempt, is_done=False).update(
        is_done=True, lease_until=None
    ):
        return
    Page.objects.bulk_create(
        [
            Page(
                version_id=shard.version_id,
                page_no=page.page_no,
                label=page.label,
                width=page.width,
                height=page.height,
                rotation=page.rotation,
                text=page.text,
                lines=page.lines,
            )
            for page in found
        ],
        ignore_conflicts=True,
    )
    wanted.update(num_pages_done=F("num_pages_done") + len(found), num_chars=F("num_chars") + num_chars)
    if wanted.filter(num_chars__gt=MAX_TEXT_CHARS).exists():
        return _fail(shard.version, UnreadableFile("too_much_text"))
    shard.version.document.announce()
    if not Shard.objects.filter(version_id=shard.version_id, is_done=False).exists():
        ring("chunk", shard.version_id)


def _store_chunks(version: Version, drafts: list[Draft]) -> None:
    if not version.mine().select_for_update().exists():
        return
    Chunk.objects.filter(version=version).delete()
    title = version.document.title
    rows = [_chunk(version, ordinal, draft, title) for ordinal, draft in enumerate(drafts)]
    Chunk.objects.bulk_create(rows, batch_size=INSERT_ROWS)
    lexical.count_version(version.pk)
    now = timezone.now()
    in_use = spaces.in_use()
    version.mine().update(
        status=Version.Status.EMBEDDING if in_use else Version.Status.SEARCHABLE,
        num_chunks=len(rows),
        num_chunks_embedded=0,
        searchable_at=now,
        attempt=0,
        lease_until=None,
    )
    for space in in_use:
        spaces.make_batches(space, version)
    Document.objects.filter(pk=version.document_id, deleted_at__isnull=True).update(live_version=version)
    version.document.announce()
    ring("embed")


def _chunk(version: Version, ordinal: int, draft: Draft, title: str) -> Chunk:
    body = draft.body
    found = words(body)
    config = language(found)
    return Chunk(
        version=version,
        ordinal=ordinal,
        page_first=draft.spans[0][0],
        page_last=draft.spans[-1][0],
        spans=[list(span) for span in draft.spans],
        heading=draft.heading,
        body=body,
        body_hash=fingerprint(body),
        num_tokens=min(draft.num_tokens, 32_767),
        num_lexemes=min(max(len(found), 1), 32_767),
        language=config,
        tsv=lexical.tsvector(title, draft.heading, body, config),
    )


def _count_tokens(texts: Sequence[str]) -> list[int]:
    """By the model's own tokenizer; by a cautious estimate while inference is away, since words need no vectors."""
    space = spaces.active()
    if space is None:
        return estimate_tokens(texts)
    try:
        client = spaces.client()
        pieces = [texts[start : start + COUNT_TEXTS] for start in range(0, len(texts), COUNT_TEXTS)]
        return [count for piece in pieces for count in client.count_tokens(space.model, piece)]
    except InferenceError as error:
        log.warning("no tokenizer, estimating: %s", error)
        return estimate_tokens(texts)


def _reading_failed(version: Version, error: RagError) -> None:
    if isinstance(error, ChildKilled) and version.attempt < MAX_KILLS:
        log.warning("version %s: reader killed (%s)", version.pk, error.how)
        version.release()
        with transaction.atomic():
            ring("probe", version.pk)
        return
    _fail(version, error)


def _fail(version: Version, error: RagError) -> None:
    with transaction.atomic():
        version.fail(error.code, **error.params)
        version.document.announce()


def is_free(now: datetime) -> Q:
    """Nobody holds the row, or its holder is late."""
    return Q(lease_until__isnull=True) | Q(lease_until__lt=now)
