"""What follows an answer: the thread list of every tab, a title."""

from __future__ import annotations

import logging

from kombu.exceptions import OperationalError

from chat import doorbell
from chat.models import Thread, Turn
from chat.models.message import COMPLETE
from chat.models.thread import FROM_QUESTION

log = logging.getLogger(__name__)


def answered(turn: Turn) -> None:
    """Every step may fail without harm to the answer, which is stored already."""
    thread = Thread.objects.filter(pk=turn.thread_id).first()
    if thread is None:
        return
    thread.note_answer()
    doorbell.thread_changed(thread.owner_id, thread.summary())
    if thread.is_temporary:
        return
    is_first = turn.question.parent_id is None
    if is_first and thread.title_source == FROM_QUESTION and turn.answer.status == COMPLETE:
        ask_for_title(thread)


def ask_for_title(thread: Thread) -> None:
    from chat.tasks import title_thread

    try:
        title_thread.apply_async((str(thread.pk),), retry=False)
    except (OperationalError, OSError) as error:
        log.warning("no title for thread %s: %s", thread.pk, type(error).__name__)
