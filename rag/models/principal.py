"""Who may be given access: everyone, one employee, later a group.

An employee's principals are their Membership rows, read anew for every query, so a change counts at once.
"""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models


class Principal(models.Model):
    """Somebody that an Access row can name."""

    class Kind(models.TextChoices):
        EVERYONE = "everyone"
        EMPLOYEE = "employee"
        GROUP = "group"

    id = models.AutoField(primary_key=True)
    kind = models.CharField(max_length=10, choices=Kind)
    employee = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="principal"
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["kind"], condition=models.Q(kind="everyone"), name="rag_principal_one_everyone"
            ),
            models.CheckConstraint(
                condition=models.Q(kind="employee", employee__isnull=False)
                | (~models.Q(kind="employee") & models.Q(employee__isnull=True)),
                name="rag_principal_employee_iff_kind",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.employee_id or ''}".strip()


class Membership(models.Model):
    """The employee belongs to the principal, nested groups already resolved."""

    pk = models.CompositePrimaryKey("employee_id", "principal_id")
    employee = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    principal = models.ForeignKey(Principal, on_delete=models.CASCADE, related_name="memberships")

    def __str__(self) -> str:
        return f"{self.employee_id} in {self.principal_id}"
