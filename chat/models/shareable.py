"""What an employee makes for themselves and may share: with everybody, or with a group of people."""

from __future__ import annotations

import uuid
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.utils import timezone

from chat.models.employee import Employee
from rag import principals
from rag.models import Principal


def audiences(employee: Employee) -> list[Principal]:
    """With whom this employee may share: everybody first, then their own groups by name."""
    groups = Principal.objects.of_employee(employee).filter(kind=Principal.Kind.GROUP).order_by("name")
    return [principals.everybody(), *groups]


class ShareableQuerySet(models.QuerySet[Any]):
    def for_employee(self, employee: Employee) -> Self:
        """Their own and what is shared with them: to be used. A colleague who left takes nothing away."""
        if not employee.is_active:
            return self.none()
        # Whoever was never asked about rights has no membership row yet, and is everybody all the same.
        is_shared = models.Q(shared_with__kind=Principal.Kind.EVERYONE)
        is_shared |= models.Q(shared_with__in=Principal.objects.of_employee(employee).values("pk"))
        return self.filter(models.Q(owner=employee) | is_shared).select_related("owner")

    def owned_by(self, employee: Employee) -> Self:
        """Their own."""
        return self.filter(owner=employee)


class Shareable(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    # Nobody but the owner, without one.
    shared_with = models.ForeignKey(Principal, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        abstract = True

    def whose(self, employee: Employee) -> dict[str, Any]:
        """is_own; shared_with: a principal's id or null; owner: who made it, "" for one's own."""
        is_own = self.owner_id == employee.pk
        return {
            "is_own": is_own,
            "shared_with": self.shared_with_id if is_own else None,
            "owner": "" if is_own else self.owner.display_name,
        }
