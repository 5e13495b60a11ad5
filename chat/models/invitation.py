"""A letter that lets one person become an employee: single use, seven days, known to us only as a hash."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from chat.errors import BadInput
from chat.models.employee import Employee, normal_email

LIFETIME = timedelta(days=7)


def hash_of(token: str) -> str:
    # 256 random bits need no slow hash: nobody can guess through them.
    return hashlib.sha256(token.encode()).hexdigest()


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self) -> InvitationQuerySet:
        return self.filter(accepted_at=None, expires_at__gt=timezone.now())

    def with_token(self, token: str) -> Invitation | None:
        """The open invitation behind the token; knowing the token is the right to it."""
        return self.open().filter(token_hash=hash_of(token)).first()

    def issue(self, email: str, *, by: Employee, is_admin: bool = False) -> tuple[Invitation, str]:
        """(invitation, token). A second invitation for the same address replaces the first."""
        email = normal_email(email)
        if Employee.objects.filter(email=email).exists():
            raise BadInput("already_employee", _("%(email)s is an employee already.") % {"email": email})
        self.open().filter(email=email).delete()
        token = secrets.token_urlsafe(32)
        invitation = self.create(
            email=email,
            is_admin=is_admin,
            invited_by=by,
            token_hash=hash_of(token),
            expires_at=timezone.now() + LIFETIME,
        )
        return invitation, token


class Invitation(models.Model):
    email = models.EmailField()
    is_admin = models.BooleanField(default=False)
    token_hash = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)

    objects = InvitationQuerySet.as_manager()

    def __str__(self) -> str:
        return self.email

    def accept(self, name: str, password: str) -> Employee | None:
        """The new employee, or None when this letter, or another to the same address, was used a moment ago."""
        try:
            with transaction.atomic():
                # Two browsers may post together. The one whose update changed the row made the employee.
                if not Invitation.objects.open().filter(pk=self.pk).update(accepted_at=timezone.now()):
                    return None
                return Employee.objects.create_employee(self.email, password, name=name, is_admin=self.is_admin)
        except IntegrityError:
            return None
