"""What an employee may still see of the sources of an answer, which were found when they could perhaps see more.

Messages, exports and events keep what was said then; everything that leaves goes through here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.utils.translation import gettext as _

from chat.models import Employee, Message
from rag.models import Citation, Document

# The events that carry sources, as their JSON begins.
WITH_SOURCES = ('{"type":"sources.found"', '{"type":"turn.snapshot"')


def visible_sources(employee: Employee, messages: Iterable[Message]) -> None:
    """Blank what the employee can no longer read, and say what was replaced since. Two queries."""
    _show(employee, [message.sources for message in messages if message.sources])


def visible_event(employee: Employee, text: str) -> str:
    """The event of a turn, as JSON, for who follows it now."""
    frame = json.loads(text)
    found = frame if isinstance(frame.get("sources"), list) else frame.get("sources")
    if not found:
        return text
    _show(employee, [found])
    return json.dumps(frame, separators=(",", ":"), ensure_ascii=False)


def blank_event(text: str) -> str:
    """The event without anything out of documents."""
    frame = json.loads(text)
    found = frame if isinstance(frame.get("sources"), list) else frame.get("sources") or {}
    _blank([*found.get("sources", []), *found.get("left_out", [])], frozenset())
    return json.dumps(frame, separators=(",", ":"), ensure_ascii=False)


def _show(employee: Employee, found: Sequence[dict[str, Any]]) -> None:
    """found: what sources.found said, each."""
    sources = [source for each in found for source in each.get("sources", [])]
    left_out = [document for each in found for document in each.get("left_out", [])]
    ids = {each["document"] for each in [*sources, *left_out]}
    if not ids:
        return
    readable = Document.objects.for_employee(employee).filter(pk__in=ids)
    visible = {str(pk) for pk in readable.values_list("pk", flat=True)}
    _blank([*sources, *left_out], frozenset(visible))
    _say_replaced(employee, sources)


def _blank(rows: Sequence[dict[str, Any]], visible: frozenset[str]) -> None:
    for row in rows:
        if row["document"] in visible:
            continue
        row |= {"title": _("Source no longer available"), "gone": True}
        if "n" in row:
            row |= {"quote": "", "heading": "", "label": "", "citation": None}


def _say_replaced(employee: Employee, sources: Sequence[dict[str, Any]]) -> None:
    """replaced: the day since which searches see a newer version; the mark still opens the old page."""
    ids = {source["citation"] for source in sources if source.get("citation")}
    replaced = Citation.objects.for_employee(employee).filter(pk__in=ids, version__replaced_at__isnull=False)
    days = {str(pk): at.date().isoformat() for pk, at in replaced.values_list("pk", "version__replaced_at") if at}
    for source in sources:
        if source.get("citation") in days:
            source["replaced"] = days[source["citation"]]
