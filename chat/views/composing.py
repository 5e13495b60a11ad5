"""What the composer asks while one writes: whether it will fit, and that a waiting question be taken back."""

from __future__ import annotations

import uuid
from types import NoneType
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _

from chat import limits, requests
from chat.errors import BadInput, Unavailable
from chat.models import Employee, ServedModel
from chat.requests import employee_of, signed_in
from chat.turns import measuring, withdrawing
from chat.views.frame import thread_of
from inference.errors import InferenceError
from rag.models import Document

MEASURED: dict[str, Any] = {
    "thread": str | NoneType,
    "text": str,
    "model": str,
    "system_prompt": str,
    "documents": list,
    "asks_more": bool,
}


@signed_in
def measure(request: HttpRequest) -> JsonResponse:
    """Body {thread, text, model, system_prompt?, documents?, asks_more?}: {"num_tokens", "room_tokens",
    "context_length", "fits", "num_history_left_out", "most_source_tokens"}, by the model's own count.

    system_prompt counts where there is no thread yet. documents: ids of those that are attached; asks_more: collections
    or everything are asked too. What one may not read takes nothing.
    """
    employee = employee_of(request)
    limits.take("measure.employee", str(employee.pk))
    body = requests.fields(request, **MEASURED)
    requests.require(body, "text", "model")
    thread = thread_of(request, requests.id_of(body, "thread")) if body.get("thread") else None
    model = ServedModel.objects.for_employee(employee).chat().filter(name=body["model"]).first()
    if model is None:
        raise BadInput("unknown_model", _("There is no model of this name."))
    if len(body["text"]) > limits.MAX_DRAFT_CHARS or len(body.get("system_prompt", "")) > limits.MAX_DRAFT_CHARS:
        raise BadInput("too_long", _("That is too much at once."))
    instructions = thread.instructions if thread else body.get("system_prompt", "")
    try:
        found = measuring.measure(model, thread, body["text"], instructions, _asked_of(employee, body))
    except InferenceError as error:
        raise Unavailable from error
    return JsonResponse(found.summary())


def _asked_of(employee: Employee, body: dict[str, Any]) -> measuring.Asked:
    named = requests.strings(body, "documents") if "documents" in body else []
    if len(named) > limits.MAX_DOCUMENTS_PER_THREAD:
        raise BadInput("too_many_documents", _("That is too much at once."))
    documents = Document.objects.for_employee(employee).filter(pk__in=[requests.id_in(text) for text in named])
    return measuring.Asked(employee, list(documents), body.get("asks_more", False))


@signed_in
def withdraw(request: HttpRequest, turn_id: uuid.UUID) -> JsonResponse:
    """A question that waits for the answer before it, as if it had never been sent: {"text": its text}."""
    requests.no_fields(request)
    return JsonResponse({"text": withdrawing.withdraw(employee_of(request), turn_id)})


composer_measure = requests.methods(POST=measure)
turn = requests.methods(DELETE=withdraw)
