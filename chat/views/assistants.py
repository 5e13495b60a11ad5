"""Assistants: made, changed, shared, deleted. Those it is shared with use it; its owner alone changes it."""

from __future__ import annotations

import uuid
from types import NoneType
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from chat import answer_settings, requests
from chat.errors import BadInput, Missing
from chat.middleware import wants_page
from chat.models import Assistant, Employee, ServedModel
from chat.models.assistant import DESCRIPTION_CHARS, NAME_CHARS
from chat.requests import employee_of, signed_in
from chat.views.audiences import audience_of, audiences_of, line_of
from chat.views.frame import page_state

NUMBER: Any = int | float | NoneType
FIELDS: dict[str, Any] = {
    "name": str,
    "description": str,
    "model": str | NoneType,
    "shared_with": int | NoneType,
    "system_prompt": str,
    "temperature": NUMBER,
    "top_p": NUMBER,
    "max_tokens": NUMBER,
}


@signed_in
def show_all(request: HttpRequest) -> HttpResponse:
    """chat/assistants.html with page_state.assistants and .audiences; scripts get {"assistants": [summary]}."""
    employee = employee_of(request)
    assistants = assistants_of(employee)
    if not wants_page(request):
        return JsonResponse({"assistants": assistants})
    state = page_state(employee, assistants=assistants, audiences=audiences_of(employee))
    return render(request, "chat/assistants.html", {"page_state": state})


@signed_in
def make(request: HttpRequest) -> JsonResponse:
    """Body {name, description?, model?, shared_with?, and the answer settings}: 201 {"assistant": summary}."""
    employee = employee_of(request)
    body = requests.fields(request, **FIELDS)
    requests.require(body, "name")
    assistant = Assistant.make(employee, requests.title_of(body["name"], NAME_CHARS))
    _apply(assistant, body, employee)
    return JsonResponse({"assistant": assistant.summary(employee)}, status=201)


@signed_in
def change(request: HttpRequest, assistant_id: uuid.UUID) -> JsonResponse:
    """The same fields; those that are absent stay. Threads that began with it keep what they have."""
    employee = employee_of(request)
    body = requests.fields(request, **FIELDS)
    with transaction.atomic():
        assistant = _own(employee, assistant_id)
        _apply(assistant, body, employee)
    return JsonResponse({"assistant": assistant.summary(employee)})


@signed_in
def delete(request: HttpRequest, assistant_id: uuid.UUID) -> HttpResponse:
    """Threads keep its settings and its name."""
    requests.no_fields(request)
    _own(employee_of(request), assistant_id).delete()
    return requests.done()


def assistants_of(employee: Employee) -> list[dict[str, Any]]:
    """Those that the employee may use, by name."""
    return [
        row.summary(employee) for row in Assistant.objects.for_employee(employee).in_order().select_related("model")
    ]


def _own(employee: Employee, assistant_id: uuid.UUID) -> Assistant:
    assistant: Assistant | None = (
        Assistant.objects.for_employee(employee).filter(owner=employee, pk=assistant_id).first()
    )
    if assistant is None:
        raise Missing
    return assistant


def _apply(assistant: Assistant, body: dict[str, Any], employee: Employee) -> None:
    if "name" in body:
        assistant.name = requests.title_of(body["name"], NAME_CHARS)
    if "description" in body:
        assistant.description = line_of(body["description"], DESCRIPTION_CHARS)
    if "model" in body:
        assistant.model = _model(body["model"], employee)
    if "shared_with" in body:
        assistant.shared_with = audience_of(employee, body["shared_with"])
    given = {name: body[name] for name in answer_settings.FIELDS if name in body}
    assistant.set_answer_settings(answer_settings.parse(assistant.answer_settings.summary() | given))
    assistant.save()


def _model(name: str | None, employee: Employee) -> ServedModel | None:
    if name is None:
        return None
    model = ServedModel.objects.for_employee(employee).chat().filter(name=name).first()
    if model is None:
        raise BadInput("unknown_model", _("There is no model of this name."))
    return model


assistants = requests.methods(GET=show_all, POST=make)
assistant = requests.methods(PATCH=change, DELETE=delete)
