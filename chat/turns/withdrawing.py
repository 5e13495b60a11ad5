"""Taking back a question that waits for the answer before it.

A question that is sent while an answer is being written is stored and queued like any other, and `queue.claim` answers
a thread's questions one after the other; so the queue survives whatever a turn survives. Until a worker has begun with
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
    turn = Turn.objects.select_for_update().filter(pk=turn_id).select_related("question", "answer").first()
    if turn is None:
        raise Missing
    is_only_answer = turn.question.replies.count() == 1
    if turn.status != QUEUED or turn.attempt or turn.question.parent_id is None or not is_only_answer:
        raise Conflict("already_answered", _("This question is being answered already."))
    question, answer = turn.question, turn.answer
    Message.objects.filter(parent=answer).update(parent=question.parent_id)
    if thread.tip_id == answer.pk:
        thread.tip_id = question.parent_id
        thread.save(update_fields=["tip"])
    turn.delete()
    answer.delete()
    question.delete()
    transaction.on_commit(lambda: doorbell.branch_changed(thread.owner_id, thread.pk))
    return question.text
