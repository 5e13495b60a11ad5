"""Give each chunk its vector, batch by batch, in every space in use.

The document is searchable by words all the while. Batches are claimed like shards: with a lease and an attempt, so a
killed worker's batch comes back and a late worker's vectors are dropped. While the inference service is away or busy
nothing fails; the batch is due later.
"""

from __future__ import annotations

import logging
import time
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from inference.errors import CapacityError, ContextTooLong, EngineError, RequestError
from rag import spaces
from rag.doorbell import ring
from rag.ingest import read_something
from rag.models import Batch, Chunk, Embedding, Space, Version
from rag.work import TURN_SECONDS, is_free

log = logging.getLogger(__name__)

BATCH_LEASE_SECONDS = 60.0
MAX_DELAY_SECONDS = 300.0


def embed() -> None:
    """Embed waiting batches for a while; ring again if there are more. Reading that is due goes first."""
    end = time.monotonic() + TURN_SECONDS
    while time.monotonic() < end:
        if read_something():
            continue
        batch = _claim_batch()
        if batch is None or not _embed(batch):
            return
    ring("embed")


def _claim_batch() -> Batch | None:
    """The waiting batch with the lowest number; the active space before one that is being built."""
    now = timezone.now()
    with transaction.atomic():
        batch = (
            Batch.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("space", "version__document")
            .filter(is_free(now), is_done=False, version__cancel_requested_at__isnull=True)
            .order_by("space__status", "number", "id")
            .first()
        )
        if batch is None:
            return None
        batch.attempt += 1
        batch.lease_until = now + timedelta(seconds=BATCH_LEASE_SECONDS)
        batch.save(update_fields=["attempt", "lease_until"])
        return batch


def _embed(batch: Batch) -> bool:
    """False when the service wants to be left alone for a while; the batch is then due later."""
    chunks = {row.pk: row for row in Chunk.objects.filter(pk__in=batch.chunk_ids)}
    rows = [chunks[pk] for pk in batch.chunk_ids if pk in chunks]
    texts = [embedded_text(batch.space, batch.version.document.title, row) for row in rows]
    try:
        vectors = _vectors(batch.space, texts)
    except (CapacityError, EngineError, RequestError) as error:
        delay = error.retry_after_seconds or min(MAX_DELAY_SECONDS, 5.0 * 2 ** min(batch.attempt, 6))
        log.warning("batch %s waits %.0f s: %s", batch.pk, delay, error)
        until = timezone.now() + timedelta(seconds=delay)
        Batch.objects.filter(pk=batch.pk, attempt=batch.attempt).update(lease_until=until)
        return False
    with transaction.atomic():
        _store_vectors(batch, rows, vectors)
    return True


def embedded_text(space: Space, title: str, row: Chunk) -> str:
    """What a chunk's vector is made of: its place in the document, then its text."""
    place = f"{title} > {row.heading}" if row.heading else title
    return f"{space.passage_prefix}{place[-240:]}\n{row.body}"


def _vectors(space: Space, texts: list[str]) -> list[list[float]]:
    """Text that is too long after all (its tokens were estimated) is embedded by its beginning."""
    try:
        return spaces.client().embed(space.model, texts)
    except ContextTooLong as error:
        if len(texts) > 1:
            return [vector for text in texts for vector in _vectors(space, [text])]
        keep = int(len(texts[0]) * 0.9 * error.context_length / max(error.num_prompt_tokens, 1))
        return _vectors(space, [texts[0][: max(1, min(keep, len(texts[0]) - 1))]])


def _store_vectors(batch: Batch, rows: list[Chunk], vectors: list[list[float]]) -> None:
    version = Version.objects.select_for_update().select_related("document").filter(pk=batch.version_id).first()
    # Two workers may finish the same batch after a lost lease. The one whose attempt is current stores it.
    mine = Batch.objects.filter(pk=batch.pk, attempt=batch.attempt, is_done=False)
    if version is None or not mine.update(is_done=True, lease_until=None):
        return
    Embedding.objects.bulk_create(
        [
            Embedding(space=batch.space, chunk=row, version_id=batch.version_id, vector=vector)
            for row, vector in zip(rows, vectors, strict=True)
        ],
        ignore_conflicts=True,
    )
    if batch.space.status == Space.Status.ACTIVE:
        finish(version)


def finish(version: Version) -> None:
    """Count what is embedded in the active space; with everything there the document is ready."""
    space = spaces.active()
    if space is None:
        return
    num_embedded = Embedding.objects.filter(space=space, version=version).count()
    Version.objects.filter(pk=version.pk).update(num_chunks_embedded=num_embedded)
    unfinished = [Version.Status.SEARCHABLE, Version.Status.EMBEDDING]
    if num_embedded >= version.num_chunks:
        Version.objects.filter(pk=version.pk, status__in=unfinished).update(
            status=Version.Status.READY, ready_at=timezone.now()
        )
    version.document.announce()
