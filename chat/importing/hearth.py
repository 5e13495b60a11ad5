"""A thread that Hearth exported as JSON, here or elsewhere. Pure; the counterpart of chat.exporting.tree.

Sources stay behind: whether they may be read is decided where their documents are.
"""

from __future__ import annotations

from typing import Any

from chat.exporting import FORMAT
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


def matches(item: dict[str, Any]) -> bool:
    return item.get("format") == FORMAT


def read(item: dict[str, Any]) -> Conversation:
    """Raises Unreadable."""
    rows, key = item.get("messages"), id_of(item.get("id"))
    if key is None or not isinstance(rows, list):
        raise Unreadable("bad_shape")
    if len(rows) > MAX_MESSAGES:
        raise Unreadable("too_many_messages")
    found = Conversation(key=f"hearth:{key}", title=text_of(item.get("title")), messages=[])
    found.created_at, found.updated_at = moment(item.get("created_at")), moment(item.get("updated_at"))
    found.is_pinned, found.is_archived = item.get("pinned") is True, item.get("archived") is True
    found.folder, found.tags = text_of(item.get("folder")), texts(item.get("tags"), 20)
    nodes: dict[str, Node] = {}
    for row in map(object_of, rows):
        name = id_of(row.get("id"))
        if name is not None:
            nodes[name] = Node(id_of(row.get("parent")), _said(name, row))
    found.tip = kept_tip(nodes, id_of(item.get("tip")))
    return checked(found, in_order(nodes))


def _said(name: str, row: dict[str, Any]) -> Said | None:
    text, role = text_of(row.get("text")), row.get("role")
    if role not in ("user", "assistant") or not text.strip():
        return None
    model = text_of(row.get("model")) if role == "assistant" else ""
    return Said(name, None, role == "user", text, model, moment(row.get("created_at")))
