"""What is deleted for ever: threads out of the trash, and temporary ones when they end.

Messages, turns, drafts and links go with the row; the log of a running answer is emptied too. Citations name messages
by id alone, so theirs are looked for.
"""

from __future__ import annotations

import logging

import redis
from django.db import transaction

from chat import valkey
from chat.models import Employee, Message, Thread, Turn
from chat.models.message import ASSISTANT
from chat.models.thread import ThreadQuerySet
from chat.models.turn import OPEN
from chat.turns import log as turn_log
from chat.turns import queue
from rag import citations

log = logging.getLogger(__name__)
BATCH_THREADS = 100


def forever(thread: Thread) -> None:
    """The thread and all that hangs on it. An answer in the making is stopped first."""
    turns = dict(Turn.objects.filter(thread=thread).values_list("pk", "status"))
    with transaction.atomic():
        citations.forget(Message.objects.filter(thread=thread, role=ASSISTANT).values_list("pk", flat=True))
        thread.delete()
    for turn_id, status in turns.items():
        # Its worker finds no row to write to any more; the ring only makes it look sooner.
        if status in OPEN:
            queue.ring(f"stop {turn_id}")
    try:
        if turns:
            valkey.client().delete(*map(turn_log.key_of, turns))
    except redis.RedisError as error:
        # They expire by themselves.
        log.warning("logs of %d turns not deleted: %s", len(turns), type(error).__name__)


def empty_trash(employee: Employee) -> int:
    """How many threads are gone for ever."""
    return _all(Thread.objects.trash_of(employee))


def expire() -> int:
    """Beat's: what has lain in the trash for 30 days, and temporary threads that nobody ended."""
    return _all(Thread.objects.expired())


def _all(threads: ThreadQuerySet) -> int:
    num_deleted = 0
    while batch := list(threads[:BATCH_THREADS]):
        for thread in batch:
            forever(thread)
        num_deleted += len(batch)
    return num_deleted
