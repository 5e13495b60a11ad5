"""An employee's own data: who can read it, when it goes, all of it as a file, and all of it gone."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone, translation

from chat import deleting, doorbell, limits, password_checks, requests
from chat import own_data as packing
from chat.forms import DeletionForm
from chat.models import ApiKey, Draft, Employee, Folder, Rating, Share, Thread
from chat.models.thread import TEMPORARY_HOURS, TRASH_DAYS
from chat.requests import employee_of, signed_in
from rag.models import Document


@signed_in
def show(request: HttpRequest) -> HttpResponse:
    """account/privacy.html: stored (how many of each), shares, form (password), deleted (bool)."""
    return _page(request, DeletionForm(employee_of(request)))


@signed_in
def delete_everything(request: HttpRequest) -> HttpResponse:
    """Takes effect at once; the account itself stays and can begin anew."""
    employee = employee_of(request)
    form = DeletionForm(employee, request.POST)
    requests.known_form_fields(request, form.fields)
    if refusal := password_checks.refusal_of(employee, form):
        sentence, status = refusal
        return _page(request, DeletionForm(employee) if sentence else form, error=sentence, status=status)
    summaries = [thread.summary() for thread in Thread.objects.for_employee(employee).recent()[:200]]
    deleting.everything_of(employee)
    for summary in summaries:
        doorbell.thread_changed(employee.pk, summary | {"deleted": True})
    return HttpResponseRedirect("/account/privacy/?deleted")


@signed_in
def download(request: HttpRequest) -> HttpResponseBase:
    """See chat.own_data."""
    employee = employee_of(request)
    limits.take("download.employee", str(employee.pk))
    parts = packing.pieces(employee, translation.get_language())
    response = packing.SteadyResponse(parts, content_type="application/zip")
    day = timezone.localdate().isoformat()
    response["Content-Disposition"] = f'attachment; filename="hearth-{day}.zip"'
    return response


def _page(request: HttpRequest, form: DeletionForm, *, error: str = "", status: int = 200) -> HttpResponse:
    employee = employee_of(request)
    shares = Share.objects.for_employee(employee).filter(revoked_at=None).order_by("-created_at")
    context = {
        "form": form,
        "error": error,
        "deleted": "deleted" in request.GET,
        "stored": _stored(employee),
        "shares": shares,
        "trash_days": TRASH_DAYS,
        "temporary_hours": TEMPORARY_HOURS,
    }
    return render(request, "account/privacy.html", context, status=status)


def _stored(employee: Employee) -> dict[str, Any]:
    """How many of each the employee has. One query each."""
    mine = Document.objects.for_employee(employee).on_own_shelf(employee)
    return {
        "threads": Thread.objects.for_employee(employee).count(),
        "trash": Thread.objects.trash_of(employee).count(),
        "documents": mine.count(),
        "folders": Folder.objects.for_employee(employee).count(),
        "drafts": Draft.objects.for_employee(employee).count(),
        "ratings": Rating.objects.for_employee(employee).count(),
        "keys": ApiKey.objects.for_employee(employee).count(),
    }


privacy = requests.methods(GET=show, POST=delete_everything)
own_data = requests.methods(GET=download)
