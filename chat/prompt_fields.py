"""The fields of a saved prompt: {{name}}, {{date:date}}, {{tone:choice(formal|friendly)}}. Pure.

The page reads them the same way (static/ts/models/prompt_fields.ts); tests/prompt_fields.json holds both to it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

from django.utils.translation import gettext as _

from chat.errors import BadInput

MAX_FIELDS = 20
MAX_NAME_CHARS = 60
_BRACES = re.compile(r"\{\{([^{}]*)\}\}")
_FIELD = re.compile(r"^\s*([^:|()]+?)\s*(?::\s*([a-z]+)\s*(?:\(([^()]*)\))?\s*)?$")
LINE, TEXT, DATE, NUMBER, CHOICE = "line", "text", "date", "number", "choice"
KINDS = (LINE, TEXT, DATE, NUMBER, CHOICE)


@dataclass(frozen=True)
class Field:
    """kind: line, text (several lines), date, number, choice."""

    name: str
    kind: str = LINE
    choices: tuple[str, ...] = ()


def fields_of(text: str) -> list[Field]:
    """Each name once, in order of appearance. Raises BadInput naming the field that cannot be read."""
    found: dict[str, Field] = {}
    for braces in _BRACES.finditer(text):
        field = _field(braces.group(1))
        known = found.setdefault(field.name, field)
        # {{name}} once more means the same field, whatever its kind is.
        if known != field and field.kind != LINE:
            _refuse(braces.group(0), _("it appears twice with different kinds"))
    if len(found) > MAX_FIELDS:
        raise BadInput("too_many_fields", _("A prompt has at most %(limit)d fields.") % {"limit": MAX_FIELDS})
    return list(found.values())


def _field(inside: str) -> Field:
    shown = "{{" + inside + "}}"
    match = _FIELD.match(inside)
    if match is None or len(match.group(1)) > MAX_NAME_CHARS:
        _refuse(shown, _("it is written as name, name:kind or name:choice(one|other)"))
    name, kind, inner = match.group(1), match.group(2) or LINE, match.group(3)
    if kind not in KINDS:
        _refuse(shown, _("the kinds are text, date, number and choice"))
    choices = tuple(dict.fromkeys(part.strip() for part in (inner or "").split("|") if part.strip()))
    if (kind == CHOICE) != bool(choices):
        _refuse(shown, _("a choice has its possibilities in brackets, and nothing else has"))
    return Field(name, kind, choices)


def _refuse(shown: str, why: str) -> NoReturn:
    sentence = _("The field %(field)s cannot be read: %(why)s.") % {"field": shown[:80], "why": why}
    raise BadInput("bad_prompt_field", sentence)
