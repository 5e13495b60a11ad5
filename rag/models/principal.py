"""Who may be given access: everyone, one employee, a group of people.

An employee's principals are their Membership rows, read anew for every query, so a change counts at once.
"""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models
from django.db.models.functions import Lower

NAME_CHARS = 80


class PrincipalQuerySet(models.QuerySet["Principal"]):
    def for_admin(self, admin: AbstractBaseUser | AnonymousUser) -> PrincipalQuerySet:
        """What admins decide about: the groups, and what everyone may do. Nobody's own principal."""
        if not admin.is_authenticated or not admin.is_active or not getattr(admin, "is_admin", False):
            return self.none()
        return self.exclude(kind=Principal.Kind.EMPLOYEE)

    def nameable_by(self, employee: AbstractBaseUser | AnonymousUser) -> PrincipalQuerySet:
        """Whom an employee may give a right: everyone, any group, anybody who is active."""
        if not employee.is_authenticated or not employee.is_active:
            return self.none()
        return self.exclude(kind=Principal.Kind.EMPLOYEE, employee__is_active=False)

    def for_naming(self) -> PrincipalQuerySet:
        """With the names of people, in one query."""
        return self.select_related("employee")

    def with_members(self) -> PrincipalQuerySet:
        return self.prefetch_related("memberships")

    def of_employee(self, employee: AbstractBaseUser | AnonymousUser) -> PrincipalQuerySet:
        """Everything that this employee is now; nothing for a deactivated or anonymous one."""
        if not employee.is_authenticated or not employee.is_active:
            return self.none()
        # is_active is asked of the row as well: the object in hand may be older than the deactivation.
        return self.filter(memberships__employee_id=employee.pk, memberships__employee__is_active=True)


class Principal(models.Model):
    """Somebody that a right can name. name is a group's; may_make_collections also counts for each of its people."""

    class Kind(models.TextChoices):
        EVERYONE = "everyone"
        EMPLOYEE = "employee"
        GROUP = "group"

    id = models.AutoField(primary_key=True)
    kind = models.CharField(max_length=10, choices=Kind)
    employee = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="principal"
    )
    name = models.CharField(max_length=NAME_CHARS, blank=True, default="", db_default="")
    may_make_collections = models.BooleanField(default=False, db_default=False)
    # When the pipeline last worked for this employee: see rag.fairness.
    served_at = models.DateTimeField(null=True, blank=True)

    objects = PrincipalQuerySet.as_manager()

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
            models.UniqueConstraint(Lower("name"), condition=models.Q(kind="group"), name="rag_principal_group_name"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name or self.employee_id or ''}".strip()


class Membership(models.Model):
    """The employee belongs to the principal, nested groups already resolved."""

    pk = models.CompositePrimaryKey("employee_id", "principal_id")
    employee = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    principal = models.ForeignKey(Principal, on_delete=models.CASCADE, related_name="memberships")

    def __str__(self) -> str:
        return f"{self.employee_id} in {self.principal_id}"
