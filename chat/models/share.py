"""A thread as it was when its owner shared it, for every employee who has the link, until it is revoked.

A copy, so that what the owner writes afterwards stays theirs. The link is the right: its id is 122 random bits.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext as _

from chat import limits
from chat.errors import TooMany
from chat.models.employee import Employee
from chat.models.thread import TITLE_CHARS, Thread


class ShareQuerySet(models.QuerySet["Share"]):
    def for_employee(self, employee: Employee) -> ShareQuerySet:
        """Those that this employee made, revoked ones too: theirs to see and to revoke."""
        return self.filter(owner=employee)

    def open_to(self, employee: Employee) -> ShareQuerySet:
        """Those that this employee may read when they know the id: any that is not revoked, of an active colleague."""
        if not employee.is_active:
            return self.none()
        return self.filter(revoked_at=None, owner__is_active=True, thread__deleted_at=None)


class Share(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    # A thread that is deleted for ever takes its links along; in the trash it does so while it lies there.
    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="shares")
    title = models.CharField(max_length=TITLE_CHARS, blank=True)
    # [{role, text, model, sources}], see chat.sharing.
    messages = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now)
    revoked_at = models.DateTimeField(null=True)

    objects = ShareQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["owner", "-created_at"], name="share_of_owner")]

    def __str__(self) -> str:
        return self.title or str(self.id)

    @classmethod
    def make(cls, thread: Thread, messages: list[dict[str, Any]]) -> Share:
        """Raises TooMany."""
        if cls.objects.filter(owner=thread.owner, revoked_at=None).count() >= limits.MAX_SHARES_PER_EMPLOYEE:
            raise TooMany("too_many_shares", _("You share as many threads as one may share. Revoke some first."))
        return cls.objects.create(owner=thread.owner, thread=thread, title=thread.title, messages=messages)

    def revoke(self) -> None:
        """The link is dead at once, and what it showed is gone."""
        self.revoked_at, self.messages = timezone.now(), []
        self.save(update_fields=["revoked_at", "messages"])

    def summary(self) -> dict[str, Any]:
        return {
            "id": str(self.id),
            "thread": str(self.thread_id),
            "title": self.title,
            "num_messages": len(self.messages),
            "created_at": self.created_at.isoformat(),
            "revoked": self.revoked_at is not None,
        }
