"""The branch of a thread that is shown: as rows for the page, as JSON for its scripts; choosing another; forking."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, JsonResponse

from chat import doorbell, forking, requests
from chat.branches import Tree
from chat.errors import Missing
from chat.models import Employee, Message, Thread, Turn
from chat.models.rating import rating_of
from chat.requests import employee_of, signed_in
from chat.turns import comparing
from chat.views.frame import thread_of
from chat.visible import visible_sources

STRETCH_MESSAGES = 30  # what the page of a thread begins with, and what comes with each step back


@signed_in
def show(request: HttpRequest, thread_id: uuid.UUID) -> JsonResponse:
    """{"messages": [{id, role, text, siblings, num_compared, …, beside}], "num_earlier", "turns": [{id, answer}]}.

    Messages: see `message_state`.
    beside: the states of the answers that stand side by side with this one, itself among them, in order; or [].

    The newest messages; ?first=ID: from that one on; ?before=ID: those that come before it.
    """
    thread = thread_of(request, thread_id)
    places = {name: _id_or_none(request.GET.get(name)) for name in ("first", "before")}
    return _branch(employee_of(request), thread, **places)


@signed_in
def choose(request: HttpRequest, thread_id: uuid.UUID) -> JsonResponse:
    """Body {message, beside?}: from now on the thread shows the newest branch through it. Answers like GET.

    An answer that stands beside others is kept by this; beside puts it there again: see chat.turns.comparing.
    """
    thread = thread_of(request, thread_id)
    body = requests.fields(request, message=str, beside=bool)
    act = comparing.compare_again if body.get("beside") else comparing.keep
    act(thread, _message(request, thread, body))
    doorbell.branch_changed(thread.owner_id, thread.id)
    return _branch(employee_of(request), thread, first=_id_or_none(request.GET.get("first")))


@signed_in
def fork(request: HttpRequest, thread_id: uuid.UUID) -> JsonResponse:
    """Body {message}: a new thread with what was said up to this answer, or before this question.

    {"thread": summary, "draft": the question's text, or ""}
    """
    thread = thread_of(request, thread_id)
    message = _message(request, thread, requests.fields(request, message=str))
    forked = forking.fork(thread, message)
    doorbell.thread_changed(forked.owner_id, forked.summary())
    draft = message.text if message.is_question else ""
    return JsonResponse({"thread": forked.summary(), "draft": draft}, status=201)


@dataclass(frozen=True)
class Stretch:
    """A part of the shown branch, in order, and how many messages stand before it."""

    messages: list[Message]
    num_earlier: int


def newest(
    employee: Employee, thread: Thread, *, first: uuid.UUID | None = None, before: uuid.UUID | None = None
) -> Stretch:
    """The newest messages of the shown branch, each with its siblings. Three queries.

    first: from this message on, when the branch has it. before: the messages that come before this one.
    """
    tree = thread.tree()
    branch = tree.branch(thread.tip_id)
    if before is not None:
        branch = branch[: branch.index(before)] if before in branch else []
    start = branch.index(first) if first in branch else max(0, len(branch) - STRETCH_MESSAGES)
    messages = _messages(employee, thread, tree, branch[start:], is_end=before is None)
    return Stretch(messages, start)


def shown(employee: Employee, thread: Thread) -> list[Message]:
    """All messages of the shown branch in order, each with its siblings. Three queries."""
    tree = thread.tree()
    return _messages(employee, thread, tree, tree.branch(thread.tip_id))


def _messages(
    employee: Employee, thread: Thread, tree: Tree, branch: Sequence[uuid.UUID], *, is_end: bool = False
) -> list[Message]:
    """is_end: with what stands beside the last message."""
    end = tree.path(branch[-1])[-2:] if is_end and branch else []
    # Only a question that is undecided has them; asking for ids that nothing has costs less than another query.
    wanted = {*branch, *end, *(comparing.answer_ids(end[0]) if end else ())}
    own = Message.objects.for_employee(employee)
    rows = own.filter(thread=thread, pk__in=wanted).select_related("rating").in_bulk()
    messages = [rows[pk] for pk in branch if pk in rows]
    if end and end[0] in rows and end[-1] in rows:
        question, last = rows[end[0]], rows[end[-1]]
        last.beside = comparing.beside(question, rows)
        last.num_compared = comparing.num_compared(question, last, rows)
    everything = list({message.pk: message for shown in messages for message in (shown, *shown.beside)}.values())
    for message in everything:
        message.siblings = tree.siblings(message.pk)
    visible_sources(employee, everything)
    return messages


def running_turns(employee: Employee, thread: Thread) -> list[dict[str, str]]:
    """{id, answer} of each answer in the making, the one that is written first first."""
    turns = Turn.objects.for_employee(employee).unfinished().filter(thread=thread).order_by("created_at")
    return [{"id": str(turn.id), "answer": str(turn.answer_id)} for turn in turns]


def message_state(message: Message) -> dict[str, Any]:
    """What chat/_message.html shows, for scripts."""
    return {
        "id": str(message.id),
        "role": message.role,
        "text": message.text,
        "reasoning": message.reasoning,
        "reasoning_seconds": message.reasoning_seconds,
        "siblings": [str(sibling) for sibling in message.siblings],
        "num_compared": message.num_compared,
        "status": message.status,
        "reason": message.finish_reason,
        "model": message.model_name,
        "version": message.model_version,
        "problem": message.error_sentence,
        "sources": message.sources or None,
        "num_prompt_tokens": message.num_prompt_tokens,
        "num_completion_tokens": message.num_completion_tokens,
        "tokens_per_second": message.tokens_per_second,
        "context_length": message.context_length,
        "rating": rating_of(message),
    }


def _branch(employee: Employee, thread: Thread, **places: uuid.UUID | None) -> JsonResponse:
    # Before the messages: an answer that ends in between is followed once too often, not waited for for ever.
    turns = running_turns(employee, thread)
    stretch = newest(employee, thread, **places)
    messages = [
        message_state(message) | {"beside": [message_state(other) for other in message.beside]}
        for message in stretch.messages
    ]
    return JsonResponse({"messages": messages, "num_earlier": stretch.num_earlier, "turns": turns})


def _id_or_none(text: str | None) -> uuid.UUID | None:
    """What is no id names nothing."""
    try:
        return uuid.UUID(text) if text else None
    except ValueError:
        return None


def _message(request: HttpRequest, thread: Thread, body: dict[str, Any]) -> Message:
    """The message that the body names. Raises BadInput, Missing."""
    requests.require(body, "message")
    message_id = requests.id_of(body, "message")
    message = Message.objects.for_employee(employee_of(request)).filter(thread=thread, pk=message_id).first()
    if message is None:
        raise Missing
    return message


branch = requests.methods(GET=show, PUT=choose)
forks = requests.methods(POST=fork)
