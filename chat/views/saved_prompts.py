"""Saved prompts: made, changed, shared, deleted; and what the composer offers behind / and #."""

from __future__ import annotations

import uuid
from types import NoneType
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from chat import requests
from chat.errors import Missing
from chat.middleware import wants_page
from chat.models import Employee, SavedPrompt
from chat.models.saved_prompt import DESCRIPTION_CHARS, NAME_CHARS
from chat.requests import employee_of, signed_in
from chat.views.audiences import audience_of, audiences_of, line_of
from chat.views.documents import state_of
from chat.views.frame import page_state
from rag.models import Collection, Document

FIELDS: dict[str, Any] = {"name": str, "description": str, "text": str, "shared_with": int | NoneType}
OFFERED_DOCUMENTS = 500


@signed_in
def show_all(request: HttpRequest) -> HttpResponse:
    """chat/prompts.html with page_state.prompts and .audiences; for scripts {"prompts": [summary]}, by name."""
    employee = employee_of(request)
    if not wants_page(request):
        return JsonResponse({"prompts": prompts_of(employee)})
    state = page_state(employee, prompts=prompts_of(employee), audiences=audiences_of(employee))
    return render(request, "chat/prompts.html", {"page_state": state})


@signed_in
def make(request: HttpRequest) -> JsonResponse:
    """Body {name, text, description?, shared_with?}: 201 {"prompt": summary}."""
    employee = employee_of(request)
    body = requests.fields(request, **FIELDS)
    requests.require(body, "name", "text")
    prompt = SavedPrompt.make(employee, requests.title_of(body["name"], NAME_CHARS))
    _apply(prompt, body, employee)
    return JsonResponse({"prompt": prompt.summary(employee)}, status=201)


@signed_in
def change(request: HttpRequest, prompt_id: uuid.UUID) -> JsonResponse:
    """The same fields; those that are absent stay."""
    employee = employee_of(request)
    body = requests.fields(request, **FIELDS)
    with transaction.atomic():
        prompt = _own(employee, prompt_id)
        _apply(prompt, body, employee)
    return JsonResponse({"prompt": prompt.summary(employee)})


@signed_in
def delete(request: HttpRequest, prompt_id: uuid.UUID) -> HttpResponse:
    requests.no_fields(request)
    _own(employee_of(request), prompt_id).delete()
    return requests.done()


@signed_in
def offer(request: HttpRequest) -> JsonResponse:
    """{"prompts": [summary], "collections": [{id, name}], "documents": [state]}: what / and # offer.

    Prompts and collections by name, documents newest first.
    """
    employee = employee_of(request)
    documents = Document.objects.for_employee(employee).library().recent()[:OFFERED_DOCUMENTS]
    collections = Collection.objects.for_employee(employee).order_by("name")
    offered = {
        "prompts": prompts_of(employee),
        "collections": [{"id": str(collection.pk), "name": collection.name} for collection in collections],
        "documents": [state_of(document) for document in documents],
    }
    return JsonResponse(offered)


def prompts_of(employee: Employee) -> list[dict[str, Any]]:
    return [prompt.summary(employee) for prompt in SavedPrompt.objects.for_employee(employee).in_order()]


def _own(employee: Employee, prompt_id: uuid.UUID) -> SavedPrompt:
    prompt: SavedPrompt | None = SavedPrompt.objects.for_employee(employee).filter(owner=employee, pk=prompt_id).first()
    if prompt is None:
        raise Missing
    return prompt


def _apply(prompt: SavedPrompt, body: dict[str, Any], employee: Employee) -> None:
    if "name" in body:
        prompt.name = requests.title_of(body["name"], NAME_CHARS)
    if "description" in body:
        prompt.description = line_of(body["description"], DESCRIPTION_CHARS)
    if "text" in body:
        prompt.write(body["text"])
    if "shared_with" in body:
        prompt.shared_with = audience_of(employee, body["shared_with"])
    prompt.save()


prompts = requests.methods(GET=show_all, POST=make)
prompt = requests.methods(PATCH=change, DELETE=delete)
composer_offer = requests.methods(GET=offer)
