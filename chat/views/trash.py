"""The trash: what is in it, and how it is emptied before the 30 days are over."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse, JsonResponse

from chat import deleting, requests
from chat.errors import Missing
from chat.models import Thread
from chat.requests import employee_of, signed_in
from chat.views.frame import SIDEBAR_THREADS


@signed_in
def show(request: HttpRequest) -> JsonResponse:
    """{"threads": [summary]}, last deleted first."""
    threads = Thread.objects.trash_of(employee_of(request))[:SIDEBAR_THREADS]
    return JsonResponse({"threads": [thread.summary() for thread in threads]})


@signed_in
def empty(request: HttpRequest) -> JsonResponse:
    """All of it, for ever: {"num_deleted"}."""
    requests.no_fields(request)
    return JsonResponse({"num_deleted": deleting.empty_trash(employee_of(request))})


@signed_in
def delete(request: HttpRequest, thread_id: uuid.UUID) -> HttpResponse:
    """One thread of the trash, for ever. One that is not in it is missing."""
    requests.no_fields(request)
    thread = Thread.objects.trash_of(employee_of(request)).filter(pk=thread_id).first()
    if thread is None:
        raise Missing
    deleting.forever(thread)
    return requests.done()


trash = requests.methods(GET=show, DELETE=empty)
trashed_thread = requests.methods(DELETE=delete)
