"""What a turn needs to know before it asks the model: the thread so far, the context's length, the documents."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.utils.translation import gettext as _

from chat.models import Message, ServedModel, Thread, Turn
from chat.models.message import USER
from chat.prompts import CountTokens, Said
from chat.served_models import client
from chat.turns import failures, sources
from rag.models import Document

UNKNOWN_CONTEXT = 2048  # tokens that any model has, where its file does not say


def load(turn: Turn) -> tuple[list[Said], int, list[Document]]:
    """(history, context length, documents). Raises TurnFailed when the model's file is gone."""
    model = ServedModel.objects.filter(name=turn.model_name).first()
    if model is None or not model.is_present:
        sentence = _("The file of this model is not there any more. Choose another model.")
        raise failures.TurnFailed("model_not_found", sentence)
    return of(turn.question), model.context_length or UNKNOWN_CONTEXT, sources.documents_of(turn)


def of(question: Message) -> list[Said]:
    """The branch that ends before the question, oldest first. Questions that were never answered are left out."""
    if question.parent_id is None:
        return []
    return _said(question.thread.tree().path(question.parent_id))


def shown(thread: Thread) -> list[Said]:
    """The same for a question that would be asked now."""
    return _said(thread.tree().branch(thread.tip_id))


def _said(path: Sequence[uuid.UUID]) -> list[Said]:
    rows = Message.objects.filter(pk__in=path).exclude(text="").in_bulk()
    branch = [Said(rows[pk].role, rows[pk].text) for pk in path if pk in rows]
    return [said for said, after in zip(branch, [*branch, None][1:], strict=True) if _is_answered(said, after)]


def _is_answered(said: Said, following: Said | None) -> bool:
    return said.role != USER or (following is not None and following.role != USER)


def counter(model_name: str) -> CountTokens:
    """The model's own tokenizer."""
    return lambda texts: client().count_tokens(model_name, texts)


def keep_sources(turn: Turn) -> None:
    """A reader who comes later sees what the answer rests on, though it is not finished."""
    Message.objects.filter(pk=turn.answer_id).update(sources=turn.answer.sources)
