"""Folders of threads: their names, and the instructions that every conversation in them follows."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse, JsonResponse

from chat import requests
from chat.errors import Missing
from chat.models import Employee, Folder
from chat.models.folder import NAME_CHARS
from chat.requests import employee_of, signed_in


@signed_in
def list_all(request: HttpRequest) -> JsonResponse:
    """{"folders": [{id, name, instructions}]}, by name."""
    folders = Folder.objects.for_employee(employee_of(request)).in_order()
    return JsonResponse({"folders": [folder.summary() for folder in folders]})


@signed_in
def make(request: HttpRequest) -> JsonResponse:
    """Body {name, instructions?}; the answer is {"folder": {id, name, instructions}}."""
    body = requests.fields(request, name=str, instructions=str)
    requests.require(body, "name")
    folder = Folder.make(employee_of(request), requests.title_of(body["name"], NAME_CHARS))
    if "instructions" in body:
        folder.instruct(body["instructions"])
    return JsonResponse({"folder": folder.summary()}, status=201)


@signed_in
def change(request: HttpRequest, folder_id: uuid.UUID) -> JsonResponse:
    """Body {name?, instructions?}. Instructions count from the next answer."""
    folder = folder_of(employee_of(request), folder_id)
    body = requests.fields(request, name=str, instructions=str)
    if "name" in body:
        folder.rename(requests.title_of(body["name"], NAME_CHARS))
    if "instructions" in body:
        folder.instruct(body["instructions"])
    return JsonResponse({"folder": folder.summary()})


@signed_in
def delete(request: HttpRequest, folder_id: uuid.UUID) -> HttpResponse:
    """The folder goes; its threads stay, in none."""
    requests.no_fields(request)
    folder_of(employee_of(request), folder_id).delete()
    return requests.done()


def folder_of(employee: Employee, folder_id: uuid.UUID) -> Folder:
    """Raises Missing."""
    folder = Folder.objects.for_employee(employee).filter(pk=folder_id).first()
    if folder is None:
        raise Missing
    return folder


folders = requests.methods(GET=list_all, POST=make)
folder = requests.methods(PATCH=change, DELETE=delete)
