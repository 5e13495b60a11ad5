"""What follows an answer: exact citations, the thread list of every tab, a title."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from kombu.exceptions import OperationalError

from chat import doorbell
from chat.models import Thread, Turn
from chat.models.message import COMPLETE
from chat.models.thread import FROM_QUESTION
from rag import attribution, citations
from rag.search import Passage

log = logging.getLogger(__name__)


def answered(turn: Turn, passages_by_n: Mapping[int, Passage]) -> None:
    """Every step may fail without harm to the answer, which is stored already."""
    if passages_by_n:
        marks = [attribution.Mark(*mark) for mark in turn.answer.sources.get("marks", ())]
        citations.store(turn.answer_id, passages_by_n, attribution.with_marks(turn.answer.text, marks))
    thread = Thread.objects.filter(pk=turn.thread_id).first()
    if thread is None:
        return
    doorbell.thread_changed(thread.owner_id, thread.summary())
    is_first = turn.question.parent_id is None
    if is_first and thread.title_source == FROM_QUESTION and turn.answer.status == COMPLETE:
        ask_for_title(thread)


def ask_for_title(thread: Thread) -> None:
    from chat.tasks import title_thread

    try:
        title_thread.apply_async((str(thread.pk),), retry=False)
    except (OperationalError, OSError) as error:
        log.warning("no title for thread %s: %s", thread.pk, type(error).__name__)
