"""The forms that work without scripts: signing in, accepting an invitation, one's own account.

Checking a password against a person costs the same whether the person exists, so that time tells nothing.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import password_validators_help_text_html, validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from chat.models import Employee
from chat.models.employee import normal_email

MAX_PASSWORD_CHARS = 200


def _password(label: Any, autocomplete: str, help_text: Any = "") -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": autocomplete})
    return forms.CharField(label=label, widget=widget, strip=False, max_length=MAX_PASSWORD_CHARS, help_text=help_text)


class SignInForm(forms.Form):
    email = forms.EmailField(
        label=_("E-mail"), widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True})
    )
    password = _password(_("Password"), "current-password")

    employee: Employee | None = None

    def check(self) -> None:
        """Look for the employee. Apart from validation, so that a throttled attempt looks at no password."""
        if self.is_valid():
            self.employee = employee_with(self.cleaned_data["email"], self.cleaned_data["password"])
            if self.employee is None:
                self.add_error(None, ValidationError(_("E-mail or password is wrong."), code="wrong"))
                # The address stays in its field, the password has to be typed again.
                self.fields["email"].widget.attrs["autofocus"] = False
                self.fields["password"].widget.attrs["autofocus"] = True


def employee_with(email: str, password: str) -> Employee | None:
    """The active employee with this password. Unknown, inactive and wrong take the same time and look the same."""
    employee = Employee.objects.filter(email=normal_email(email)).first()
    if employee is None:
        make_password(password)
        return None
    return employee if employee.check_password(password) and employee.is_active else None


class NewPasswordForm(forms.Form):
    """The part that invitation and password change share: a new password, twice."""

    new_password = _password(_("New password"), "new-password", password_validators_help_text_html())
    new_password_again = _password(_("New password again"), "new-password")

    def __init__(self, employee: Employee, data: Any = None) -> None:
        super().__init__(data)
        self.employee = employee

    def clean_new_password_again(self) -> str:
        again: str = self.cleaned_data["new_password_again"]
        if again != self.cleaned_data.get("new_password", again):
            raise ValidationError(_("The two passwords differ."))
        return again

    def clean_new_password(self) -> str:
        password: str = self.cleaned_data["new_password"]
        validate_password(password, self.employee)
        return password


class PasswordForm(NewPasswordForm):
    current_password = _password(_("Current password"), "current-password")

    field_order = ["current_password", "new_password", "new_password_again"]

    def clean_current_password(self) -> str:
        current: str = self.cleaned_data["current_password"]
        if not self.employee.check_password(current):
            raise ValidationError(_("That is not your current password."))
        return current

    def clean(self) -> dict[str, Any]:
        if self.cleaned_data.get("current_password") == self.cleaned_data.get("new_password", ""):
            self.add_error("new_password", _("Choose a password that you do not have already."))
        return self.cleaned_data


class DeletionForm(forms.Form):
    """Deleting everything: whoever found the browser open does not know the password."""

    password = _password(_("Your password"), "current-password")

    def __init__(self, employee: Employee, data: Any = None) -> None:
        super().__init__(data)
        self.employee = employee

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        if not self.employee.check_password(password):
            raise ValidationError(_("That is not your password."))
        return password


class InvitationForm(NewPasswordForm):
    name = forms.CharField(
        label=_("Your name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name", "autofocus": True})
    )

    field_order = ["name", "new_password", "new_password_again"]


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    language = forms.ChoiceField(
        label=_("Language"), required=False, choices=[("", _("As the browser says")), *settings.LANGUAGES]
    )

    class Meta:
        model = Employee
        fields = ["name", "language"]
        labels = {"name": _("Name")}
