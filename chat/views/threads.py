"""Threads: the page of a conversation, the list, and what one may do with a thread."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from chat import doorbell, requests, thread_search
from chat.errors import BadInput, Missing
from chat.models import ServedModel, Thread
from chat.models.thread import TITLE_CHARS
from chat.requests import employee_of, signed_in
from chat.views.branches import newest, running_turns
from chat.views.documents import state_of
from chat.views.frame import SIDEBAR_THREADS, page_state, thread_of
from rag.models import Document


@signed_in
def show_new(request: HttpRequest) -> HttpResponse:
    """chat/thread.html for a thread that does not exist yet: thread None, thread_messages [], current_model."""
    employee = employee_of(request)
    context: dict[str, Any] = {
        "thread": None,
        "thread_messages": [],
        "current_model": ServedModel.objects.for_employee(employee).default(),
        "page_state": page_state(employee),
    }
    return render(request, "chat/thread.html", context)


@signed_in
def show(request: HttpRequest, thread_id: uuid.UUID) -> HttpResponse:
    """chat/thread.html: thread, thread_messages (the newest Message rows of the shown branch), num_earlier (how many
    stand before them), current_model, page_state.

    A message's `sources` is what sources.found said: {"sources": […], "num_left_out", …} or {}.
    """
    employee = employee_of(request)
    thread = thread_of(request, thread_id)
    documents = list(thread.documents.for_employee(employee).recent())
    models = ServedModel.objects.for_employee(employee)
    own = models.chat().filter(pk=thread.model_id).first() if thread.model_id else None
    current = own or models.default()
    state = {
        "id": str(thread.id),
        "title": thread.title,
        "model": current.name if current else None,
        "documents": [state_of(document) for document in documents],
    }
    stretch = newest(employee, thread)
    context = {
        "thread": thread,
        "thread_messages": stretch.messages,
        "num_earlier": stretch.num_earlier,
        "current_model": current,
        "page_state": page_state(employee, thread=state, running_turns=running_turns(employee, thread)),
    }
    return render(request, "chat/thread.html", context)


@signed_in
def list_recent(request: HttpRequest) -> JsonResponse:
    """{"threads": [{id, title, updated_at, pinned, archived, deleted}]}, newest first."""
    threads = Thread.objects.for_employee(employee_of(request)).recent()[:SIDEBAR_THREADS]
    return JsonResponse({"threads": [thread.summary() for thread in threads]})


@signed_in
def list_archived(request: HttpRequest) -> JsonResponse:
    """The same of the archive, last archived first."""
    threads = Thread.objects.for_employee(employee_of(request)).archived()[:SIDEBAR_THREADS]
    return JsonResponse({"threads": [thread.summary() for thread in threads]})


@signed_in
def find(request: HttpRequest) -> JsonResponse:
    """?q=words: {"threads": [summary with snippet]}, titles first; a snippet is [[text, whether it is a hit], …]."""
    found = thread_search.search(employee_of(request), request.GET.get("q", ""))
    return JsonResponse({"threads": [hit.thread.summary() | {"snippet": hit.snippet} for hit in found]})


@signed_in
def change(request: HttpRequest, thread_id: uuid.UUID) -> JsonResponse:
    """Body {title?, model?, pinned?, archived?}; the answer is {"thread": summary}."""
    thread = thread_of(request, thread_id)
    body = requests.fields(request, title=str, model=str, pinned=bool, archived=bool)
    model = None
    if "model" in body:
        model = ServedModel.objects.for_employee(employee_of(request)).chat().filter(name=body["model"]).first()
        if model is None:
            raise BadInput("unknown_model", _("There is no model of this name."))
    if "title" in body:
        thread.rename(requests.title_of(body["title"], TITLE_CHARS))
    if model is not None:
        thread.choose_model(model)
    if "pinned" in body:
        thread.pin(body["pinned"])
    if "archived" in body:
        thread.archive(body["archived"])
    return _changed(thread)


@signed_in
def delete(request: HttpRequest, thread_id: uuid.UUID) -> JsonResponse:
    """Into the trash; POST …/restoration/ undoes it."""
    requests.no_fields(request)
    thread = thread_of(request, thread_id)
    thread.delete_softly()
    return _changed(thread)


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
    thread.documents.remove(document)
    return requests.done()


def _changed(thread: Thread) -> JsonResponse:
    summary = thread.summary()
    doorbell.thread_changed(thread.owner_id, summary)
    return JsonResponse({"thread": summary})


new_thread = requests.methods(GET=show_new)
threads = requests.methods(GET=list_recent)
archive = requests.methods(GET=list_archived)
found = requests.methods(GET=find)
thread = requests.methods(GET=show, PATCH=change, DELETE=delete)
restoration = requests.methods(POST=restore)
thread_document = requests.methods(PUT=attach_document, DELETE=detach_document)
