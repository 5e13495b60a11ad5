"""Signing in and out, and accepting an invitation."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme

from chat import doorbell, limits, requests, sessions
from chat.errors import TooMany
from chat.forms import InvitationForm, SignInForm
from chat.models import Employee, Invitation
from chat.models.employee import normal_email


def show_signin(request: HttpRequest) -> HttpResponse:
    """registration/signin.html: form (email, password), next."""
    if request.user.is_authenticated:
        return HttpResponseRedirect("/")
    return render(request, "registration/signin.html", {"form": SignInForm(), "next": _next(request)})


def sign_in(request: HttpRequest) -> HttpResponse:
    """The same page with form errors and status 400 or 429, or on to the page that was asked for."""
    requests.known_form_fields(request, ("email", "password", "next"))
    form = SignInForm(request.POST)
    address = limits.client_address(request)
    person = f"{normal_email(request.POST.get('email', ''))[:254]}|{address}"
    status = 400
    try:
        limits.take("signin.address", address)
        limits.take("signin.person", person)
        form.check()
    except TooMany as error:
        form.add_error(None, error.sentence)
        status = 429
    if form.is_valid() and form.employee is not None:
        limits.forget("signin.person", person)
        sessions.start(request, form.employee)
        return HttpResponseRedirect(_next(request) or "/")
    return render(request, "registration/signin.html", {"form": form, "next": _next(request)}, status=status)


def sign_out(request: HttpRequest) -> HttpResponse:
    requests.no_fields(request)
    employee_id, session_key = request.user.pk, request.session.session_key
    sessions.end(request)
    if employee_id is not None:
        doorbell.session_ended(employee_id, session_key)
    return HttpResponseRedirect("/signin/")


def show_invitation(request: HttpRequest, token: str) -> HttpResponse:
    """registration/invitation.html: invitation (email, is_admin) or None (status 404), form (name, new_password, …)."""
    limits.take("invitation.address", limits.client_address(request))
    invitation = Invitation.objects.with_token(token)
    form = InvitationForm(Employee(email=invitation.email)) if invitation else None
    return _invitation(request, invitation, form, 200 if invitation else 404)


def accept_invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Become an employee and be signed in."""
    limits.take("invitation.address", limits.client_address(request))
    invitation = Invitation.objects.with_token(token)
    if invitation is None:
        return _invitation(request, None, None, 404)
    form = InvitationForm(Employee(email=invitation.email), request.POST)
    requests.known_form_fields(request, form.fields)
    if not form.is_valid():
        return _invitation(request, invitation, form, 400)
    employee = invitation.accept(form.cleaned_data["name"], form.cleaned_data["new_password"])
    if employee is None:
        return _invitation(request, None, None, 404)
    sessions.start(request, employee)
    return HttpResponseRedirect("/")


def _invitation(
    request: HttpRequest, invitation: Invitation | None, form: InvitationForm | None, status: int
) -> HttpResponse:
    context = {"invitation": invitation, "form": form}
    return render(request, "registration/invitation.html", context, status=status)


def _next(request: HttpRequest) -> str:
    """A path of our own to go to after signing in, or nothing."""
    path = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = path.startswith("/") and url_has_allowed_host_and_scheme(path, allowed_hosts=None)
    return path if is_ours else ""


signin = requests.methods(GET=show_signin, POST=sign_in)
signout = requests.methods(POST=sign_out)
invitation = requests.methods(GET=show_invitation, POST=accept_invitation)
