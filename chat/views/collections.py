"""Shared collections: making, renaming and deleting them, and who may do what in them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _

from chat import requests
from chat.errors import BadInput, Missing
from chat.people import named
from chat.requests import employee_of, signed_in
from chat.views.documents import managed_document, shelves_of, states_of, translated
from rag import collections, placing
from rag.errors import RagError
from rag.models import Access, Collection, Document, Hidden, Principal
from rag.models.collection import DESCRIPTION_CHARS, NAME_CHARS

ROLES = ("reader", "curator")


@signed_in
def show_all(request: HttpRequest) -> JsonResponse:
    """See `shelves_of`."""
    return JsonResponse(shelves_of(employee_of(request)))


@signed_in
def make(request: HttpRequest) -> JsonResponse:
    """Body {name, description?}: 201 {"id", "shelves"}; whoever makes it looks after it."""
    body = requests.fields(request, name=str, description=str)
    requests.require(body, "name")
    employee = employee_of(request)
    name = requests.title_of(body["name"], NAME_CHARS)
    try:
        collection = collections.make(employee, name, _description(body))
    except RagError as error:
        raise translated(error) from error
    return JsonResponse({"id": str(collection.pk), "shelves": shelves_of(employee)}, status=201)


@signed_in
def change(request: HttpRequest, collection_id: uuid.UUID) -> JsonResponse:
    """Body {name?, description?}; the answer is {"shelves"}."""
    body = requests.fields(request, name=str, description=str)
    collection = _curated(request, collection_id)
    values = {}
    if "name" in body:
        values["name"] = requests.title_of(body["name"], NAME_CHARS)
    if "description" in body:
        values["description"] = _description(body)
    if values:
        collections.change(collection, **values)
    return JsonResponse({"shelves": shelves_of(employee_of(request))})


@signed_in
def delete(request: HttpRequest, collection_id: uuid.UUID) -> HttpResponse:
    """Gone with all its documents, at once and for everybody."""
    requests.no_fields(request)
    collections.delete(_curated(request, collection_id))
    return requests.done()


@signed_in
def show_members(request: HttpRequest, collection_id: uuid.UUID) -> JsonResponse:
    """{"members": [{principal, kind, name, detail, role}]}, for those who look after it."""
    return _members(_curated(request, collection_id))


@signed_in
def give(request: HttpRequest, collection_id: uuid.UUID, principal_id: int) -> JsonResponse:
    """Body {role}: reader or curator. Answers like show_members."""
    body = requests.fields(request, role=str)
    requests.require(body, "role")
    collection = _curated(request, collection_id)
    if body["role"] not in ROLES:
        raise BadInput("bad_field", _("There is no such right."))
    (principal,) = _principals(request, [principal_id])
    try:
        collections.give(collection, principal, body["role"])
    except RagError as error:
        raise translated(error) from error
    return _members(collection)


@signed_in
def take(request: HttpRequest, collection_id: uuid.UUID, principal_id: int) -> JsonResponse:
    """The right ends at once. Answers like show_members, or with no members to who took their own right."""
    requests.no_fields(request)
    collection = _curated(request, collection_id)
    right = collection.rights.filter(principal_id=principal_id).select_related("principal").first()
    if right is None:
        raise Missing
    try:
        collections.take(collection, right.principal)
    except RagError as error:
        raise translated(error) from error
    is_mine = Collection.objects.curated_by(employee_of(request)).filter(pk=collection.pk).exists()
    return _members(collection) if is_mine else JsonResponse({"members": []})


@signed_in
def move(request: HttpRequest, document_id: uuid.UUID) -> JsonResponse:
    """Body {collection: id or ""}: into a collection, or among one's own. The answer is {"document": state}."""
    body = requests.fields(request, collection=str)
    requests.require(body, "collection")
    employee = employee_of(request)
    document = managed_document(request, document_id)
    curated = Collection.objects.curated_by(employee)
    target = requests.found(curated, body["collection"]) if body["collection"] else None
    try:
        placing.move(document, employee, target)
    except RagError as error:
        raise translated(error) from error
    document.refresh_from_db()
    return JsonResponse({"document": states_of(employee, [document])[0]})


@signed_in
def show_exceptions(request: HttpRequest, document_id: uuid.UUID) -> JsonResponse:
    """{"shown": [{principal, kind, name, detail}], "hidden": [the same]} of a document in a collection."""
    document = managed_document(request, document_id)
    if document.collection_id is None:
        raise Missing
    return _exceptions(document)


@signed_in
def set_exceptions(request: HttpRequest, document_id: uuid.UUID) -> JsonResponse:
    """Body {shown: [principals], hidden: [principals]}, in force at once. Answers like show_exceptions."""
    body = requests.fields(request, shown=list, hidden=list)
    requests.require(body, "shown", "hidden")
    document = managed_document(request, document_id)
    if document.collection_id is None:
        raise Missing
    shown, hidden = (_principals(request, body[name]) for name in ("shown", "hidden"))
    try:
        placing.set_exceptions(document, employee_of(request), shown, hidden)
    except RagError as error:
        raise translated(error) from error
    return _exceptions(document)


def _exceptions(document: Document) -> JsonResponse:
    shown = Access.objects.for_document(document).values_list("principal_id", flat=True)
    hidden = Hidden.objects.for_document(document).values_list("principal_id", flat=True)
    return JsonResponse({"shown": named(shown), "hidden": named(hidden)})


def _members(collection: Collection) -> JsonResponse:
    roles = dict(collection.rights.values_list("principal_id", "role"))
    return JsonResponse({"members": [row | {"role": roles[row["principal"]]} for row in named(roles)]})


def _principals(request: HttpRequest, ids: Iterable[Any]) -> list[Principal]:
    """Each of these, once, among those that the employee may name. Raises BadInput."""
    wanted = list(dict.fromkeys(ids))
    if not all(type(pk) is int and 0 < pk < 2**31 for pk in wanted):
        raise BadInput("bad_field", _("Somebody who was named is not here any more."))
    found = list(Principal.objects.nameable_by(employee_of(request)).filter(pk__in=wanted))
    if len(found) < len(wanted):
        raise BadInput("unknown_person", _("Somebody who was named is not here any more."))
    return found


def _curated(request: HttpRequest, collection_id: uuid.UUID) -> Collection:
    """To who may only read it, these doors do not exist."""
    return requests.found(Collection.objects.curated_by(employee_of(request)), str(collection_id))


def _description(body: dict[str, Any]) -> str:
    text = " ".join(body.get("description", "").split())
    if len(text) > DESCRIPTION_CHARS:
        raise BadInput("too_long", _("A description has at most %(limit)d characters.") % {"limit": DESCRIPTION_CHARS})
    return text


collection_list = requests.methods(GET=show_all, POST=make)
collection = requests.methods(PATCH=change, DELETE=delete)
collection_members = requests.methods(GET=show_members)
collection_member = requests.methods(PUT=give, DELETE=take)
document_place = requests.methods(PUT=move)
document_exceptions = requests.methods(GET=show_exceptions, PUT=set_exceptions)
