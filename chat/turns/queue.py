"""The rows behind answers, as workers see them. Each verb is one transaction, and names the worker's attempt.

What puts turns into the queue is `chat.turns.asking`. A lost ring costs a second, because workers look by themselves.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from datetime import timedelta

import redis
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from chat import valkey
from chat.errors import Missing
from chat.models import Employee, Message, Thread, Turn
from chat.models.turn import LEASE, QUEUED, RUNNING, TurnQuerySet

log = logging.getLogger(__name__)

MAX_INTERRUPTIONS = 3


def channel() -> str:
    """Where workers listen. Valkey's channels know no database numbers, hence the prefix."""
    return f"{settings.CHANNEL_PREFIX}:turns"


def ring(message: str) -> None:
    """ "queued", or "stop <turn id>"."""
    try:
        valkey.client().publish(channel(), message)
    except redis.RedisError as error:
        log.warning("workers not rung: %s", type(error).__name__)


def claim(worker: str, turn_id: uuid.UUID | None = None) -> Turn | None:
    """The oldest waiting turn (or this one), now ours for the time of a lease. One statement.

    A question waits for the answer that it follows, which belongs to its history. Answers that stand beside each other,
    of a comparison or on another branch, are written at the same time.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE chat_turn SET status = 'running', attempt = attempt + 1, worker = %(worker)s, not_before = NULL,
                   lease_until = now() + make_interval(secs => %(lease)s), started_at = coalesce(started_at, now())
            WHERE id = (
                SELECT t.id FROM chat_turn t
                WHERE t.status = 'queued' AND (t.not_before IS NULL OR t.not_before <= now())
                  AND (%(turn)s::uuid IS NULL OR t.id = %(turn)s)
                  AND NOT EXISTS (
                      SELECT 1 FROM chat_message q JOIN chat_turn e ON e.answer_id = q.parent_id
                      WHERE q.id = t.question_id AND e.status IN ('queued', 'running'))
                ORDER BY t.created_at LIMIT 1 FOR UPDATE SKIP LOCKED)
            RETURNING id
            """,
            {"worker": worker, "lease": LEASE.total_seconds(), "turn": turn_id},
        )
        row = cursor.fetchone()
        if row is None:
            return None
        return Turn.objects.select_related(
            "thread__owner", "thread__model", "thread__folder", "question", "answer"
        ).get(pk=row[0])


def release(turn: Turn, *, not_before_seconds: float = 0) -> bool:
    """Give a turn back to the queue: the worker stops, or the engine had no room."""
    not_before = timezone.now() + timedelta(seconds=not_before_seconds) if not_before_seconds else None
    done = _ours(turn).update(status=QUEUED, lease_until=None, not_before=not_before) == 1
    if done and not not_before_seconds:
        ring("queued")
    return done


def finish(turn: Turn, *, seq: int, status: str, answer: Message) -> bool:
    """Store the end of the turn with the whole answer. False when the turn is not ours any more."""
    with transaction.atomic():
        ended = _ours(turn).update(
            status=status,
            checkpoint_seq=seq,
            lease_until=None,
            finished_at=timezone.now(),
            error_code=answer.error_code,
        )
        if not ended:
            return False
        answer.save()
        Thread.objects.filter(pk=turn.thread_id).update(updated_at=timezone.now())
        # A question that was sent while this answer was being written waits for exactly this.
        transaction.on_commit(lambda: ring("queued"))
    return True


def _ours(turn: Turn) -> TurnQuerySet:
    return Turn.objects.filter(pk=turn.pk, attempt=turn.attempt, status=RUNNING)


def request_stop(employee: Employee, turn_id: uuid.UUID) -> None:
    """Ask whoever writes the answer to stop. Asking for a turn that has ended is no error."""
    turn = Turn.objects.for_employee(employee).filter(pk=turn_id).first()
    if turn is None:
        raise Missing
    Turn.objects.filter(pk=turn.pk, stop_requested_at=None).update(stop_requested_at=timezone.now())
    if turn.is_open:
        ring(f"stop {turn.pk}")


def stop_all_of(employee: Employee) -> None:
    """The same for everything that is being written for the employee."""
    for turn in Turn.objects.for_employee(employee).unfinished():
        request_stop(employee, turn.pk)


def workers_of(machine: str) -> list[str]:
    """The names of workers on this machine that hold turns."""
    held = Turn.objects.filter(status=RUNNING, worker__startswith=f"{machine}-")
    return list(held.order_by("worker").values_list("worker", flat=True).distinct())


def sweep(dead: Sequence[str] = ()) -> int:
    """Queue again what dead workers held: those named, and those whose lease ran out.

    A turn that died MAX_INTERRUPTIONS times is failed by who claims it.
    """
    is_orphan = Q(lease_until__lt=timezone.now()) | Q(worker__in=dead)
    num_queued = Turn.objects.filter(is_orphan, status=RUNNING).update(
        status=QUEUED, lease_until=None, num_interruptions=F("num_interruptions") + 1
    )
    if num_queued:
        log.warning("%d turns of dead workers are queued again", num_queued)
        ring("queued")
    return num_queued
