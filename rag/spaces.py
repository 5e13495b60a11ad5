"""Which model gives the vectors, and the change from one to another while people search.

The first model is in force at once. A later one fills a space of its own beside the first and takes over when every
chunk has its vectors. The tables are rag.vectors', and whether a model is still the same is rag.golden's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from inference.client import Client, shared_client
from rag import golden, vectors
from rag.doorbell import ring
from rag.errors import UnsuitableModel, sentence
from rag.models import Batch, Chunk, Space, Version

# Eight chunks are a few seconds on two cores: progress moves, and a killed worker loses no more than twice that.
BATCH_CHUNKS = 8


@dataclass(frozen=True)
class Habit:
    """How a family of models wants to be asked. A wrong prefix costs points silently."""

    query_prefix: str = ""
    passage_prefix: str = ""
    pooling: str = ""
    """mean, cls or last; "" where the family's files differ."""


# First match by part of the name. Sources: the models' own cards.
HABITS: tuple[tuple[str, Habit], ...] = (
    ("e5-", Habit("query: ", "passage: ", "mean")),
    ("minilm", Habit(pooling="mean")),
    ("bge-m3", Habit(pooling="cls")),
    ("bge-", Habit("Represent this sentence for searching relevant passages: ", pooling="cls")),
    ("nomic-embed", Habit("search_query: ", "search_document: ", "mean")),
    ("embeddinggemma", Habit("task: search result | query: ", "title: none | text: ", "mean")),
    ("qwen3-embedding", Habit("Instruct: Find passages that answer the question\nQuery: ", pooling="last")),
)


def client() -> Client:
    """The inference service, one connection pool a process."""
    return shared_client(settings.HEARTH_INFERENCE_URL, settings.HEARTH_INFERENCE_SECRET)


def active() -> Space | None:
    """The space that searches use; None until an admin has chosen a model."""
    return Space.objects.filter(status=Space.Status.ACTIVE).first()


def in_use() -> list[Space]:
    """The active space first, then one that is being filled."""
    return list(Space.objects.exclude(status=Space.Status.RETIRED).order_by("status", "pk"))


def is_sound(space: Space) -> bool:
    """Whether the model behind the space is still the one that made its vectors, see rag.golden."""
    return golden.is_sound(space, client())


def activate(model_id: str) -> Space:
    """Use this model for documents. Raises UnsuitableModel with a sentence for the admin, or inference errors.

    With vectors of another model in force the new space is built first: see progress() and promote_complete(). The
    model in force again changes nothing, unless its file is another one now: then everything is embedded afresh.
    """
    draft = _examined(model_id)
    golden.forget()
    with transaction.atomic():
        current = Space.objects.select_for_update().filter(status=Space.Status.ACTIVE).first()
        if current is not None and current.model == model_id and golden.settle(current, draft.golden):
            _retire(Space.objects.filter(status=Space.Status.BUILDING))
            return current
        building = Space.objects.filter(status=Space.Status.BUILDING)
        _retire(each for each in building if each.model != model_id or not golden.settle(each, draft.golden))
        is_first = current is None or current.model == model_id or not Chunk.objects.exists()
        if is_first and current is not None:
            _retire(Space.objects.filter(pk=current.pk))
        space = _open(draft)
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


def states() -> dict[str, dict[str, Any]]:
    """By model: what the admins' page says of each space in use.

    {"status": "active" | "building", "num_done", "num_all", "problem": a sentence or ""}
    """
    found = {}
    for space in in_use():
        num_done, num_all = progress(space)
        problem = sentence(space.problem) if space.problem else ""
        found[space.model] = {"status": space.status, "num_done": num_done, "num_all": num_all, "problem": problem}
    return found


def make_batches(space: Space, version: Version) -> None:
    """Lay out the embedding of a version's chunks and of their excerpts. Twice is once.

    Chunks of similar length go together, since a batch takes as long as its longest.
    """
    ids = list(Chunk.objects.filter(version=version).order_by("num_tokens", "pk").values_list("pk", flat=True))
    Batch.objects.bulk_create(
        [
            Batch(
                space=space,
                version=version,
                number=number,
                chunk_ids=ids[start : start + BATCH_CHUNKS],
                is_of_excerpts=is_of_excerpts,
            )
            for is_of_excerpts in (False, True)
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
        with transaction.atomic():
            vectors.drop([space])
            space.delete()


def _open(draft: Space) -> Space:
    """The space that is being built for this model: the one there is, or the draft with its tables and batches."""
    space = Space.objects.filter(model=draft.model, status=Space.Status.BUILDING).first()
    if space is None:
        space = draft
        space.save()
    vectors.make(space)
    for version in Version.objects.filter(searchable_at__isnull=False, cancel_requested_at__isnull=True).iterator():
        make_batches(space, version)
    return space


def habit_of(model_id: str) -> Habit:
    """By the family that the file's name shows."""
    name = model_id.casefold()
    return next((habit for part, habit in HABITS if part in name), Habit())


def _examined(model_id: str) -> Space:
    """A space for this model, not saved. Raises UnsuitableModel, or inference errors when the model cannot be asked."""
    info = next((model for model in client().models() if model.id == model_id), None)
    if info is None:
        raise UnsuitableModel(model=model_id, reason=_("its file is not in the models folder."))
    if info.kind != "embedding":
        raise UnsuitableModel(model=model_id, reason=_("it is not an embedding model."))
    habit = habit_of(model_id)
    if habit.pooling and info.pooling and info.pooling != habit.pooling:
        reason = _("its file says %(found)s pooling, and models of its kind need %(wanted)s.")
        raise UnsuitableModel(model=model_id, reason=reason % {"found": info.pooling, "wanted": habit.pooling})
    values = golden.vector(client(), model_id, habit.passage_prefix)
    if len(values) > vectors.MAX_DIMENSIONS:
        reason = _("its vectors have %(found)s numbers, and at most %(most)s can be searched.")
        raise UnsuitableModel(model=model_id, reason=reason % {"found": len(values), "most": vectors.MAX_DIMENSIONS})
    if not golden.is_unit(values):
        raise UnsuitableModel(model=model_id, reason=_("its vectors are not of unit length."))
    return Space(
        model=model_id,
        num_dimensions=len(values),
        query_prefix=habit.query_prefix,
        passage_prefix=habit.passage_prefix,
        pooling=info.pooling,
        max_tokens=info.context_length or 512,
        golden=values,
    )


def _retire(spaces: Iterable[Space]) -> None:
    ids = [space.pk for space in spaces]
    Batch.objects.filter(space__in=ids).delete()
    Space.objects.filter(pk__in=ids).update(status=Space.Status.RETIRED)
