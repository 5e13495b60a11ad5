"""Whether anybody writes answers at all, what a queued turn waits for, and an end for turns that nobody will write.

Workers note every other second that they live. Without one, a queued turn is not left to hope: its page says so, and
after three quarters of a minute it ends as interrupted, with its text and a way to ask again.
"""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone, translation

from chat.models import Message, Turn, TurnWorker
from chat.models.message import FAILED as MESSAGE_FAILED
from chat.models.turn import FAILED, PATIENCE, QUEUED
from chat.turns import failures

log = logging.getLogger(__name__)

ALIVE = timedelta(seconds=10)
FORGOTTEN = timedelta(hours=1)


@dataclass(frozen=True)
class Waiting:
    """position 1 is the next to be claimed; wait_seconds is a guess from the last answers, None without any."""

    position: int
    wait_seconds: float | None
    has_worker: bool


def note(worker: str) -> None:
    TurnWorker.objects.update_or_create(name=worker, defaults={"seen_at": timezone.now()})
    TurnWorker.objects.filter(seen_at__lt=timezone.now() - FORGOTTEN).delete()


def leave(worker: str) -> None:
    TurnWorker.objects.filter(name=worker).delete()


def is_anybody_there() -> bool:
    return TurnWorker.objects.filter(seen_at__gt=timezone.now() - ALIVE).exists()


def waiting(turn: Turn) -> Waiting:
    """What a queued turn waits for. Two queries."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT (SELECT count(*) FROM chat_turn t WHERE t.status = 'queued' AND t.created_at < %(created)s),
                   (SELECT count(*) FROM chat_turn t WHERE t.status = 'running'),
                   (SELECT avg(extract(epoch FROM finished_at - started_at)) FROM (
                       SELECT finished_at, started_at FROM chat_turn
                       WHERE status = 'finished' AND started_at IS NOT NULL
                       ORDER BY created_at DESC LIMIT 20) AS recent)
            """,
            {"created": turn.created_at},
        )
        num_before, num_running, seconds = cursor.fetchone()
    guess = round(float(seconds) * (num_before + 1) / max(1, num_running), 1) if seconds else None
    return Waiting(num_before + 1, guess, is_anybody_there())


def give_up_abandoned() -> int:
    """End the queued turns that no worker has lived for. How many."""
    now = timezone.now()
    if TurnWorker.objects.filter(seen_at__gt=now - PATIENCE).exists():
        return 0
    # A turn that a dead worker held and that is queued again has waited long enough already.
    old = Turn.objects.filter(status=QUEUED, created_at__lt=now - PATIENCE)
    return sum(_give_up(turn_id) for turn_id in list(old.values_list("pk", flat=True)))


def _give_up(turn_id: uuid.UUID) -> bool:
    with transaction.atomic():
        turn = Turn.objects.select_for_update(skip_locked=True).filter(pk=turn_id, status=QUEUED).first()
        if turn is None:
            return False
        with translation.override(turn.language or settings.LANGUAGE_CODE):
            failure = failures.nobody_there()
        Turn.objects.filter(pk=turn_id).update(status=FAILED, error_code=failure.code, finished_at=timezone.now())
        Message.objects.filter(pk=turn.answer_id).update(
            status=MESSAGE_FAILED, error_code=failure.code, error_sentence=failure.sentence
        )
    log.warning("turn %s ended: no worker lives", turn_id)
    return True
