"""What is deleted for ever: threads out of the trash, and temporary ones when they end.

Messages, turns, drafts and links go with the row; the log of a running answer is emptied too. Citations name messages
by id alone, so theirs are looked for.
"""

from __future__ import annotations

import logging
from datetime import timedelta

import redis
from django.db import transaction
from django.utils import timezone

from chat import valkey
from chat.models import (
    ApiKey,
    Assistant,
    Draft,
    Employee,
    Folder,
    Message,
    SavedPrompt,
    Share,
    Thread,
    ThreadImport,
    Turn,
)
from chat.models.message import ASSISTANT
from chat.models.thread import TRASH_DAYS, ThreadQuerySet
from chat.models.turn import OPEN
from chat.turns import log as turn_log
from chat.turns import queue
from rag import citations
from rag.models import Document, Upload

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


def everything_of(employee: Employee) -> None:
    """All that an employee keeps here, out of every list, search and link with the first statement, then for ever.

    Their account stays. So do documents that lie in a collection: they are the collection's. Whatever a process that
    dies here leaves behind, beat finds in the trash, too old to be kept.
    """
    with transaction.atomic():
        overdue = timezone.now() - timedelta(days=TRASH_DAYS + 1)
        Thread.objects.filter(owner=employee).update(deleted_at=overdue)
        for rows in (ApiKey, Draft, Folder):
            rows.objects.for_employee(employee).delete()
        Share.objects.for_employee(employee).delete()
        # Only one's own: for_employee also finds what others share.
        for shareable in (Assistant, SavedPrompt):
            shareable.objects.owned_by(employee).delete()
        for document in Document.objects.filter(owner_id=employee.pk, deleted_at=None, collection=None):
            document.delete_for_everyone()
    for one in ThreadImport.objects.for_employee(employee):
        one.discard()
    for upload in Upload.objects.for_employee(employee).filter(document=None):
        upload.path.unlink(missing_ok=True)
        upload.delete()
    queue.stop_all_of(employee)
    _all(Thread.objects.trash_of(employee))


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
