"""The admins' pages: which models there are and who may use Hearth. For everybody else they do not exist."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, validate_email
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from chat import doorbell, requests, served_models
from chat.errors import BadInput, Conflict, Missing
from chat.middleware import wants_page
from chat.models import Employee, Invitation, ServedModel
from chat.models.served_model import CHAT, EMBEDDING
from chat.requests import admin_only, employee_of
from chat.turns import queue
from chat.views.frame import page_state
from inference.errors import InferenceError
from rag import spaces
from rag.errors import RagError


@admin_only
def show_models(request: HttpRequest) -> HttpResponse:
    """manage/models.html: page_state.served_models (see served_models.merged) and page_state.problem, a sentence or "".

    A script that asks for JSON gets {"served_models", "problem"}: the page refreshes itself with it.
    """
    problem = ""
    try:
        rows = served_models.merged(served_models.sync())
    except InferenceError as error:
        rows, problem = served_models.merged([]), error.sentence
    state = {"served_models": rows, "problem": problem}
    if not wants_page(request):
        return JsonResponse(state)
    return render(request, "manage/models.html", {"page_state": page_state(employee_of(request), **state)})


@admin_only
def change_model(request: HttpRequest, model_id: int) -> JsonResponse:
    """Body {is_enabled?, title?, is_default?, is_embedding?, lift?}; effective at once: {"served_models": […]}."""
    model = ServedModel.objects.for_admin(employee_of(request)).filter(pk=model_id).first()
    if model is None:
        raise Missing
    body = requests.fields(request, is_enabled=bool, title=str, is_default=bool, is_embedding=bool, lift=bool)
    with transaction.atomic():
        _apply(model, body)
    try:
        found = served_models.client().models()
    except InferenceError:
        found = []
    return JsonResponse({"served_models": served_models.merged(found)})


def _apply(model: ServedModel, body: dict[str, Any]) -> None:
    if "title" in body:
        served_models.rename(model, requests.title_of(body["title"], 120))
    if body.get("is_enabled") is True:
        served_models.enable(model)
    elif body.get("is_enabled") is False:
        if model.is_embedding or model.name in spaces.states():
            raise Conflict("embedding_in_use", _("Documents are indexed with this model. Choose another one first."))
        served_models.disable(model)
    if body.get("lift"):
        try:
            served_models.lift(model)
        except InferenceError as error:
            raise Conflict(error.code, error.sentence) from error
    if body.get("is_default"):
        if model.kind != CHAT:
            raise BadInput("wrong_kind", _("This model cannot chat."))
        served_models.make_default(model)
    if body.get("is_embedding"):
        if model.kind != EMBEDDING:
            raise BadInput("wrong_kind", _("This model makes no embeddings."))
        try:
            served_models.make_embedding(model)
        except (RagError, InferenceError) as error:
            raise BadInput(error.code, error.sentence) from error


@admin_only
def show_employees(request: HttpRequest) -> HttpResponse:
    """manage/employees.html: page_state.employees [{id, name, email, is_admin, is_active, created_at, last_login}],

    page_state.invitations [{id, email, is_admin, expires_at}] (open ones).
    """
    state = page_state(employee_of(request), **_people())
    return render(request, "manage/employees.html", {"page_state": state})


@admin_only
def invite(request: HttpRequest) -> JsonResponse:
    """Body {email, is_admin?}: 201 {"invitation": {id, email, is_admin, expires_at}, "url"}; the link is shown once."""
    body = requests.fields(request, email=str, is_admin=bool)
    requests.require(body, "email")
    email = body["email"].strip()
    try:
        MaxLengthValidator(254)(email)
        validate_email(email)  # as the sign-in page will ask it
    except ValidationError:
        raise BadInput("bad_email", _("This is not an e-mail address.")) from None
    admin = employee_of(request)
    invitation, token = Invitation.objects.issue(email, by=admin, is_admin=body.get("is_admin", False))
    url = request.build_absolute_uri(f"/invitations/{token}/")
    return JsonResponse({"invitation": _invitation(invitation), "url": url}, status=201)


@admin_only
def change_employee(request: HttpRequest, employee_id: int) -> JsonResponse:
    """Body {is_active?, is_admin?}; the answer is {"employee": {…}}. Open tabs notice within a second."""
    body = requests.fields(request, is_active=bool, is_admin=bool)
    with transaction.atomic():
        # Of two admins who dismiss each other at once, the second is none any more.
        if request.user.pk not in Employee.objects.lock_admins():
            raise Missing
        employee = Employee.objects.filter(pk=employee_id).first()
        if employee is None:
            raise Missing
        if employee.pk == request.user.pk:
            # The company always keeps an admin: nobody can take the right from themselves.
            raise Conflict("yourself", _("You cannot change your own rights. Ask another admin."))
        for name, value in body.items():
            setattr(employee, name, value)
        employee.save(update_fields=[*body])
        if not (employee.is_active and employee.is_admin):
            # A letter lets somebody in by its writer's right to do so.
            Invitation.objects.open().filter(invited_by=employee).delete()
    if not employee.is_active:
        queue.stop_all_of(employee)
    doorbell.rights_changed(employee.pk)
    return JsonResponse({"employee": _employee(employee)})


def _people() -> dict[str, Any]:
    return {
        "employees": [_employee(employee) for employee in Employee.objects.order_by("name", "email")],
        "invitations": [_invitation(invitation) for invitation in Invitation.objects.open().order_by("email")],
    }


def _employee(employee: Employee) -> dict[str, Any]:
    return {
        "id": employee.pk,
        "name": employee.name,
        "email": employee.email,
        "is_admin": employee.is_admin,
        "is_active": employee.is_active,
        "created_at": employee.created_at.isoformat(),
        "last_login": employee.last_login.isoformat() if employee.last_login else None,
    }


def _invitation(invitation: Invitation) -> dict[str, Any]:
    return {
        "id": invitation.pk,
        "email": invitation.email,
        "is_admin": invitation.is_admin,
        "expires_at": invitation.expires_at.isoformat(),
    }


models = requests.methods(GET=show_models)
model = requests.methods(PATCH=change_model)
employees = requests.methods(GET=show_employees, POST=invite)
employee = requests.methods(PATCH=change_employee)
