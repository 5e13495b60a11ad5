"""Who an employee is when rights are asked: themselves, everyone, later their groups."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction

from rag.models import Membership, Principal


@transaction.atomic
def ensure_for(employee: AbstractBaseUser) -> Principal:
    """The employee's own principal, made with its memberships if missing. Safe to call twice and at once."""
    own, _ = Principal.objects.get_or_create(employee_id=employee.pk, defaults={"kind": Principal.Kind.EMPLOYEE})
    everyone, _ = Principal.objects.get_or_create(kind=Principal.Kind.EVERYONE)
    Membership.objects.bulk_create(
        [Membership(employee_id=employee.pk, principal=principal) for principal in (own, everyone)],
        ignore_conflicts=True,
    )
    return own


def ids_of(employee: AbstractBaseUser | AnonymousUser) -> list[int]:
    """The principals of this employee now; none for a deactivated or anonymous one. One query, never cached."""
    if not employee.is_authenticated or not employee.is_active:
        return []
    memberships = Membership.objects.filter(employee_id=employee.pk)
    return list(memberships.order_by("principal_id").values_list("principal_id", flat=True))
