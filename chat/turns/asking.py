"""What employees ask for: a question, an answer once more, the rest of an answer. Each verb is one transaction.

The browser makes the id of what it asks for, so that asking twice is asking once. Nothing is overwritten: an edited
question and a second answer stand beside the first. Workers are rung only after COMMIT.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from chat import limits
from chat.answer_settings import AnswerSettings
from chat.errors import BadInput, Conflict, Missing, TooMany
from chat.models import Assistant, Employee, Folder, Message, ServedModel, Thread, Turn
from chat.models.message import ASSISTANT, PENDING, USER
from chat.models.thread import first_words
from chat.turns import comparing, queue
from rag.models import Collection, Document


@dataclass(frozen=True)
class Sent:
    thread: Thread
    question: Message
    answer: Message
    turn: Turn
    is_new_thread: bool = False
    others: tuple[Turn, ...] = ()  # of a comparison: those of the other models, in order


@dataclass(frozen=True)
class Beginning:
    """What a thread is begun with. settings stand instead of the assistant's own."""

    folder_id: uuid.UUID | None = None
    is_temporary: bool = False
    assistant_id: uuid.UUID | None = None
    settings: AnswerSettings | None = None


@dataclass(frozen=True)
class Question:
    """parent_id: the message it follows; without one, the last that the thread shows. edits: the question that it

    stands beside. id is the message's. begins: of the thread that begins with it. model_name is the thread's from now
    on, model_once only this answer's. compare: the models that answer side by side instead. collection_ids, everything:
    what the thread asks from now on; None: as before.
    """

    id: uuid.UUID
    thread_id: uuid.UUID | None
    text: str
    model_name: str | None = None
    document_ids: tuple[uuid.UUID, ...] = ()
    language: str = ""
    parent_id: uuid.UUID | None = None
    edits: uuid.UUID | None = None
    begins: Beginning = Beginning()
    model_once: str | None = None
    collection_ids: tuple[uuid.UUID, ...] | None = None
    everything: bool | None = None
    compare: tuple[str, ...] = ()


@dataclass(frozen=True)
class Again:
    """Another answer to the same question, beside this one. id is the new answer's."""

    id: uuid.UUID
    answer_id: uuid.UUID
    model_name: str | None = None
    language: str = ""


@dataclass(frozen=True)
class Rest:
    """The rest of an answer that was cut off. id is the turn's."""

    id: uuid.UUID
    answer_id: uuid.UUID
    language: str = ""


def send(employee: Employee, question: Question) -> Sent:
    """Store the question and queue its answer. Raises BadInput, Missing, TooMany, Conflict."""
    return _once(lambda: _already_sent(employee, question), lambda: _send(employee, question))


def regenerate(employee: Employee, again: Again) -> Sent:
    """Queue another answer. Raises BadInput, Missing, TooMany, Conflict."""
    return _once(lambda: _already_answered(employee, again.id), lambda: _regenerate(employee, again))


def go_on(employee: Employee, rest: Rest) -> Sent:
    """Queue the rest of an answer; it begins at the text that is there. Raises Missing, TooMany, Conflict, BadInput."""
    return _once(lambda: _already_going_on(employee, rest), lambda: _go_on(employee, rest))


def _once(find: Callable[[], Sent | None], make: Callable[[], Sent]) -> Sent:
    try:
        with transaction.atomic():
            return find() or make()
    except IntegrityError:
        # The same id came twice at once; the other one has committed by now.
        sent = find()
        if sent is None:
            # An id that the answers of a comparison would have is that of another message.
            raise _id_taken() from None
        return sent


def _already_sent(employee: Employee, question: Question) -> Sent | None:
    message = Message.objects.filter(pk=question.id).first()
    if message is None:
        return None
    turns = Turn.objects.for_employee(employee).filter(question=message).select_related("answer", "thread")
    first = turns.order_by("created_at").first()
    if first is None or question.thread_id not in (None, message.thread_id):
        raise _id_taken()
    compared = comparing.first_turns(message, turns)
    turn, *others = compared or [first]
    return Sent(turn.thread, message, turn.answer, turn, question.thread_id is None, tuple(others))


def _already_answered(employee: Employee, answer_id: uuid.UUID) -> Sent | None:
    if not Message.objects.filter(pk=answer_id).exists():
        return None
    turns = Turn.objects.for_employee(employee).filter(answer=answer_id).order_by("created_at")
    return _sent(turns.select_related("answer", "question", "thread").first())


def _already_going_on(employee: Employee, rest: Rest) -> Sent | None:
    if not Turn.objects.filter(pk=rest.id).exists():
        return None
    turns = Turn.objects.for_employee(employee).filter(pk=rest.id, answer=rest.answer_id)
    return _sent(turns.select_related("answer", "question", "thread").first())


def _sent(turn: Turn | None) -> Sent:
    if turn is None:
        raise _id_taken()
    return Sent(turn.thread, turn.question, turn.answer, turn)


def _id_taken() -> Conflict:
    return Conflict("id_taken", _("This message cannot be sent again. Write it anew."))


def _send(employee: Employee, question: Question) -> Sent:
    now = timezone.now()
    _check_open_turns(employee, max(1, len(question.compare)))
    is_new = question.thread_id is None
    thread = _begun(employee, question) if question.thread_id is None else _locked(employee, question.thread_id)
    parent_id = None if is_new else _parent_of(thread, question)
    model = thread.model = _model_for(employee, question.model_name, thread)
    if question.model_once is not None:
        model = _model_for(employee, question.model_once, thread)
    compared = [_model_for(employee, name, thread) for name in question.compare]
    thread.updated_at, thread.archived_at = now, None
    thread.save()
    _attach(employee, thread, question.document_ids)
    thread.ask(_collections(employee, question.collection_ids), question.everything)
    asked = Message.objects.create(
        id=question.id,
        thread=thread,
        parent_id=parent_id,
        role=USER,
        text=question.text,
        created_at=now,
        is_undecided=bool(compared),
    )
    comparing.settle(parent_id)
    if compared:
        return _queue_all(thread, asked, compared, question.language, is_new=is_new)
    return _queue(thread, asked, model, uuid.uuid4(), question.language, is_new=is_new)


def _queue_all(thread: Thread, question: Message, models: list[ServedModel], language: str, *, is_new: bool) -> Sent:
    """An answer of each model. The thread shows the first one, from which it goes on until another is kept."""
    pairs = zip(models, comparing.answer_ids(question.pk), strict=False)
    first, *others = [_queue(thread, question, model, id, language, is_new=is_new) for model, id in pairs]
    thread.show(first.answer)
    return replace(first, others=tuple(sent.turn for sent in others))


def _begun(employee: Employee, question: Question) -> Thread:
    """The thread that begins with this question, not saved. A folder or assistant that went meanwhile is none."""
    begins = question.begins
    thread = Thread(owner=employee, title=first_words(question.text), is_temporary=begins.is_temporary)
    thread.folder = _folder(employee, begins.folder_id)
    if begins.assistant_id:
        thread.take_assistant(Assistant.objects.for_employee(employee).filter(pk=begins.assistant_id).first())
    if begins.settings is not None:
        thread.set_answer_settings(begins.settings)
    return thread


def _parent_of(thread: Thread, question: Question) -> uuid.UUID | None:
    """Whom the question follows. What is not in the thread is missing."""
    messages = Message.objects.filter(thread=thread)
    if question.edits is not None:
        edited = messages.filter(pk=question.edits, role=USER).first()
        if edited is None:
            raise Missing
        return edited.parent_id
    if question.parent_id is not None:
        if not messages.filter(pk=question.parent_id).exists():
            raise Missing
        return question.parent_id
    return next(reversed(thread.tree().branch(thread.tip_id)), None)


def _regenerate(employee: Employee, again: Again) -> Sent:
    _check_open_turns(employee)
    answer, question = _answer_for(employee, again.answer_id)
    thread = _locked(employee, answer.thread_id)
    own = ServedModel.objects.for_employee(employee).chat().filter(name=answer.model_name).first()
    model = own if own and again.model_name is None else _model_for(employee, again.model_name, thread)
    comparing.settle(answer.pk)
    return _queue(thread, question, model, again.id, again.language)


def _go_on(employee: Employee, rest: Rest) -> Sent:
    _check_open_turns(employee)
    thread = _locked(employee, _answer_for(employee, rest.answer_id)[0].thread_id)
    # Looked at again behind the lock: two tabs may ask for the rest at once.
    answer, question = _answer_for(employee, rest.answer_id)
    if not answer.can_go_on:
        raise Conflict("nothing_to_continue", _("This answer is not cut off."))
    model = _model_for(employee, answer.model_name, thread)
    answer.reopen()
    if not comparing.is_beside(answer):
        thread.show(answer)
    turn = Turn.objects.create(
        id=rest.id, thread=thread, question=question, answer=answer, model_name=model.name, language=rest.language
    )
    transaction.on_commit(lambda: queue.ring("queued"))
    return Sent(thread, question, answer, turn)


def _queue(
    thread: Thread, question: Message, model: ServedModel, answer_id: uuid.UUID, language: str, *, is_new: bool = False
) -> Sent:
    answer = Message.objects.create(
        id=answer_id,
        thread=thread,
        parent=question,
        role=ASSISTANT,
        status=PENDING,
        model_name=model.name,
        model_version=model.version,
        created_at=max(timezone.now(), question.created_at + timedelta(microseconds=1)),
    )
    thread.show(answer)
    turn = Turn.objects.create(
        thread=thread, question=question, answer=answer, model_name=model.name, language=language
    )
    transaction.on_commit(lambda: queue.ring("queued"))
    return Sent(thread, question, answer, turn, is_new)


def _check_open_turns(employee: Employee, num_new: int = 1) -> None:
    if Turn.objects.for_employee(employee).unfinished().count() + num_new > limits.MAX_OPEN_TURNS_PER_EMPLOYEE:
        raise TooMany("too_many_turns", _("Too many of your answers are being written. Wait for one to end."))


def _locked(employee: Employee, thread_id: uuid.UUID) -> Thread:
    """The lock makes two tabs take turns."""
    thread = Thread.objects.for_employee(employee).select_for_update().filter(pk=thread_id).first()
    if thread is None:
        raise Missing
    return thread


def _answer_for(employee: Employee, answer_id: uuid.UUID) -> tuple[Message, Message]:
    """The answer and its question."""
    answers = Message.objects.for_employee(employee).filter(pk=answer_id, role=ASSISTANT)
    answer = answers.select_related("parent").first()
    if answer is None or answer.parent is None:
        raise Missing
    return answer, answer.parent


def _model_for(employee: Employee, name: str | None, thread: Thread) -> ServedModel:
    """The model that was asked for, the thread's own, or the default."""
    models = ServedModel.objects.for_employee(employee).chat()
    if name is not None:
        model = models.filter(name=name).first()
        if model is None:
            raise BadInput("unknown_model", _("This model is not available any more. Choose another one."))
        return model
    model = (models.filter(pk=thread.model_id).first() if thread.model_id else None) or models.default()
    if model is None:
        raise BadInput("no_model", _("No model is enabled yet. Ask an admin."))
    return model


def _folder(employee: Employee, folder_id: uuid.UUID | None) -> Folder | None:
    """One that was deleted meanwhile is none: the question matters more."""
    return Folder.objects.for_employee(employee).filter(pk=folder_id).first() if folder_id else None


def _collections(employee: Employee, ids: tuple[uuid.UUID, ...] | None) -> list[Collection] | None:
    if ids is None:
        return None
    found = list(Collection.objects.for_employee(employee).filter(pk__in=ids))
    if len(found) < len(ids):
        raise BadInput("unknown_collection", _("One of the collections is not there any more."))
    return found


def _attach(employee: Employee, thread: Thread, ids: Iterable[uuid.UUID]) -> None:
    wanted = set(ids)
    if not wanted:
        return
    documents = list(Document.objects.for_employee(employee).filter(pk__in=wanted))
    if len(documents) < len(wanted):
        raise BadInput("unknown_document", _("One of the documents is not there any more."))
    thread.attach(documents)
