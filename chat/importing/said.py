"""A conversation as every reader hands it over, and what readers of foreign JSON share. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

MAX_MESSAGES = 5_000  # of one thread
MAX_TEXT_CHARS = 500_000  # of one message
MAX_ID_CHARS = 120
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


class Unreadable(Exception):
    """This conversation is left out. code: no_messages, too_many_messages, too_long, bad_shape."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class Said:
    """One message. key and parent are the file's own names; parents come before their replies."""

    key: str
    parent: str | None
    is_question: bool
    text: str
    model: str = ""
    at: datetime | None = None


@dataclass
class Conversation:
    """key names it among all that its program ever exported. tip: the message whose branch is shown."""

    key: str
    title: str
    messages: list[Said]
    created_at: datetime | None = None
    updated_at: datetime | None = None
    tip: str | None = None
    folder: str = ""
    tags: list[str] = field(default_factory=list)
    is_pinned: bool = False
    is_archived: bool = False
    num_hidden: int = 0  # of the system and of tools
    num_images: int = 0


@dataclass
class Node:
    """A message in a foreign tree; said is None where it is not for people."""

    parent: str | None
    said: Said | None


def in_order(nodes: Mapping[str, Node]) -> list[Said]:
    """Those for people, each after its parent; a reply to one that is left out answers what that one answered.

    A parent that is not there, or a circle of parents, is a beginning. Linear, without recursion.
    """
    nearest: dict[str, str | None] = {}  # node -> itself or the nearest one above that is kept
    ordered: list[Said] = []
    for key in nodes:
        way: list[str] = []
        at: str | None = key
        seen: set[str] = set()
        while at is not None and at in nodes and at not in nearest and at not in seen:
            seen.add(at)
            way.append(at)
            at = nodes[at].parent
        above = nearest.get(at) if at is not None else None
        for name in reversed(way):
            said = nodes[name].said
            if said is not None:
                said.parent, above = above, said.key
                ordered.append(said)
            nearest[name] = above
    return ordered


def kept_tip(nodes: Mapping[str, Node], current: str | None) -> str | None:
    """The message that the file shows last, or the nearest one above it that is kept."""
    seen: set[str] = set()
    while current is not None and current in nodes and current not in seen:
        said = nodes[current].said
        if said is not None:
            return said.key
        seen.add(current)
        current = nodes[current].parent
    return None


def text_of(value: Any) -> str:
    """A string that can be stored; "" for anything else."""
    if not isinstance(value, str):
        return ""
    if len(value) > MAX_TEXT_CHARS:
        raise Unreadable("too_long")
    return "".join(char for char in value if char != "\x00" and not "\ud800" <= char <= "\udfff")


def id_of(value: Any) -> str | None:
    """A name as other programs give them; None for anything else."""
    text = text_of(value) if isinstance(value, str) and len(value) <= MAX_ID_CHARS else ""
    return text or None


def moment(value: Any) -> datetime | None:
    """Seconds or milliseconds since 1970, or an ISO date; None for what is no time of such a conversation."""
    found: datetime | None = None
    if isinstance(value, str) and len(value) <= 40:
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            return None
        found = found if found.tzinfo else found.replace(tzinfo=UTC)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        if not math.isfinite(value) or not 0 < value < 1e13:
            return None
        found = datetime.fromtimestamp(value / 1000 if value > 1e11 else value, UTC)
    if found is None or not EARLIEST <= found <= datetime.now(UTC) + timedelta(days=1):
        return None
    return found


def texts(values: Any, most: int) -> list[str]:
    return [text for text in map(text_of, values[:most]) if text] if isinstance(values, list) else []


def object_of(value: Any) -> dict[str, Any]:
    """A JSON object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def checked(conversation: Conversation, messages: Iterable[Said]) -> Conversation:
    """The conversation with its messages. Raises Unreadable."""
    conversation.messages = list(messages)
    if not conversation.messages:
        raise Unreadable("no_messages")
    return conversation
