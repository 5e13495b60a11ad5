"""Threads: the page of a conversation, the list, and what one may do with a thread."""

from __future__ import annotations

import uuid
from types import NoneType
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from chat import answer_settings, deleting, doorbell, limits, requests, thread_files, thread_search
from chat.errors import BadInput, Missing
from chat.models import Assistant, Draft, Employee, Folder, ServedModel, Thread
from chat.models.thread import TITLE_CHARS
from chat.requests import employee_of, signed_in
from chat.views.branches import newest, running_turns
from chat.views.documents import state_of, states_of
from chat.views.folders import folder_of
from chat.views.frame import SIDEBAR_THREADS, page_state, thread_of
from rag.models import Collection, Document


@signed_in
def show_new(request: HttpRequest) -> HttpResponse:
    """chat/thread.html for a thread that does not exist yet: thread None, thread_messages [], current_model.

    ?folder=id begins it in this folder, ?assistant=id with this assistant, ?temporary=1 as one that leaves nothing
    behind; the context says so.
    """
    employee = employee_of(request)
    folder = _folder_in(request.GET.get("folder", ""), employee)
    is_temporary = request.GET.get("temporary") == "1"
    assistant = _assistant_in(request.GET.get("assistant", ""), employee)
    new_thread = {
        "folder": str(folder.pk) if folder else None,
        "temporary": is_temporary,
        "assistant": assistant.summary(employee) if assistant else None,
    }
    draft = "" if is_temporary else Draft.objects.for_employee(employee).text_in(None)
    context: dict[str, Any] = {
        "thread": None,
        "thread_messages": [],
        "new_folder": folder,
        "new_assistant": assistant,
        "is_temporary": is_temporary,
        "current_model": ServedModel.objects.for_employee(employee).default(),
        "page_state": page_state(employee, new_thread=new_thread, draft=draft),
    }
    return render(request, "chat/thread.html", context)


def _folder_in(text: str, employee: Employee) -> Folder | None:
    """The folder that an address names; an old address that names none any more begins a thread in none."""
    try:
        return Folder.objects.for_employee(employee).filter(pk=uuid.UUID(text)).first()
    except ValueError:
        return None


def _assistant_in(text: str, employee: Employee) -> Assistant | None:
    """The same for an assistant."""
    try:
        return Assistant.objects.for_employee(employee).filter(pk=uuid.UUID(text)).first()
    except ValueError:
        return None


@signed_in
def show(request: HttpRequest, thread_id: uuid.UUID) -> HttpResponse:
    """chat/thread.html: thread, thread_messages (the newest Message rows of the shown branch), num_earlier (how many
    stand before them), current_model, page_state.

    A message's `sources` is what sources.found said: {"sources": […], "num_left_out", …} or {}.
    """
    employee = employee_of(request)
    thread = thread_of(request, thread_id)
    thread.see()
    documents = list(thread.documents.for_employee(employee).recent())
    models = ServedModel.objects.for_employee(employee)
    own = models.chat().filter(pk=thread.model_id).first() if thread.model_id else None
    current = own or models.default()
    state = {
        "id": str(thread.id),
        "title": thread.title,
        "model": current.name if current else None,
        "documents": states_of(employee, documents),
        "collections": _ids(Collection.objects.for_employee(employee).filter(pk__in=thread.collections.values("pk"))),
        "everything": thread.asks_everything,
        "temporary": thread.is_temporary,
        "settings": thread.settings_state(),
    }
    turns = running_turns(employee, thread)  # before the messages: see chat.views.branches
    stretch = newest(employee, thread)
    context = {
        "thread": thread,
        "thread_messages": stretch.messages,
        "num_earlier": stretch.num_earlier,
        "is_temporary": thread.is_temporary,
        "current_model": current,
        "page_state": page_state(
            employee,
            thread=state,
            running_turns=turns,
            draft=Draft.objects.for_employee(employee).text_in(thread),
        ),
    }
    return render(request, "chat/thread.html", context)


@signed_in
def list_recent(request: HttpRequest) -> JsonResponse:
    """{"threads": [summary]}, newest first: see Thread.summary."""
    threads = Thread.objects.for_employee(employee_of(request)).recent()[:SIDEBAR_THREADS]
    return JsonResponse({"threads": [thread.summary() for thread in threads]})


@signed_in
def list_archived(request: HttpRequest) -> JsonResponse:
    """The same of the archive, last archived first."""
    threads = Thread.objects.for_employee(employee_of(request)).archived()[:SIDEBAR_THREADS]
    return JsonResponse({"threads": [thread.summary() for thread in threads]})


@signed_in
def find(request: HttpRequest) -> JsonResponse:
    """?q=words and filters: {"threads": [summary with snippet]}, titles first, as chat.thread_search says.

    A snippet is [[text, whether it is a hit], …].
    """
    found = thread_search.search(employee_of(request), request.GET.get("q", ""))
    return JsonResponse({"threads": [hit.thread.summary() | {"snippet": hit.snippet} for hit in found]})


CHANGES: dict[str, Any] = {
    "title": str,
    "model": str,
    "pinned": bool,
    "archived": bool,
    "folder": str | NoneType,
    "tags": list,
    "assistant": str | NoneType,
    "settings": dict,
    "collections": list,
    "everything": bool,
}


@signed_in
def change(request: HttpRequest, thread_id: uuid.UUID) -> JsonResponse:
    """Body {title?, model?, pinned?, archived?, folder?, tags?, assistant?, settings?, collections?, everything?}; the
    answer is {"thread": summary, "settings", "model": its name or null}.

    folder and assistant are ids, or null for none; choosing an assistant takes its settings over as they are now.
    collections: the ids of those that its questions are asked of; everything: of all that one may see. All or nothing.
    """
    thread = thread_of(request, thread_id)
    body = requests.fields(request, **CHANGES)
    with transaction.atomic():
        _apply(thread, body, employee_of(request))
    return _changed(thread)


def _apply(thread: Thread, body: dict[str, Any], employee: Employee) -> None:
    if "model" in body:
        model = ServedModel.objects.for_employee(employee).chat().filter(name=body["model"]).first()
        if model is None:
            raise BadInput("unknown_model", _("There is no model of this name."))
        thread.choose_model(model)
    if "title" in body:
        thread.rename(requests.title_of(body["title"], TITLE_CHARS))
    if "pinned" in body:
        thread.pin(body["pinned"])
    if "archived" in body:
        thread.archive(body["archived"])
    if "folder" in body:
        thread.put_into(folder_of(employee, requests.id_of(body, "folder")) if body["folder"] is not None else None)
    if "tags" in body:
        thread.tag(requests.strings(body, "tags"))
    if "assistant" in body:
        chosen = None
        if body["assistant"] is not None:
            chosen = Assistant.objects.for_employee(employee).filter(pk=requests.id_of(body, "assistant")).first()
            if chosen is None:
                raise Missing
        thread.choose_assistant(chosen)
    if "settings" in body:
        thread.choose_settings(answer_settings.parse(body["settings"]))
    thread.ask(_chosen(employee, body["collections"]) if "collections" in body else None, body.get("everything"))


@signed_in
def delete(request: HttpRequest, thread_id: uuid.UUID) -> JsonResponse:
    """Into the trash; POST …/restoration/ undoes it. A temporary thread is gone for ever."""
    requests.no_fields(request)
    thread = thread_of(request, thread_id)
    if thread.is_temporary:
        deleting.forever(thread)
        return JsonResponse({"thread": thread.summary() | {"id": str(thread_id), "deleted": True}})
    thread.delete_softly()
    return _changed(thread)


@signed_in
def see(request: HttpRequest, thread_id: uuid.UUID) -> HttpResponse:
    """The employee looks at the newest answer: its dot goes, in every tab."""
    requests.no_fields(request)
    thread = thread_of(request, thread_id)
    if thread.see():
        doorbell.thread_changed(thread.owner_id, thread.summary())
    return requests.done()


@signed_in
def restore(request: HttpRequest, thread_id: uuid.UUID) -> JsonResponse:
    """Out of the trash. A thread that is not in it is missing, as somebody else's is."""
    requests.no_fields(request)
    thread = Thread.objects.trash_of(employee_of(request)).filter(pk=thread_id).first()
    if thread is None:
        raise Missing
    thread.restore()
    return _changed(thread)


@signed_in
def attach_document(request: HttpRequest, thread_id: uuid.UUID, document_id: uuid.UUID) -> JsonResponse:
    """Let the thread's questions be asked of this document too. Twice is once."""
    requests.no_fields(request)
    thread = thread_of(request, thread_id)
    document = Document.objects.for_employee(employee_of(request)).filter(pk=document_id).first()
    if document is None:
        raise Missing
    thread.attach([document])
    return JsonResponse({"document": state_of(document)})


@signed_in
def detach_document(request: HttpRequest, thread_id: uuid.UUID, document_id: uuid.UUID) -> HttpResponse:
    requests.no_fields(request)
    thread = thread_of(request, thread_id)
    document = thread.documents.for_employee(employee_of(request)).filter(pk=document_id).first()
    if document is None:
        raise Missing
    thread_files.detach(thread, document)
    return requests.done()


def _chosen(employee: Employee, ids: list[Any]) -> list[Collection]:
    if len(ids) > limits.MAX_COLLECTIONS_PER_THREAD or not all(isinstance(item, str) for item in ids):
        raise BadInput("bad_field", _("One of the collections is not there any more."))
    wanted = {requests.id_in(item) for item in ids}
    found = list(Collection.objects.for_employee(employee).filter(pk__in=wanted))
    if len(found) < len(wanted):
        raise BadInput("unknown_collection", _("One of the collections is not there any more."))
    return found


def _ids(rows: QuerySet[Any]) -> list[str]:
    return [str(pk) for pk in rows.values_list("pk", flat=True)]


def _changed(thread: Thread) -> JsonResponse:
    summary = thread.summary()
    doorbell.thread_changed(thread.owner_id, summary)
    model = thread.model.name if thread.model else None
    return JsonResponse({"thread": summary, "settings": thread.settings_state(), "model": model})


new_thread = requests.methods(GET=show_new)
threads = requests.methods(GET=list_recent)
archive = requests.methods(GET=list_archived)
found = requests.methods(GET=find)
thread = requests.methods(GET=show, PATCH=change, DELETE=delete)
restoration = requests.methods(POST=restore)
seen = requests.methods(PUT=see)
thread_document = requests.methods(PUT=attach_document, DELETE=detach_document)
