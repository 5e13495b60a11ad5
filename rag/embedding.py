"""Give each chunk its vector and each of its excerpts one, batch by batch, in every space in use.

The document is searchable by words all the while, and ready once its chunks have theirs: excerpts make the ranking
better, cost as much again, and are embedded when no chunk of anybody waits. Batches are claimed like shards: with a
lease and an attempt, so a killed worker's batch comes back and a late worker's vectors are dropped. While the inference
service is away or busy nothing fails; the batch is due later.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from inference.errors import CapacityError, ContextTooLong, EngineError, RequestError
from rag import fairness, spaces
from rag import vectors as tables
from rag.doorbell import ring
from rag.ingest import read_something
from rag.models import Batch, Chunk, Space, Version
from rag.split import excerpts
from rag.work import TURN_SECONDS, is_free

log = logging.getLogger(__name__)

BATCH_LEASE_SECONDS = 60.0
MAX_DELAY_SECONDS = 300.0
NUM_IN_FLIGHT = 2


@dataclass(frozen=True)
class Flight:
    """A batch whose vectors have been asked for."""

    batch: Batch
    keys: list[tuple[int, int]]
    """(chunk, number of the excerpt), in the order of the vectors."""
    vectors: Future[list[list[float]]]


def embed() -> None:
    """Embed waiting batches for a while; ring again if there are more. Reading that is due goes first.

    NUM_IN_FLIGHT requests are under way at a time, so the engine never waits for rows to be read and stored.
    """
    end = time.monotonic() + TURN_SECONDS
    flights: deque[Flight] = deque()
    for space in spaces.in_use():
        spaces.is_sound(space)  # marks a space whose model has changed, and its batches stay
    is_welcome, is_over = True, False
    with ThreadPoolExecutor(NUM_IN_FLIGHT, "embed") as pool:
        while True:
            is_over = is_over or time.monotonic() >= end
            if flights and flights[0].vectors.done():
                is_welcome = _land(flights.popleft()) and is_welcome
            elif not is_over and read_something():
                continue
            elif not is_over and is_welcome and len(flights) < NUM_IN_FLIGHT and (batch := _claim_batch()) is not None:
                flights.append(_sent(pool, batch))
            elif flights:
                is_welcome = _land(flights.popleft()) and is_welcome
            else:
                break
    if is_over and is_welcome:
        ring("embed")


def _claim_batch() -> Batch | None:
    """The next batch of whose turn it is; the active space before one that is being built, chunks before excerpts."""
    now = timezone.now()
    with transaction.atomic():
        batch = (
            Batch.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("space", "version__document")
            .filter(is_free(now), is_done=False, version__cancel_requested_at__isnull=True, space__problem="")
            .order_by("space__status", "is_of_excerpts", fairness.BY_TURN, "number", "id")
            .first()
        )
        if batch is None:
            return None
        batch.attempt += 1
        batch.lease_until = now + timedelta(seconds=BATCH_LEASE_SECONDS)
        batch.save(update_fields=["attempt", "lease_until"])
        fairness.note_turn(batch.version)
        return batch


def _sent(pool: ThreadPoolExecutor, batch: Batch) -> Flight:
    chunks = {row.pk: row for row in Chunk.objects.filter(pk__in=batch.chunk_ids)}
    rows = [chunks[pk] for pk in batch.chunk_ids if pk in chunks]
    title, space = batch.version.document.title, batch.space
    if batch.is_of_excerpts:
        found = [((row.pk, number), text) for row in rows for number, text in enumerate(excerpt_texts(space, row))]
    else:
        found = [((row.pk, 0), embedded_text(space, title, row)) for row in rows]
    return Flight(batch, [key for key, _ in found], pool.submit(_vectors, space, [text for _, text in found]))


def _land(flight: Flight) -> bool:
    """False when the service wants to be left alone for a while; the batch is then due later."""
    batch = flight.batch
    try:
        vectors = flight.vectors.result()
    except (CapacityError, EngineError, RequestError) as error:
        delay = error.retry_after_seconds or min(MAX_DELAY_SECONDS, 5.0 * 2 ** min(batch.attempt, 6))
        log.warning("batch %s waits %.0f s: %s", batch.pk, delay, error)
        until = timezone.now() + timedelta(seconds=delay)
        Batch.objects.filter(pk=batch.pk, attempt=batch.attempt).update(lease_until=until)
        return False
    with transaction.atomic():
        _store_vectors(batch, flight.keys, vectors)
    return True


def embedded_text(space: Space, title: str, row: Chunk) -> str:
    """What a chunk's vector is made of: its place in the document, then its text."""
    place = f"{title} > {row.heading}" if row.heading else title
    return f"{space.passage_prefix}{place[-240:]}\n{row.body}"


def excerpt_texts(space: Space, row: Chunk) -> list[str]:
    """Without title and heading, which draw questions to documents that are near to everything (decisions.md)."""
    return [space.passage_prefix + text for text in excerpts(row.body)]


def _vectors(space: Space, texts: list[str]) -> list[list[float]]:
    """Text that is too long after all (its tokens were estimated) is embedded by its beginning."""
    try:
        return spaces.client().embed(space.model, texts)
    except ContextTooLong as error:
        if len(texts) > 1:
            return [vector for text in texts for vector in _vectors(space, [text])]
        keep = int(len(texts[0]) * 0.9 * error.context_length / max(error.num_prompt_tokens, 1))
        return _vectors(space, [texts[0][: max(1, min(keep, len(texts[0]) - 1))]])


def _store_vectors(batch: Batch, keys: list[tuple[int, int]], vectors: list[list[float]]) -> None:
    version = Version.objects.select_for_update().select_related("document").filter(pk=batch.version_id).first()
    # Two workers may finish the same batch after a lost lease. The one whose attempt is current stores it.
    mine = Batch.objects.filter(pk=batch.pk, attempt=batch.attempt, is_done=False)
    if version is None or not mine.update(is_done=True, lease_until=None):
        return
    if batch.is_of_excerpts:
        return tables.store_excerpts(batch.space, batch.version_id, keys, vectors)
    tables.store(batch.space, batch.version_id, [chunk_id for chunk_id, _number in keys], vectors)
    if batch.space.status == Space.Status.ACTIVE:
        finish(version)


def finish(version: Version) -> None:
    """Count what is embedded in the active space; with everything there the document is ready."""
    space = spaces.active()
    if space is None:
        return
    num_embedded = tables.count(space, version.pk)
    Version.objects.filter(pk=version.pk).update(num_chunks_embedded=num_embedded)
    unfinished = [Version.Status.SEARCHABLE, Version.Status.EMBEDDING]
    if num_embedded >= version.num_chunks:
        Version.objects.filter(pk=version.pk, status__in=unfinished).update(
            status=Version.Status.READY, ready_at=timezone.now()
        )
    version.document.announce()
