"""What an employee has begun to write and not sent: it follows them from device to device."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from chat.models.employee import Employee
from chat.models.thread import Thread


class DraftQuerySet(models.QuerySet["Draft"]):
    def for_employee(self, employee: Employee) -> DraftQuerySet:
        return self.filter(owner=employee)

    def text_in(self, thread: Thread | None) -> str:
        """The draft in this thread, or of a new one; "" when there is none."""
        return self.filter(thread=thread).values_list("text", flat=True).first() or ""


class Draft(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    # Without one, it is the draft of a new thread.
    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, null=True, related_name="+")
    text = models.TextField()
    updated_at = models.DateTimeField(default=timezone.now)

    objects = DraftQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "thread"], nulls_distinct=False, name="one_draft_a_thread"),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @staticmethod
    def keep(owner: Employee, thread: Thread | None, text: str) -> None:
        """The last one written counts, on whichever device. Empty text is no draft. One statement."""
        if not text.strip():
            Draft.objects.for_employee(owner).filter(thread=thread).delete()
            return
        row = Draft(owner=owner, thread=thread, text=text)
        fields = ["owner", "thread"]
        Draft.objects.bulk_create(
            [row], update_conflicts=True, unique_fields=fields, update_fields=["text", "updated_at"]
        )
