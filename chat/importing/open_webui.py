"""One chat of an Open WebUI export: history.messages with parentId, or a plain list in older ones. Pure."""

from __future__ import annotations

import re
from typing import Any

from django.utils.translation import gettext as _

from chat.importing.said import (
    MAX_MESSAGES,
    Conversation,
    Node,
    Said,
    Unreadable,
    checked,
    id_of,
    in_order,
    kept_tip,
    moment,
    object_of,
    text_of,
    texts,
)

_THOUGHTS = re.compile(r'<details type="(?:reasoning|code_interpreter|tool_calls)"[^>]*>.*?</details>\s*', re.S)


def matches(item: dict[str, Any]) -> bool:
    chat = object_of(item.get("chat"))
    return isinstance(object_of(chat.get("history")).get("messages"), dict) or isinstance(chat.get("messages"), list)


def read(item: dict[str, Any]) -> Conversation:
    """Raises Unreadable."""
    chat = object_of(item["chat"])
    key = id_of(item.get("id")) or id_of(chat.get("id"))
    if key is None:
        raise Unreadable("bad_shape")
    title = text_of(item.get("title")) or text_of(chat.get("title"))
    found = Conversation(key=f"open-webui:{key}", title=title, messages=[])
    found.created_at = moment(item.get("created_at")) or moment(chat.get("timestamp"))
    found.updated_at = moment(item.get("updated_at"))
    found.is_archived, found.is_pinned = item.get("archived") is True, item.get("pinned") is True
    found.tags = texts(object_of(item.get("meta")).get("tags"), 20)
    history = object_of(chat.get("history"))
    tree = history.get("messages")
    messages: dict[str, Any] = tree if isinstance(tree, dict) and tree else _chain(chat.get("messages"))
    if len(messages) > MAX_MESSAGES:
        raise Unreadable("too_many_messages")
    nodes = {}
    for name, value in messages.items():
        message = object_of(value)
        nodes[name] = Node(id_of(message.get("parentId")), _said(found, name, message))
    found.tip = kept_tip(nodes, id_of(history.get("currentId")) or next(reversed(nodes), None))
    return checked(found, in_order(nodes))


def _chain(messages: Any) -> dict[str, Any]:
    """A list in which each message answers the one before it, as a tree."""
    rows = [object_of(message) for message in messages] if isinstance(messages, list) else []
    return {str(n): row | {"parentId": str(n - 1) if n else None} for n, row in enumerate(rows)}


def _said(found: Conversation, name: str, message: dict[str, Any]) -> Said | None:
    role = message.get("role")
    if role not in ("user", "assistant") or id_of(name) is None:
        found.num_hidden += bool(message)
        return None
    text = _THOUGHTS.sub("", _text(found, message.get("content")))
    files = message.get("files")
    for file in files if isinstance(files, list) else []:
        if object_of(file).get("type") == "image":
            found.num_images += 1
            text += f"\n\n[{_('picture left out')}]"
    if not text.strip():
        return None
    model = "" if role == "user" else text_of(message.get("model")) or text_of(message.get("modelName"))
    return Said(name, None, role == "user", text.strip("\n"), model, moment(message.get("timestamp")))


def _text(found: Conversation, content: Any) -> str:
    """content is text, or parts of which some are pictures."""
    if isinstance(content, str):
        return text_of(content)
    written: list[str] = []
    for part in content if isinstance(content, list) else []:
        if object_of(part).get("type") == "text":
            written.append(text_of(object_of(part).get("text")))
        elif object_of(part).get("type") == "image_url":
            found.num_images += 1
            written.append(f"[{_('picture left out')}]")
    return "\n\n".join(text for text in written if text)
