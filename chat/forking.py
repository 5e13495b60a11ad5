"""A new thread out of an old one: what was said up to some message, copied, so that each goes its own way."""

from __future__ import annotations

import uuid

from django.db import transaction

from chat.models import Message, Thread
from chat.models.message import PENDING, STOPPED


def fork(thread: Thread, message: Message) -> Thread:
    """Up to and with this answer; before this question, which will be asked anew. An unfinished answer is cut off."""
    path = thread.tree().path(message.pk)
    if message.is_question:
        path = path[:-1]
    with transaction.atomic():
        forked = Thread(owner=thread.owner, title=thread.title, title_source=thread.title_source, model=thread.model)
        forked.assistant, forked.assistant_name = thread.assistant, thread.assistant_name
        forked.set_answer_settings(thread.answer_settings)
        forked.save()
        forked.documents.set(thread.documents.all())
        forked.ask(thread.collections.all(), thread.asks_everything)
        rows = Message.objects.in_bulk(path)
        Message.objects.bulk_create(_copies([rows[pk] for pk in path], forked))
    return forked


def _copies(messages: list[Message], thread: Thread) -> list[Message]:
    copies: list[Message] = []
    for message in messages:
        message.parent_id = copies[-1].pk if copies else None
        message.pk = uuid.uuid4()
        message.thread = thread
        if message.status == PENDING:
            message.status = message.finish_reason = STOPPED
        copies.append(message)
    return copies
