"""A conversation becomes a thread of its owner's, once, however often its file is imported.

Ids of messages are made of the thread's own random id and the file's names, so that a second import finds them, adds
what was said since, and nobody can take an id before it is used.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from chat import limits
from chat.importing.said import Conversation
from chat.models import Employee, Folder, Message, Thread
from chat.models.message import ASSISTANT, COMPLETE, USER
from chat.models.thread import FROM_EMPLOYEE, TITLE_CHARS, first_words

NEW, GROWN, THERE = "new", "grown", "there"
MODEL_CHARS = 200


@transaction.atomic
def keep(owner: Employee, conversation: Conversation) -> tuple[str, Thread]:
    """NEW, GROWN by messages that were not there, or THERE. A thread in the trash stays as it is."""
    thread = Thread.objects.select_for_update().filter(owner=owner, foreign_id=conversation.key).first()
    thread = thread or _own(owner, conversation)
    if thread is None:
        made = _make(owner, conversation)
        _say(made, conversation, set())
        return NEW, made
    if thread.deleted_at is not None or thread.foreign_id is None:
        return THERE, thread
    there = set(thread.messages.values_list("pk", flat=True))
    return (GROWN if _say(thread, conversation, there) else THERE), thread


def _own(owner: Employee, conversation: Conversation) -> Thread | None:
    """The thread itself, where it was exported from here and is still there."""
    program, _colon, key = conversation.key.partition(":")
    try:
        thread_id = uuid.UUID(key) if program == "hearth" else None
    except ValueError:
        thread_id = None
    return Thread.objects.filter(owner=owner, pk=thread_id).first() if thread_id else None


def _make(owner: Employee, conversation: Conversation) -> Thread:
    now = timezone.now()
    title = " ".join(conversation.title.split())[:TITLE_CHARS] or first_words(conversation.messages[0].text)
    times = [said.at for said in conversation.messages if said.at]
    updated_at = conversation.updated_at or max(times, default=now)
    tags = dict.fromkeys(" ".join(tag.split())[: limits.MAX_TAG_CHARS].strip() for tag in conversation.tags)
    thread = Thread.objects.create(
        owner=owner,
        title=title,
        title_source=FROM_EMPLOYEE,
        foreign_id=conversation.key,
        folder=_folder(owner, conversation.folder),
        tags=[tag for tag in tags if tag][: limits.MAX_TAGS_PER_THREAD],
        updated_at=updated_at,
        pinned_at=updated_at if conversation.is_pinned else None,
        archived_at=updated_at if conversation.is_archived else None,
    )
    created_at = conversation.created_at or min(times, default=updated_at)
    Thread.objects.filter(pk=thread.pk).update(created_at=created_at)
    return thread


def _folder(owner: Employee, name: str) -> Folder | None:
    """The owner's folder of that name, if there is one."""
    return Folder.objects.for_employee(owner).filter(name=name).first() if name else None


def _say(thread: Thread, conversation: Conversation, there: set[uuid.UUID]) -> int:
    """Add the messages that are not there; how many. Each is later than its parent, as the tree wants it."""
    rows: list[Message] = []
    last = conversation.created_at or timezone.now()
    at: dict[str, datetime] = {}
    for said in conversation.messages:
        above = at.get(said.parent) if said.parent else None
        moment = said.at or above or last
        if above is not None and moment <= above:
            moment = above + timedelta(microseconds=1)
        at[said.key] = last = moment
        pk = _id(thread, said.key)
        if pk not in there:
            there.add(pk)
            rows.append(
                Message(
                    id=pk,
                    thread=thread,
                    parent_id=_id(thread, said.parent) if said.parent else None,
                    role=USER if said.is_question else ASSISTANT,
                    text=said.text,
                    model_name=said.model[:MODEL_CHARS],
                    status=COMPLETE,
                    created_at=moment,
                )
            )
    Message.objects.bulk_create(rows, batch_size=500)
    if rows and conversation.tip:
        Thread.objects.filter(pk=thread.pk).update(tip=_id(thread, conversation.tip))
    return len(rows)


def _id(thread: Thread, key: str) -> uuid.UUID:
    return uuid.uuid5(thread.pk, key)
