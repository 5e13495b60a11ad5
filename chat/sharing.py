"""Threads between colleagues: a snapshot to read, and a copy to go on with.

What the owner said and read is theirs to show; documents are not. A reader sees the sources that they may open
themselves, and of the others only that there was one.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.db import transaction

from chat.models import Employee, Message, Share, Thread
from chat.models.message import ASSISTANT, COMPLETE, USER
from rag.models import Document


def snapshot(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """The shown branch as it is now. Answers in the making are left out: nobody can share what is not there yet."""
    return [
        {
            "role": message.role,
            "text": message.text,
            "model": message.model_name,
            "created_at": message.created_at.isoformat(),
            "sources": [_source(source) for source in (message.sources or {}).get("sources", [])],
        }
        for message in messages
        if not message.is_pending and message.text
    ]


def readable(share: Share, employee: Employee) -> list[dict[str, Any]]:
    """Its messages as this employee may read them: {role, text, model, created_at, sources, num_hidden}. One query."""
    wanted = {uuid.UUID(s["document"]) for m in share.messages for s in m["sources"]}
    visible = set(Document.objects.for_employee(employee).filter(pk__in=wanted).values_list("pk", flat=True))
    shown = []
    for message in share.messages:
        sources = [source for source in message["sources"] if uuid.UUID(source["document"]) in visible]
        shown.append(message | {"sources": sources, "num_hidden": len(message["sources"]) - len(sources)})
    return shown


@transaction.atomic
def copy(share: Share, employee: Employee) -> Thread:
    """A thread of the reader's own that begins with what was shared. Sources stay behind; the marks stay text."""
    thread = Thread.objects.create(owner=employee, title=share.title)
    rows: list[Message] = []
    for message in share.messages:
        parent = rows[-1] if rows else None
        role = USER if message["role"] == USER else ASSISTANT
        row = Message(thread=thread, parent=parent, role=role, text=message["text"], status=COMPLETE)
        row.model_name = message["model"]
        rows.append(row)
    Message.objects.bulk_create(rows)
    return thread


def _source(source: dict[str, Any]) -> dict[str, Any]:
    return {name: source.get(name) for name in ("n", "document", "title", "label", "heading")}
