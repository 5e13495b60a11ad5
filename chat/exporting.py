"""A thread as a file. Pure: whoever calls has looked up the messages for the employee."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from chat.models import Message, Thread

FORMAT = "hearth.thread.1"


def markdown(thread: Thread, messages: Sequence[Message]) -> str:
    """The messages one after the other, each with its sources as a list under it."""
    parts = [f"# {thread.title}".rstrip(), _("Exported on %(day)s") % {"day": timezone.localdate().isoformat()}]
    for message in messages:
        who = _("You") if message.is_question else message.model_name
        parts += [f"## {who}", message.text.strip()]
        if message.error_sentence:
            parts.append(f"> {message.error_sentence}")
        sources = (message.sources or {}).get("sources", [])
        if sources:
            parts.append("\n".join(_source(source) for source in sources))
    return "\n\n".join(part for part in parts if part) + "\n"


def _source(source: dict[str, Any]) -> str:
    place = " · ".join(part for part in (source.get("label"), source.get("heading")) if part)
    return f"- [{source['n']}] {source['title']}" + (f", {place}" if place else "")


def tree(thread: Thread, messages: Sequence[Message]) -> dict[str, Any]:
    """Everything that was said, oldest first, on every branch; tip is the message whose branch is shown."""
    return {
        "format": FORMAT,
        "id": str(thread.id),
        "title": thread.title,
        "folder": thread.folder.name if thread.folder else None,
        "tags": thread.tags,
        "pinned": thread.pinned_at is not None,
        "archived": thread.archived_at is not None,
        "created_at": thread.created_at.isoformat(),
        "updated_at": thread.updated_at.isoformat(),
        "tip": str(thread.tip_id) if thread.tip_id else None,
        "messages": [_message(message) for message in messages],
    }


def _message(message: Message) -> dict[str, Any]:
    return {
        "id": str(message.id),
        "parent": str(message.parent_id) if message.parent_id else None,
        "role": message.role,
        "text": message.text,
        "reasoning": message.reasoning or None,
        "created_at": message.created_at.isoformat(),
        "status": message.status,
        "model": message.model_name or None,
        "model_version": message.model_version or None,
        "finish_reason": message.finish_reason or None,
        "error": message.error_sentence or None,
        "sources": (message.sources or {}).get("sources", []),
        "num_prompt_tokens": message.num_prompt_tokens,
        "num_completion_tokens": message.num_completion_tokens,
    }
