"""Groups of people: admins keep them, and everybody may name them where a right is given."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from chat import people, requests
from chat.errors import BadInput, Missing
from chat.middleware import wants_page
from chat.models import Employee
from chat.requests import admin_only, employee_of, signed_in
from chat.views.documents import translated
from chat.views.frame import page_state
from rag import groups
from rag.errors import RagError
from rag.models import Principal
from rag.models.principal import NAME_CHARS

MAX_MEMBERS = 10_000


@admin_only
def show(request: HttpRequest) -> HttpResponse:
    """manage/groups.html: page_state.groups [{id, kind, name, may_make_collections, members: [employee ids]}], everyone

    first, and page_state.people [{id, name, email, is_active}]. For a script the same as JSON.
    """
    state = _state(employee_of(request))
    if not wants_page(request):
        return JsonResponse(state)
    return render(request, "manage/groups.html", {"page_state": page_state(employee_of(request), **state)})


@admin_only
def make(request: HttpRequest) -> JsonResponse:
    """Body {name}: 201 with the groups."""
    body = requests.fields(request, name=str)
    requests.require(body, "name")
    try:
        made = groups.make(requests.title_of(body["name"], NAME_CHARS))
    except RagError as error:
        raise translated(error) from error
    return JsonResponse(_state(employee_of(request)) | {"id": made.pk}, status=201)


@admin_only
def change(request: HttpRequest, principal_id: int) -> JsonResponse:
    """Body {name?, may_make_collections?, members?: [employee ids]}: in force at once. The answer has the groups."""
    body = requests.fields(request, name=str, may_make_collections=bool, members=list)
    group = _group(request, principal_id)
    if group.kind == Principal.Kind.EVERYONE and ("name" in body or "members" in body):
        raise BadInput("everyone", _("Everybody who works here is in this group, and nobody else."))
    members = body.get("members", [])
    if len(members) > MAX_MEMBERS or not all(type(pk) is int and 0 < pk < 2**63 for pk in members):
        raise BadInput("bad_field", _("Somebody who was named is not here any more."))
    try:
        if "name" in body:
            groups.rename(group, requests.title_of(body["name"], NAME_CHARS))
    except RagError as error:
        raise translated(error) from error
    if "may_make_collections" in body:
        groups.let_make_collections(group, body["may_make_collections"])
    if "members" in body:
        groups.set_members(group, members)
    return JsonResponse(_state(employee_of(request)))


@admin_only
def delete(request: HttpRequest, principal_id: int) -> HttpResponse:
    """Its rights go with it, and what was hidden from it stays hidden from its people."""
    requests.no_fields(request)
    group = _group(request, principal_id)
    if group.kind == Principal.Kind.EVERYONE:
        raise BadInput("everyone", _("Everybody who works here is in this group, and nobody else."))
    groups.delete(group)
    return requests.done()


@signed_in
def find_people(request: HttpRequest) -> JsonResponse:
    """?q=words: {"people": [{principal, kind, name, detail}]}: whom one may give a right."""
    return JsonResponse({"people": people.found(employee_of(request), request.GET.get("q", "")[:200])})


def _group(request: HttpRequest, principal_id: int) -> Principal:
    group = Principal.objects.for_admin(employee_of(request)).filter(pk=principal_id).first()
    if group is None:
        raise Missing
    return group


def _state(admin: Employee) -> dict[str, Any]:
    rows = Principal.objects.for_admin(admin).with_members().order_by("kind", "name", "pk")
    return {
        "groups": [
            {
                "id": row.pk,
                "kind": row.kind,
                "name": row.name,
                "may_make_collections": row.may_make_collections,
                "members": []
                if row.kind == Principal.Kind.EVERYONE
                else [m.employee_id for m in row.memberships.all()],
            }
            for row in rows
        ],
        "people": [
            {"id": each.pk, "name": each.display_name, "email": each.email, "is_active": each.is_active}
            for each in Employee.objects.order_by("name", "email")
        ],
    }


group_list = requests.methods(GET=show, POST=make)
group = requests.methods(PATCH=change, DELETE=delete)
people_found = requests.methods(GET=find_people)
