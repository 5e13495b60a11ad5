"""Ringing in other people's tabs: something changed, look again. Who hears it is `chat.bells`.

A ring is a doorbell and never the truth: it may be lost, and whoever hears it asks the database. Valkey that does not
answer costs freshness, never the caller's work.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import Iterable
from typing import Any

import msgpack
import redis
from django.conf import settings

from chat import valkey

log = logging.getLogger(__name__)

EVERYONE = "everyone"
Ring = tuple[str, str]  # a group and a JSON text


def channel() -> str:
    """Valkey's channels know no database numbers, hence the prefix."""
    return f"{settings.CHANNEL_PREFIX}:bells"


def pack(rings: Iterable[Ring]) -> bytes:
    packed: bytes = msgpack.packb(list(rings))
    return packed


def unpack(data: bytes) -> list[Ring]:
    return [(group, text) for group, text in msgpack.unpackb(data)]


def employee_group(employee_id: int) -> str:
    return f"employee.{employee_id}"


def turn_group(turn_id: uuid.UUID) -> str:
    return f"turn.{turn_id.hex}"


def ring(group: str, message: dict[str, Any]) -> None:
    """From synchronous code."""
    ring_all([group], message)


def ring_all(groups: Iterable[str], message: dict[str, Any]) -> None:
    """The same message at many doors, at the price of one."""
    text = json.dumps(message)
    rings = [(group, text) for group in groups]
    try:
        valkey.client().publish(channel(), pack(rings))
    except redis.RedisError as error:
        log.warning("%d doorbells not rung: %s", len(rings), type(error).__name__)


async def ring_soon(group: str, *messages: dict[str, Any]) -> None:
    """The same from asynchronous code."""
    try:
        async with asyncio.timeout(valkey.AWAY_SECONDS):
            await valkey.loop_client().publish(channel(), pack((group, json.dumps(message)) for message in messages))
    except (redis.RedisError, OSError) as error:
        log.warning("doorbell %s not rung: %s", group, type(error).__name__)


def session_ended(employee_id: int, session_key: str | None) -> None:
    """Somebody signed out: sockets of that session close."""
    ring(employee_group(employee_id), {"type": "rights.changed", "session_key": session_key or ""})


def rights_changed(employee_id: int) -> None:
    """Password, activity or role changed: every socket of the employee checks itself."""
    ring(employee_group(employee_id), {"type": "rights.changed", "session_key": ""})


def thread_changed(employee_id: int, summary: dict[str, Any]) -> None:
    ring(employee_group(employee_id), {"type": "thread.changed", "thread": summary})


def branch_changed(employee_id: int, thread_id: uuid.UUID, ref: str = "") -> None:
    """Another branch of the thread is shown now; ref: what the asking tab calls it."""
    ring(employee_group(employee_id), {"type": "branch.changed", "thread": str(thread_id), "ref": ref})


def models_changed() -> None:
    ring(EVERYONE, {"type": "models.changed"})


def forward_document_changes() -> None:
    """Let the signals of rag ring in the tabs of those whom they touch."""
    from rag.signals import document_changed, library_changed

    document_changed.connect(_document_changed, dispatch_uid="chat.forward_document_changes")
    library_changed.connect(_library_changed, dispatch_uid="chat.forward_library_changes")


def _document_changed(
    sender: type, document_id: uuid.UUID, lost: frozenset[int] = frozenset(), **kwargs: object
) -> None:
    """Only ids travel: each socket reads the document through for_employee before it says anything.

    Who never could read it is not rung at all, since even a deletion would tell that it was there. Each page that is
    read is news to those who look after a document; to everybody else, that it can be searched and is ready.
    """
    from rag import audience
    from rag.models import Document

    document = Document.objects.select_related("newest_version").filter(pk=document_id).first()
    if document is None:
        return
    told = audience.curators_of(document) if document.is_on_its_way else audience.readers_of(document)
    groups = [employee_group(pk) for pk in sorted(told | lost)]
    ring_all(groups, {"type": "document.changed", "document_id": str(document_id)})


def _library_changed(sender: type, employees: frozenset[int], **kwargs: object) -> None:
    ring_all([employee_group(pk) for pk in sorted(employees)], {"type": "library.changed"})
