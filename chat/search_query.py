"""What a person typed into the search field: words to find, and filters such as `model:`, `in:` and `before:`. Pure.

A filter is a name, a colon and a value, in quotation marks where it holds spaces. Whatever is not one, a time of day or
an address, is words. The German names mean the same, in either language.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

MAX_WORDS = 12
MAX_WORD_CHARS = 60
MAX_VALUE_CHARS = 100

_PIECE = re.compile(r'(?:(\w+):)?(?:"([^"]*)"|(\S+))')
_DAY = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?")
_NAMES = {
    "model": "model", "modell": "model",
    "in": "folder", "folder": "folder", "ordner": "folder",
    "tag": "tag", "schlagwort": "tag",
    "before": "before", "vor": "before",
    "after": "after", "nach": "after",
    "has": "has", "hat": "has",
}  # fmt: skip
_DOCUMENT = {"document", "documents", "dokument", "dokumente", "file", "files", "datei", "dateien"}


@dataclass(frozen=True)
class ThreadQuery:
    """before: last used before this day; after: on this day or later, which is the one after what was typed."""

    words: tuple[str, ...] = ()
    model: str = ""
    folder: str = ""
    tag: str = ""
    before: date | None = None
    after: date | None = None
    has_document: bool = False
    ignored: tuple[str, ...] = field(default=())
    """Filters whose value says nothing, as they were typed: `before:yesterdayish`."""

    @property
    def is_empty(self) -> bool:
        return self == ThreadQuery(ignored=self.ignored)


def parse(text: str) -> ThreadQuery:
    query, words = ThreadQuery(), []
    for name, quoted, plain in _PIECE.findall(text.replace("\x00", "")):
        value = (quoted or plain)[:MAX_VALUE_CHARS]
        meaning = _NAMES.get(name.lower()) if name else None
        if meaning is None:
            words += re.findall(r"\w+", f"{name} {value}")
            continue
        with_filter = _with(query, meaning, value)
        query = with_filter or replace(query, ignored=(*query.ignored, f"{name}:{value}"))
    return replace(query, words=tuple(word[:MAX_WORD_CHARS] for word in words[:MAX_WORDS]))


def _with(query: ThreadQuery, meaning: str, value: str) -> ThreadQuery | None:
    """The query with one filter more, or None when the value says nothing."""
    match meaning:
        case "model":
            return replace(query, model=value)
        case "folder":
            return replace(query, folder=value)
        case "tag":
            return replace(query, tag=value)
        case "before":
            days = days_of(value)
            return replace(query, before=days[0]) if days else None
        case "after":
            days = days_of(value)
            return replace(query, after=days[1]) if days else None
        case _:
            return replace(query, has_document=True) if value.lower() in _DOCUMENT else None


def days_of(text: str) -> tuple[date, date] | None:
    """The first day of a year, month or day written as 2026, 2026-03 or 2026-03-09, and the first day after it."""
    found = _DAY.fullmatch(text)
    if found is None:
        return None
    year, month, day = (int(part) if part else None for part in found.groups())
    try:
        first = date(year or 0, month or 1, day or 1)
        last = date(first.year, month or 12, day or monthrange(first.year, month or 12)[1])
        return first, last + timedelta(days=1)
    except (ValueError, OverflowError):
        return None
