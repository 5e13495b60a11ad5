"""Who an employee is when rights are asked: themselves, everyone, their groups."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction

from rag.models import Membership, Principal


@transaction.atomic
def ensure_for(employee: AbstractBaseUser) -> Principal:
    """The employee's own principal, made with its memberships if missing. Safe to call twice and at once."""
    own, _ = Principal.objects.get_or_create(employee_id=employee.pk, defaults={"kind": Principal.Kind.EMPLOYEE})
    everyone = everybody()
    Membership.objects.bulk_create(
        [Membership(employee_id=employee.pk, principal=principal) for principal in (own, everyone)],
        ignore_conflicts=True,
    )
    return own


def everybody() -> Principal:
    """All employees. They may make collections unless an admin decides otherwise."""
    found, _ = Principal.objects.get_or_create(kind=Principal.Kind.EVERYONE, defaults={"may_make_collections": True})
    return found


def ids_of(employee: AbstractBaseUser | AnonymousUser) -> list[int]:
    """The principals of this employee now; none for a deactivated or anonymous one. One query, never cached."""
    return list(Principal.objects.of_employee(employee).order_by("pk").values_list("pk", flat=True))


def may_make_collections(employee: AbstractBaseUser | AnonymousUser) -> bool:
    """Whether anything that they are allows it."""
    return Principal.objects.of_employee(employee).filter(may_make_collections=True).exists()
