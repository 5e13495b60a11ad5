"""An employee's own pages: name and language, password, API keys."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from chat import doorbell, limits, password_checks, requests
from chat.errors import Conflict, Missing
from chat.forms import PasswordForm, ProfileForm
from chat.models import ApiKey, Employee
from chat.requests import employee_of, signed_in


@signed_in
def show_profile(request: HttpRequest) -> HttpResponse:
    """account/profile.html: form (name, language), saved (bool)."""
    form = ProfileForm(instance=employee_of(request))
    return render(request, "account/profile.html", {"form": form, "saved": "saved" in request.GET})


@signed_in
def change_profile(request: HttpRequest) -> HttpResponse:
    # A fresh row, because a ModelForm writes into its instance even when it is invalid.
    form = ProfileForm(request.POST, instance=Employee.objects.get(pk=employee_of(request).pk))
    requests.known_form_fields(request, form.fields)
    if not form.is_valid():
        return render(request, "account/profile.html", {"form": form, "saved": False}, status=400)
    form.save()
    return HttpResponseRedirect("/account/?saved")


@signed_in
def show_password(request: HttpRequest) -> HttpResponse:
    """account/password.html: form (current_password, new_password, new_password_again), error, saved; with a one-time
    password registration/first_password.html: form, error.
    """
    return _password(request, PasswordForm(employee_of(request)))


@signed_in
def change_password(request: HttpRequest) -> HttpResponse:
    """Every other session and every open socket of the employee ends."""
    employee = employee_of(request)
    form = PasswordForm(employee, request.POST)
    requests.known_form_fields(request, form.fields)
    if refusal := password_checks.refusal_of(employee, form):
        sentence, status = refusal
        return _password(request, PasswordForm(employee) if sentence else form, error=sentence, status=status)
    must_change = employee.must_change_password
    employee.change_password(form.cleaned_data["new_password"])
    update_session_auth_hash(request, employee)
    doorbell.rights_changed(employee.pk)
    return HttpResponseRedirect("/" if must_change else "/account/password/?saved")


def _password(request: HttpRequest, form: PasswordForm, *, error: str = "", status: int = 200) -> HttpResponse:
    must_change = employee_of(request).must_change_password
    template = "registration/first_password.html" if must_change else "account/password.html"
    return render(request, template, {"form": form, "error": error, "saved": "saved" in request.GET}, status=status)


@signed_in
def show_keys(request: HttpRequest) -> HttpResponse:
    """account/keys.html: keys (id, label, prefix, created_at, last_used_at), base_url."""
    context = {"keys": ApiKey.objects.for_employee(employee_of(request)), "base_url": request.build_absolute_uri("/v1")}
    return render(request, "account/keys.html", context)


@signed_in
def make_key(request: HttpRequest) -> HttpResponse:
    """201 {"key": {id, label, prefix, created_at, last_used_at}, "secret": text}; the only time the secret is shown."""
    body = requests.fields(request, label=str)
    requests.require(body, "label")
    owner = employee_of(request)
    if ApiKey.objects.for_employee(owner).count() >= limits.MAX_API_KEYS_PER_EMPLOYEE:
        raise Conflict("too_many_keys", _("You have as many keys as one may have. Delete one first."))
    key, secret_text = ApiKey.objects.issue(owner, requests.title_of(body["label"], 80))
    return JsonResponse({"key": _summary(key), "secret": secret_text}, status=201)


@signed_in
def delete_key(request: HttpRequest, key_id: int) -> HttpResponse:
    requests.no_fields(request)
    if not ApiKey.objects.for_employee(employee_of(request)).filter(pk=key_id).delete()[0]:
        raise Missing
    return requests.done()


def _summary(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.pk,
        "label": key.label,
        "prefix": key.prefix,
        "created_at": key.created_at.isoformat(),
        "last_used_at": key.last_used_at.isoformat() if key.last_used_at else None,
    }


profile = requests.methods(GET=show_profile, POST=change_profile)
password = requests.methods(GET=show_password, POST=change_password)
keys = requests.methods(GET=show_keys, POST=make_key)
key = requests.methods(DELETE=delete_key)
