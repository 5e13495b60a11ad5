"""Keys with which programs use the models in an employee's name.

The key itself is shown once. We keep its HMAC under a secret of its own, so that neither a copy of the database nor the
session secret opens the door.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from chat.models.employee import Employee

START = "hearth_"
PREFIX_CHARS = len(START) + 6
USED_EVERY = timedelta(minutes=1)


def digest_of(secret_text: str) -> str:
    return hmac.new(settings.API_KEY_SECRET.encode(), secret_text.encode(), hashlib.sha256).hexdigest()


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def for_employee(self, employee: Employee) -> ApiKeyQuerySet:
        return self.filter(owner=employee)

    def issue(self, owner: Employee, label: str) -> tuple[ApiKey, str]:
        """(key, secret text). The text is not kept and cannot be shown again."""
        secret_text = START + secrets.token_urlsafe(32)
        key = self.create(owner=owner, label=label, prefix=secret_text[:PREFIX_CHARS], digest=digest_of(secret_text))
        return key, secret_text

    def authenticate(self, secret_text: str) -> Employee | None:
        """The active employee whose key this is. One query, and at most one write a minute."""
        if not secret_text.startswith(START) or len(secret_text) > 100:
            return None
        key = (
            self.select_related("owner")
            .filter(digest=digest_of(secret_text), owner__is_active=True, owner__must_change_password=False)
            .first()
        )
        if key is None:
            return None
        key.note_use()
        return key.owner


class ApiKey(models.Model):
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_keys")
    label = models.CharField(max_length=80)
    prefix = models.CharField(max_length=PREFIX_CHARS)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.prefix}… {self.label}"

    def note_use(self) -> None:
        """Remember when, to the minute."""
        now = timezone.now()
        if self.last_used_at is None or now - self.last_used_at > USED_EVERY:
            stale = Q(last_used_at=None) | Q(last_used_at__lt=now - USED_EVERY)
            ApiKey.objects.filter(stale, pk=self.pk).update(last_used_at=now)
