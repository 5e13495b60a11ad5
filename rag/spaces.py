"""Which model gives the vectors, and the change from one to another while people search.

The first model is in force at once. A later one fills a space of its own beside the first and takes over when every
chunk has its vector. Left out: vectors that have not 384 numbers; they need a table of that width.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext as _

from inference.client import Client
from rag.doorbell import ring
from rag.errors import UnsuitableModel
from rag.models import Batch, Chunk, Space, Version
from rag.models.space import NUM_DIMENSIONS

# Sixteen chunks are a few seconds on two cores: progress moves, and a killed worker loses no more than that.
BATCH_CHUNKS = 16


@dataclass(frozen=True)
class Habit:
    """How a family of models wants to be asked. A wrong prefix costs points silently."""

    query_prefix: str = ""
    passage_prefix: str = ""


# First match by part of the name. Sources: the models' own cards.
HABITS: tuple[tuple[str, Habit], ...] = (
    ("e5-", Habit("query: ", "passage: ")),
    ("bge-m3", Habit()),
    ("bge-", Habit("Represent this sentence for searching relevant passages: ")),
    ("nomic-embed", Habit("search_query: ", "search_document: ")),
    ("embeddinggemma", Habit("task: search result | query: ", "title: none | text: ")),
    ("qwen3-embedding", Habit("Instruct: Find passages that answer the question\nQuery: ")),
)


def client() -> Client:
    """The inference service, one connection pool a process."""
    return _client(settings.HEARTH_INFERENCE_URL, settings.HEARTH_INFERENCE_SECRET)


def active() -> Space | None:
    """The space that searches use; None until an admin has chosen a model."""
    return Space.objects.filter(status=Space.Status.ACTIVE).first()


def in_use() -> list[Space]:
    """The active space first, then one that is being filled."""
    return list(Space.objects.exclude(status=Space.Status.RETIRED).order_by("status", "pk"))


def activate(model_id: str) -> Space:
    """Use this model for documents. Raises UnsuitableModel with a sentence for the admin, or inference errors.

    With vectors of another model in force the new space is built first: see progress() and promote_complete().
    """
    max_tokens = _check(model_id)
    with transaction.atomic():
        current = Space.objects.select_for_update().filter(status=Space.Status.ACTIVE).first()
        if current is not None and current.model == model_id:
            _retire(Space.objects.filter(status=Space.Status.BUILDING))
            return current
        _retire(Space.objects.filter(status=Space.Status.BUILDING).exclude(model=model_id))
        is_first = current is None or not Chunk.objects.exists()
        if is_first and current is not None:
            _retire(Space.objects.filter(pk=current.pk))
        space = _open(model_id, max_tokens)
        if is_first:
            Space.objects.filter(pk=space.pk).update(status=Space.Status.ACTIVE)
            space.refresh_from_db()
        ring("embed")
        return space


def ensure_default(model_id: str) -> Space:
    """Choose this model unless one is in force already. For the first start."""
    return active() or activate(model_id)


def progress(space: Space) -> tuple[int, int]:
    """Batches done and batches in all."""
    batches = Batch.objects.filter(space=space)
    return batches.filter(is_done=True).count(), batches.count()


def make_batches(space: Space, version: Version) -> None:
    """Lay out the embedding of a version's chunks. Twice is once.

    Chunks of similar length go together, since a batch takes as long as its longest.
    """
    ids = list(Chunk.objects.filter(version=version).order_by("num_tokens", "pk").values_list("pk", flat=True))
    Batch.objects.bulk_create(
        [
            Batch(space=space, version=version, number=number, chunk_ids=ids[start : start + BATCH_CHUNKS])
            for number, start in enumerate(range(0, len(ids), BATCH_CHUNKS))
        ],
        ignore_conflicts=True,
    )


@transaction.atomic
def promote_complete() -> bool:
    """Switch to the space being built if nothing is missing in it. Searches in progress end in the old one."""
    building = Space.objects.select_for_update().filter(status=Space.Status.BUILDING).first()
    if building is None or Batch.objects.filter(space=building, is_done=False).exists():
        return False
    _retire(Space.objects.filter(status=Space.Status.ACTIVE))
    Space.objects.filter(pk=building.pk).update(status=Space.Status.ACTIVE)
    return True


def drop_retired() -> None:
    """Remove the vectors of models no longer used."""
    for space in Space.objects.filter(status=Space.Status.RETIRED):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS {space.partition}")
            space.delete()


def _open(model_id: str, max_tokens: int) -> Space:
    habit = habit_of(model_id)
    space, _created = Space.objects.get_or_create(
        model=model_id,
        status=Space.Status.BUILDING,
        defaults={
            "query_prefix": habit.query_prefix,
            "passage_prefix": habit.passage_prefix,
            "max_tokens": max_tokens,
        },
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TABLE IF NOT EXISTS {space.partition}"
            f" PARTITION OF rag_embedding_384 FOR VALUES IN ({int(space.pk)})"
        )
    for version in Version.objects.filter(searchable_at__isnull=False, cancel_requested_at__isnull=True).iterator():
        make_batches(space, version)
    return space


def habit_of(model_id: str) -> Habit:
    """By the family that the file's name shows."""
    name = model_id.casefold()
    return next((habit for part, habit in HABITS if part in name), Habit())


def _check(model_id: str) -> int:
    """The longest text it reads, in tokens."""
    info = next((model for model in client().models() if model.id == model_id), None)
    if info is None:
        raise UnsuitableModel(model=model_id, reason=_("its file is not in the models folder."))
    if info.kind != "embedding":
        raise UnsuitableModel(model=model_id, reason=_("it is not an embedding model."))
    if info.embedding_length != NUM_DIMENSIONS:
        reason = _("its vectors have %(found)s numbers, and Hearth keeps vectors of %(wanted)s.")
        raise UnsuitableModel(
            model=model_id, reason=reason % {"found": info.embedding_length, "wanted": NUM_DIMENSIONS}
        )
    return info.context_length or 512


def _retire(spaces: Iterable[Space]) -> None:
    ids = [space.pk for space in spaces]
    Batch.objects.filter(space__in=ids).delete()
    Space.objects.filter(pk__in=ids).update(status=Space.Status.RETIRED)


@functools.lru_cache(maxsize=4)
def _client(url: str, secret: str) -> Client:
    return Client(url, secret)
