"""One question to several models at once. Each gives an ordinary answer, with a turn of its own, beside the others.

Until one is kept the question is undecided, and pages show all of its answers side by side. Keeping one makes it the
branch that the thread shows; so does asking on from it, or asking for one more answer. The others stay as branches, and
while nothing follows the kept one they can be put side by side again.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping

from django.db import transaction
from django.utils.translation import gettext as _

from chat import limits
from chat.errors import Conflict
from chat.models import Message, Thread, Turn
from chat.models.message import ASSISTANT


def answer_ids(question_id: uuid.UUID) -> list[uuid.UUID]:
    """What the answers of a comparison are called, in order: made of the question's id, so that asking twice finds

    the same ones, also when more answers were given since.
    """
    return [uuid.uuid5(question_id, f"side by side {n}") for n in range(limits.MAX_COMPARED_MODELS)]


def first_turns(question: Message, turns: Iterable[Turn]) -> list[Turn]:
    """Of a comparison the turns that began its answers, in order; [] for another question."""
    by_answer: dict[uuid.UUID, Turn] = {}
    for turn in sorted(turns, key=lambda turn: turn.created_at):
        by_answer.setdefault(turn.answer_id, turn)
    return [by_answer[answer] for answer in answer_ids(question.pk) if answer in by_answer]


def beside(question: Message, rows: Mapping[uuid.UUID, Message]) -> list[Message]:
    """Those of the rows that stand side by side under this question now, in order."""
    return [rows[pk] for pk in answer_ids(question.pk) if pk in rows] if question.is_undecided else []


def num_compared(question: Message, answer: Message, rows: Mapping[uuid.UUID, Message]) -> int:
    """How many of the rows stood side by side with this answer until one was kept; 0 for another answer."""
    ids = answer_ids(question.pk)
    is_one = not question.is_undecided and answer.pk in ids
    return sum(pk in rows for pk in ids) if is_one else 0


def is_beside(answer: Message) -> bool:
    question = answer.parent
    return question is not None and question.is_undecided and answer.pk in answer_ids(question.pk)


def settle(answer_id: uuid.UUID | None) -> None:
    """The thread goes on from this answer: where it stood beside others, it is kept."""
    if answer_id is not None:
        Message.objects.filter(replies=answer_id, is_undecided=True).update(is_undecided=False)


@transaction.atomic
def compare_again(thread: Thread, message: Message) -> None:
    """Show the answers side by side once more, as before one was kept. Raises Conflict where that cannot be."""
    question = message.parent
    ids = answer_ids(question.pk) if question else []
    answers = list(thread.messages.filter(pk__in=ids).values_list("pk", flat=True))
    if question is None or message.pk not in answers or len(answers) < 2 or message.replies.exists():
        raise Conflict("not_compared", _("These answers cannot stand side by side any more."))
    Message.objects.filter(pk=question.pk).update(is_undecided=True)
    thread.show(message)


@transaction.atomic
def keep(thread: Thread, message: Message) -> None:
    """Show the branch through the message; an answer that stood beside others is kept by that."""
    if message.role == ASSISTANT:
        settle(message.pk)
    thread.show(message)
