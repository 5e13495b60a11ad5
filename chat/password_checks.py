"""A form that asks for one's own password, and how often one may be wrong."""

from __future__ import annotations

from django import forms

from chat import limits
from chat.errors import TooMany
from chat.models import Employee

_BUCKET = "password.employee"


def refusal_of(employee: Employee, form: forms.Form) -> tuple[str, int] | None:
    """(sentence, HTTP status) when the bound form is not accepted: 400 says why in the form itself, 429 asks the
    employee to wait, before the password was looked at. A form that is right begins the count anew."""
    try:
        limits.take(_BUCKET, str(employee.pk))
    except TooMany as error:
        return error.sentence, 429
    if not form.is_valid():
        return "", 400
    limits.forget(_BUCKET, str(employee.pk))
    return None
