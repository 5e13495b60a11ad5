"""One conversation of a ChatGPT export: a mapping of nodes with parents. Pure.

Left out, with a count: what the system and tools said, thoughts, and pictures.
"""

from __future__ import annotations

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
)

_FOR_PEOPLE = {"text", "multimodal_text", "code"}


def matches(item: dict[str, Any]) -> bool:
    return isinstance(item.get("mapping"), dict)


def read(item: dict[str, Any]) -> Conversation:
    """Raises Unreadable."""
    mapping: dict[Any, Any] = item["mapping"]
    if len(mapping) > MAX_MESSAGES:
        raise Unreadable("too_many_messages")
    key = id_of(item.get("conversation_id")) or id_of(item.get("id"))
    if key is None:
        raise Unreadable("bad_shape")
    found = Conversation(key=f"chatgpt:{key}", title=text_of(item.get("title")), messages=[])
    found.created_at, found.updated_at = moment(item.get("create_time")), moment(item.get("update_time"))
    found.is_archived = item.get("is_archived") is True
    default_model = text_of(item.get("default_model_slug"))
    nodes = {}
    for name, value in mapping.items():
        node = object_of(value)
        said = _said(found, name, object_of(node.get("message")), default_model)
        nodes[name] = Node(id_of(node.get("parent")), said)
    found.tip = kept_tip(nodes, id_of(item.get("current_node")))
    return checked(found, in_order(nodes))


def _said(found: Conversation, name: str, message: dict[str, Any], default_model: str) -> Said | None:
    """None for what is not for people."""
    role = object_of(message.get("author")).get("role")
    content = object_of(message.get("content"))
    metadata = object_of(message.get("metadata"))
    if not message or id_of(name) is None:
        return None
    is_hidden = (
        role not in ("user", "assistant")
        or metadata.get("is_visually_hidden_from_conversation") is True
        or content.get("content_type") not in _FOR_PEOPLE
        or message.get("recipient", "all") not in ("all", None)
    )
    text = "" if is_hidden else _text(found, content)
    if not text.strip():
        found.num_hidden += is_hidden
        return None
    model = text_of(metadata.get("model_slug")) or default_model
    return Said(name, None, role == "user", text, "" if role == "user" else model, moment(message.get("create_time")))


def _text(found: Conversation, content: dict[str, Any]) -> str:
    if content.get("content_type") == "code":
        return f"```\n{text_of(content.get('text'))}\n```" if text_of(content.get("text")).strip() else ""
    parts = content.get("parts")
    written: list[str] = []
    for part in parts if isinstance(parts, list) else []:
        if isinstance(part, str):
            written.append(text_of(part))
        elif object_of(part).get("content_type") == "audio_transcription":
            written.append(text_of(object_of(part).get("text")))
        elif "asset_pointer" in object_of(part):
            found.num_images += 1
            written.append(f"[{_('picture left out')}]")
    return "\n\n".join(text for text in written if text)
