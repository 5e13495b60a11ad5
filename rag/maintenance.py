"""What beat does: ring for work whose bell was lost, and remove what people have deleted.

Left out: retention periods of people's own documents, and the weekly REINDEX after many deletions.
"""

from __future__ import annotations

import shutil
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from rag import embedding, lexical, spaces, uploads, vectors
from rag.doorbell import ring
from rag.models import Batch, Chunk, Citation, Collection, Document, Page, Scan, Shard, Upload, Version
from rag.work import unread

MAX_BELLS = 100
PURGE_DOCUMENTS = 20
# How long the passages of a replaced version stay, and a file whose thread never began.
REPLACED_KEPT = timedelta(days=1)
DRAFTS_KEPT = timedelta(days=7)


def sweep() -> None:
    """Ring for whatever is due. Bells for work that somebody has already done are harmless."""
    now = timezone.now()
    due = Q(lease_until__isnull=True) | Q(lease_until__lt=now)
    wanted = Version.objects.filter(due, cancel_requested_at__isnull=True)
    with transaction.atomic():
        for pk in _some(wanted.filter(status=Version.Status.QUEUED)):
            ring("probe", pk)
        for pk in _some(wanted.filter(~unread(), status=Version.Status.EXTRACTING)):
            ring("chunk", pk)
        if Shard.objects.filter(due, is_done=False, version__status=Version.Status.EXTRACTING).exists():
            ring("extract")
        if Scan.objects.filter(due, is_done=False, version__status=Version.Status.EXTRACTING).exists():
            ring("recognise")
        _lay_out_missing_batches()
        if Batch.objects.filter(due, is_done=False, version__cancel_requested_at__isnull=True).exists():
            ring("embed")
    if spaces.promote_complete():
        _settle_after_promotion()


def purge() -> None:
    """Remove files, pages, chunks, vectors and citations of deleted documents, and what was never finished."""
    for document in Document.objects.filter(deleted_at__isnull=False).order_by("deleted_at")[:PURGE_DOCUMENTS]:
        _purge(document)
    _purge_replaced()
    _purge_drafts()
    uploads.abandon_stale()
    Collection.objects.filter(deleted_at__isnull=False, documents__isnull=True).exclude(
        pk__in=Upload.objects.filter(collection__isnull=False).values("collection_id")
    ).delete()
    spaces.drop_retired()


def _purge_replaced() -> None:
    """A version that searches see no more loses its chunks; when no answer names it, its pages and its file as well.

    Only after a day: an answer that is being written now may still rest on it.
    """
    until = timezone.now() - REPLACED_KEPT
    in_use = Document.objects.filter(Q(live_version=OuterRef("pk")) | Q(newest_version=OuterRef("pk")))
    cited = Citation.objects.filter(version=OuterRef("pk"))
    chunks = Chunk.objects.filter(version=OuterRef("pk"))
    over = Version.objects.filter(~Exists(in_use), created_at__lt=until, document__deleted_at__isnull=True)
    over = over.filter(Q(replaced_at__lt=until) | Q(searchable_at__isnull=True)).annotate(is_cited=Exists(cited))
    for version in over.filter(Q(is_cited=False) | Exists(chunks)).order_by("pk")[:PURGE_DOCUMENTS]:
        with transaction.atomic():
            if version.is_cited:
                _drop([version], (Batch, Scan, Shard, Chunk))
            else:
                version.path.unlink(missing_ok=True)
                _drop([version], (Batch, Scan, Shard, Page, Chunk))
                version.delete()


def _purge_drafts() -> None:
    """Files that were attached to a thread which never began."""
    drafts = Document.objects.filter(is_thread_file=True, thread_id__isnull=True, deleted_at__isnull=True)
    for document in drafts.filter(created_at__lt=timezone.now() - DRAFTS_KEPT)[:PURGE_DOCUMENTS]:
        document.delete_for_everyone()


def _drop(versions: list[Version], models: tuple[Any, ...]) -> None:
    """In the order of models nothing is looked up row by row: each goes by its version in one statement."""
    vectors.forget([version.pk for version in versions])
    for model in models:
        model.objects.filter(version__in=versions).delete()


def count_lexemes() -> None:
    """Forget the words of what is gone."""
    lexical.count_all()


def _purge(document: Document) -> None:
    with transaction.atomic():
        # Locked first: a worker that still writes to a version holds the same row, and one of us waits.
        versions = list(Version.objects.select_for_update().filter(document=document).order_by("pk"))
        for version in versions:
            version.path.unlink(missing_ok=True)
            # Pictures of pages, as an earlier Hearth kept them.
            shutil.rmtree(version.path.with_name(version.path.name + ".pages"), ignore_errors=True)
        for upload in Upload.objects.filter(replaces=document, document__isnull=True):
            upload.path.unlink(missing_ok=True)
        _drop(versions, (Batch, Scan, Shard, Page, Chunk))
        document.delete()


def _lay_out_missing_batches() -> None:
    """A version split while a space was being opened knew nothing of it, and one of an earlier release of excerpts."""
    chunks = Chunk.objects.filter(version=OuterRef("pk"))
    for space in spaces.in_use():
        if not vectors.exists(space.excerpts):
            vectors.make(space)
        has_batches = Batch.objects.filter(space=space, version=OuterRef("pk"), is_of_excerpts=True)
        missing = Version.objects.filter(
            ~Exists(has_batches), Exists(chunks), searchable_at__isnull=False, cancel_requested_at__isnull=True
        )
        for version in missing[:MAX_BELLS]:
            spaces.make_batches(space, version)
            Version.objects.filter(pk=version.pk, status=Version.Status.SEARCHABLE).update(
                status=Version.Status.EMBEDDING
            )


def _settle_after_promotion() -> None:
    """Counts of embedded chunks mean the active space, which is another one now."""
    for version in Version.objects.filter(num_chunks__gt=0, searchable_at__isnull=False).iterator():
        with transaction.atomic():
            embedding.finish(version)


def _some(rows: QuerySet[Version]) -> list[int]:
    return list(rows.order_by("pk").values_list("pk", flat=True)[:MAX_BELLS])
