"""With whom what an employee made is shared, as a form says it."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from chat.errors import BadInput
from chat.models import Employee
from chat.models.shareable import audiences
from rag.models import Principal


def audiences_of(employee: Employee) -> list[dict[str, Any]]:
    """[{id, name}]: whom they may choose; everybody has no name, pages have a word for it."""
    return [{"id": principal.pk, "name": principal.name} for principal in audiences(employee)]


def audience_of(employee: Employee, principal_id: int | None) -> Principal | None:
    """None: only for themselves. Raises BadInput for what they may not choose."""
    if principal_id is None:
        return None
    found = next((principal for principal in audiences(employee) if principal.pk == principal_id), None)
    if found is None:
        raise BadInput("unknown_audience", _("You can share with everybody, or with a group that you are in."))
    return found


def line_of(value: str, limit: int) -> str:
    """A description that a person typed: one line, perhaps none."""
    line = " ".join(value.split())
    if len(line) > limit:
        raise BadInput("description_too_long", _("A description has at most %(limit)d characters.") % {"limit": limit})
    return line
