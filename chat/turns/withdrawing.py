"""Taking back a question that waits for the answer before it.

A question that is sent while an answer is being written is stored and queued like any other, and `queue.claim` lets it
wait for the answer that it follows; so the queue survives whatever a turn survives. Until a worker has begun with
it, it can be taken back as if it had never been sent.
"""

from __future__ import annotations

import uuid

from django.db import transaction
from django.utils.translation import gettext as _

from chat import doorbell
from chat.errors import Conflict, Missing
from chat.models import Employee, Message, Thread, Turn
from chat.models.turn import QUEUED


@transaction.atomic
def withdraw(employee: Employee, turn_id: uuid.UUID) -> str:
    """The question's text. What was asked behind it stays. Raises Missing; Conflict once an answer has begun."""
    found = Turn.objects.for_employee(employee).filter(pk=turn_id).values_list("thread_id", flat=True).first()
    if found is None:
        raise Missing
    # The thread first, as everywhere: whoever asks behind this question waits.
    thread = Thread.objects.select_for_update().get(pk=found)
    question = Message.objects.filter(turns=turn_id).first()
    if question is None:
        raise Missing
    turns = list(Turn.objects.select_for_update().filter(question=question))
    # Several when the question was put to several models at once.
    answers = {turn.answer_id for turn in turns}
    has_begun = any(turn.status != QUEUED or turn.attempt for turn in turns)
    if has_begun or question.parent_id is None or question.replies.count() != len(answers):
        raise Conflict("already_answered", _("This question is being answered already."))
    Message.objects.filter(parent__in=answers).update(parent=question.parent_id)
    if thread.tip_id in answers:
        thread.tip_id = question.parent_id
        thread.save(update_fields=["tip"])
    Turn.objects.filter(question=question).delete()
    Message.objects.filter(pk__in=answers).delete()
    question.delete()
    transaction.on_commit(lambda: doorbell.branch_changed(thread.owner_id, thread.pk))
    return question.text
