"""What is begun and not sent, kept for the employee's other devices."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from chat import limits, requests
from chat.errors import BadInput
from chat.models import Draft
from chat.requests import employee_of, signed_in
from chat.views.frame import thread_of


@signed_in
def keep_new(request: HttpRequest) -> HttpResponse:
    """Body {text}: the draft of a new thread. Empty text forgets it."""
    Draft.keep(employee_of(request), None, _text(request))
    return requests.done()


@signed_in
def keep(request: HttpRequest, thread_id: uuid.UUID) -> HttpResponse:
    """The same in this thread."""
    thread = thread_of(request, thread_id)
    Draft.keep(employee_of(request), thread, _text(request))
    return requests.done()


def _text(request: HttpRequest) -> str:
    body = requests.fields(request, text=str)
    requests.require(body, "text")
    text: str = body["text"]
    if len(text) > limits.MAX_DRAFT_CHARS:
        raise BadInput(
            "draft_too_long", _("A draft has at most %(limit)d characters.") % {"limit": limits.MAX_DRAFT_CHARS}
        )
    return text


new_draft = requests.methods(PUT=keep_new)
draft = requests.methods(PUT=keep)
