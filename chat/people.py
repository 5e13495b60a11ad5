"""How people and groups are called where somebody is given a right."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from chat.models import Employee
from rag.models import Principal

MAX_FOUND = 20


def named(principal_ids: Iterable[int]) -> list[dict[str, Any]]:
    """[{principal, kind, name, detail}], groups first, then people by name. One query."""
    rows = Principal.objects.for_naming().filter(pk__in=list(principal_ids))
    return sorted((_named(row) for row in rows), key=lambda row: (row["kind"] == "employee", row["name"].casefold()))


def found(employee: Employee, words: str) -> list[dict[str, Any]]:
    """Whom these words may mean: everyone, groups and active people whose name or address holds all of them."""
    rows = Principal.objects.nameable_by(employee).for_naming()
    for word in words.split()[:5]:
        rows = rows.filter(
            Q(name__icontains=word) | Q(employee__name__icontains=word) | Q(employee__email__icontains=word)
        )
    named_rows = [_named(row) for row in rows.order_by("-kind", "name", "employee__name", "pk")[:MAX_FOUND]]
    everyone = [] if words.strip() else [row for row in named_rows if row["kind"] == "everyone"]
    return everyone + [row for row in named_rows if row not in everyone]


def _named(row: Principal) -> dict[str, Any]:
    if row.kind == Principal.Kind.EMPLOYEE:
        person: Any = row.employee
        return {"principal": row.pk, "kind": row.kind, "name": person.display_name, "detail": person.email}
    name = _("All employees") if row.kind == Principal.Kind.EVERYONE else row.name
    return {"principal": row.pk, "kind": row.kind, "name": name, "detail": ""}
