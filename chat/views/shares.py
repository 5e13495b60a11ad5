"""Threads that colleagues may read: sharing, reading, going on with a copy, revoking."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from chat import doorbell, requests, sharing
from chat.errors import Conflict, Missing
from chat.models import Share
from chat.requests import employee_of, signed_in
from chat.views.branches import shown
from chat.views.frame import thread_of


@signed_in
def list_all(request: HttpRequest) -> JsonResponse:
    """Everything the employee shares now: {"shares": [{id, thread, title, num_messages, created_at, revoked}]}."""
    shares = Share.objects.for_employee(employee_of(request)).filter(revoked_at=None).order_by("-created_at")
    return JsonResponse({"shares": [share.summary() for share in shares]})


@signed_in
def list_of_thread(request: HttpRequest, thread_id: uuid.UUID) -> JsonResponse:
    """The same of one thread."""
    thread = thread_of(request, thread_id)
    shares = Share.objects.for_employee(employee_of(request)).filter(thread=thread, revoked_at=None)
    return JsonResponse({"shares": [share.summary() for share in shares.order_by("-created_at")]})


@signed_in
def share(request: HttpRequest, thread_id: uuid.UUID) -> JsonResponse:
    """The thread as it is now, for every employee with the link: {"share": summary}; it is read at /shared/<id>/."""
    requests.no_fields(request)
    thread = thread_of(request, thread_id)
    messages = sharing.snapshot(shown(employee_of(request), thread))
    if not messages or thread.is_temporary:
        raise Conflict("nothing_to_share", _("There is nothing in this thread that could be shared."))
    return JsonResponse({"share": Share.make(thread, messages).summary()}, status=201)


@signed_in
def show(request: HttpRequest, share_id: uuid.UUID) -> HttpResponse:
    """chat/shared.html: share, shared_messages as `sharing.readable` gives them, is_mine."""
    employee = employee_of(request)
    share = _open(request, share_id)
    context = {
        "share": share,
        "shared_messages": sharing.readable(share, employee),
        "is_mine": share.owner_id == employee.pk,
    }
    return render(request, "chat/shared.html", context)


@signed_in
def copy(request: HttpRequest, share_id: uuid.UUID) -> JsonResponse:
    """Go on with a copy of one's own: {"thread": summary}."""
    requests.no_fields(request)
    thread = sharing.copy(_open(request, share_id), employee_of(request))
    doorbell.thread_changed(thread.owner_id, thread.summary())
    return JsonResponse({"thread": thread.summary()}, status=201)


@signed_in
def revoke(request: HttpRequest, share_id: uuid.UUID) -> HttpResponse:
    """Its owner's: the link is dead from now on. Copies that colleagues made stay theirs."""
    requests.no_fields(request)
    share = Share.objects.for_employee(employee_of(request)).filter(pk=share_id, revoked_at=None).first()
    if share is None:
        raise Missing
    share.revoke()
    return requests.done()


def _open(request: HttpRequest, share_id: uuid.UUID) -> Share:
    share = Share.objects.open_to(employee_of(request)).filter(pk=share_id).select_related("owner").first()
    if share is None:
        raise Missing
    return share


shares = requests.methods(GET=list_all)
thread_shares = requests.methods(GET=list_of_thread, POST=share)
shared = requests.methods(GET=show, DELETE=revoke)
share_copies = requests.methods(POST=copy)
