"""Keeps our table of models together with what the inference service finds, and carries out what admins decide.

Whatever changes here takes effect with the next question: nobody caches these rows.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db import transaction

from chat import doorbell, model_reasons
from chat.models import ServedModel, Turn
from chat.models.served_model import CHAT, EMBEDDING, RERANK
from inference import wire
from inference.client import Client, shared_client
from inference.errors import InferenceError
from rag import spaces
from rag.errors import RagError

log = logging.getLogger(__name__)

_QUANTIZATION = re.compile(r"[.\-_](I?Q\d\w*|B?F(16|32)|MXFP4\w*)$", re.IGNORECASE)


def client() -> Client:
    """The sync door to the inference service, one connection pool a process."""
    return shared_client(settings.HEARTH_INFERENCE_URL, settings.HEARTH_INFERENCE_SECRET)


def sync() -> list[wire.ModelInfo]:
    """Bring our rows up to date with the models folder; returns what the service said.

    A new file appears disabled, save on a fresh machine, whose first models are the starters. A file that went keeps
    its row, so that it comes back as it was.
    """
    found = client().models()
    is_fresh = not ServedModel.objects.exists()
    with transaction.atomic():
        for info in found:
            ServedModel.objects.update_or_create(
                name=info.id, defaults=_facts(info), create_defaults=_facts(info) | {"title": title_from(info.id)}
            )
        num_gone = (
            ServedModel.objects.filter(is_present=True)
            .exclude(name__in=[info.id for info in found])
            .update(is_present=False)
        )
    if is_fresh:
        _enable_starters()
    if num_gone:
        doorbell.models_changed()
    return found


def title_from(name: str) -> str:
    """The file's name as a person would say it, without its quantization."""
    stem = _QUANTIZATION.sub("", name) or name
    return stem.replace("_", " ").replace("-", " ")[:120]


def enable(model: ServedModel) -> None:
    ServedModel.objects.filter(pk=model.pk).update(is_enabled=True)
    _announce_on_commit()


def disable(model: ServedModel) -> None:
    """Nobody new gets it; running answers end; then its memory is freed."""
    from chat.tasks import unload_model

    ServedModel.objects.filter(pk=model.pk).update(is_enabled=False, is_default=False)
    transaction.on_commit(lambda: unload_model.delay(model.name))
    _announce_on_commit()


def rename(model: ServedModel, title: str) -> None:
    model.rename(title)
    _announce_on_commit()


@transaction.atomic
def make_default(model: ServedModel) -> None:
    """The model of threads that nobody chose one for; enabled with it."""
    ServedModel.objects.filter(is_default=True).update(is_default=False)
    ServedModel.objects.filter(pk=model.pk).update(is_default=True, is_enabled=True)
    _announce_on_commit()


@transaction.atomic
def make_embedding(model: ServedModel) -> None:
    """Documents are indexed with this model from now on; rag moves what it has."""
    spaces.activate(model.name)
    ServedModel.objects.filter(is_embedding=True).update(is_embedding=False)
    ServedModel.objects.filter(pk=model.pk).update(is_embedding=True, is_enabled=True)
    _announce_on_commit()


def reranker() -> str:
    """The name of the model that passages are ranked with once more; "" when no admin has enabled one."""
    model = ServedModel.objects.filter(kind=RERANK, is_enabled=True, is_present=True, error="").order_by("sort").first()
    return model.name if model else ""


def lift(model: ServedModel) -> None:
    """A model that was put off because its process died may be tried again. Raises InferenceError."""
    client().lift(model.name)
    ServedModel.objects.filter(pk=model.pk).update(error="")


def is_in_use(name: str) -> bool:
    """Whether an answer is being written, or waits to be, with this model."""
    return Turn.objects.unfinished().filter(model_name=name).exists()


def unload_if_disabled(name: str) -> None:
    """Free the model's memory, unless an admin has changed their mind."""
    if ServedModel.objects.filter(name=name, is_enabled=True).exists():
        return
    try:
        client().unload(name)
    except InferenceError as error:
        log.warning("model %s not unloaded: %s", name, error.code)


def merged(found: Sequence[wire.ModelInfo]) -> list[dict[str, Any]]:
    """Our rows with the service's state, for the admins' page. index: see rag.spaces.states, None without a space."""
    infos, indexes = {info.id: info for info in found}, spaces.states()
    return [
        _row(model, infos.get(model.name)) | {"index": indexes.get(model.name)}
        for model in ServedModel.objects.order_by("kind", "sort", "title")
    ]


def _enable_starters() -> None:
    """The first chat model is the default, the first embedding model reads documents."""
    models = ServedModel.objects.filter(error="").order_by("name")
    first_chat = models.filter(kind=CHAT).first()
    if first_chat is not None:
        make_default(first_chat)
    first_embedding = models.filter(kind=EMBEDDING).first()
    if first_embedding is not None:
        try:
            make_embedding(first_embedding)
        except (RagError, InferenceError) as error:
            log.warning("documents have no embedding model yet: %s", error.code)


def _row(model: ServedModel, info: wire.ModelInfo | None) -> dict[str, Any]:
    state = info.state if info else "missing"
    return {
        "id": model.pk,
        "name": model.name,
        "title": model.title,
        "kind": model.kind,
        "file_name": info.file_name if info else "",
        "size_bytes": model.size_bytes,
        "architecture": model.architecture,
        "context_length": model.context_length,
        "quantization": model.quantization,
        "num_parameters": model.num_parameters,
        "is_enabled": model.is_enabled,
        "is_default": model.is_default,
        "is_embedding": model.is_embedding,
        "state": state,
        "load_percent": info.load_percent if info else None,
        "error": (model_reasons.sentence(info) if info else "") or model.error,
        "placement": info.placement if info else None,
        "can_be_lifted": info.can_be_lifted if info else False,
    }


def _facts(info: wire.ModelInfo) -> dict[str, Any]:
    return {
        "kind": info.kind,
        "size_bytes": info.size_bytes,
        "architecture": info.architecture[:60],
        "quantization": info.quantization[:30],
        "context_length": info.context_length,
        "num_parameters": info.num_parameters,
        "error": info.error if info.state == "broken" and info.error else "",
        "is_present": True,
    }


def _announce_on_commit() -> None:
    transaction.on_commit(doorbell.models_changed)
