"""Calls whose arguments are marks all the way down, as MiniMax-M3 writes them: <city>Ulm</city>, <tags><item>a</item>…

Every mark stands behind the family's own word (`namespace`), so no text can hide one; a list is items, an object its
properties. What a value means is the tool's schema to say, and what it does not say is read as JSON if it is any.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from inference.dialects.calls import Calls, dumped, is_text, value_of
from inference.dialects.families import Dialect
from inference.dialects.source import Reading, Source, copy_until, gather_until, match
from inference.schema import SchemaRefused
from inference.schema.references import target

_NAME = r"([^<>/\s]{1,256})"
_MOST_DEPTH = 48


def read_nested(source: Source, dialect: Dialect, calls: Calls, name: str) -> Reading[None]:
    """The arguments of one call as the JSON that they mean. A text goes out while it comes."""
    namespace = re.escape(dialect.namespace)
    opening = re.compile(rf"\s*{namespace}<{_NAME}>|(?=\s*{re.escape(dialect.tail)})")
    yield calls.more("{")
    separator = ""
    while (found := (yield from match(source, opening))) and found[1]:
        key = found[1]
        root = calls.parameters_of(name)
        schema = _schema(calls.schema_of(name, key), root)
        yield calls.more(f"{separator}{dumped(key)}: ")
        separator = ", "
        ends = (f"{dialect.namespace}</{key}>", dialect.tail)  # what is not closed ends with its call
        if is_text(schema):
            yield calls.more('"')
            mark = yield from copy_until(source, ends, lambda text: calls.more(dumped(text)[1:-1]))
            yield calls.more('"')
        else:
            text, mark = yield from _gather(source, f"{dialect.namespace}<{key}>", ends)
            yield calls.more(dumped(meant(text, schema, root, dialect.namespace)))
        if mark == dialect.tail:
            source.held = mark + source.held
    yield calls.more("}")


def _gather(source: Source, opens: str, ends: tuple[str, str]) -> Reading[tuple[str, str | None]]:
    """Up to the mark that closes this argument: the same name may come again inside."""
    text, depth = "", 1
    while True:
        part, mark = yield from gather_until(source, ends)
        depth += part.count(opens) - 1
        if mark != ends[0] or depth <= 0:
            return text + part, mark
        text += part + mark


def meant(text: str, schema: Mapping[str, Any], root: Mapping[str, Any], namespace: str, depth: int = 0) -> Any:
    """The value between two marks. root: the tool's parameters, into which a $ref leads."""
    children = _children(text, namespace) if depth < _MOST_DEPTH else None
    if children is None:
        empty: Any = {"array": [], "object": {}}.get(str(schema.get("type")))
        return empty if empty is not None and not text.strip() else value_of(text, schema)
    is_list = schema.get("type") == "array" or (
        schema.get("type") != "object" and "properties" not in schema and all(key == "item" for key, _ in children)
    )
    if is_list:
        within = _schema(schema.get("items"), root)
        return [meant(each, within, root, namespace, depth + 1) for _, each in children]
    properties = schema.get("properties")
    known: Mapping[str, Any] = properties if isinstance(properties, dict) else {}
    return {key: meant(each, _schema(known.get(key), root), root, namespace, depth + 1) for key, each in children}


def _schema(value: Any, root: Mapping[str, Any]) -> Mapping[str, Any]:
    """A schema without $ref at its top; {}, which says nothing, for one that leads nowhere or in a circle."""
    for _ in range(_MOST_DEPTH):
        if not isinstance(value, dict) or "$ref" not in value:
            break
        try:
            value = target(root, str(value["$ref"]))
        except SchemaRefused:
            return {}
    return value if isinstance(value, dict) and "$ref" not in value else {}


def _children(text: str, namespace: str) -> list[tuple[str, str]] | None:
    """(name, what is inside) of the marks in a text that holds nothing else; None for a plain text."""
    children, place = [], 0
    opening = re.compile(rf"\s*{re.escape(namespace)}<{_NAME}>")
    while found := opening.match(text, place):
        end = _end(text, found[1], found.end(), namespace)
        if end is None:
            return None
        children.append((found[1], text[found.end() : end]))
        place = end + len(f"{namespace}</{found[1]}>")
    return children if children and not text[place:].strip() else None


def _end(text: str, key: str, place: int, namespace: str) -> int | None:
    """Where the mark that closes this one stands: the same name may come again inside."""
    opens, closes, depth = f"{namespace}<{key}>", f"{namespace}</{key}>", 1
    while depth:
        close = text.find(closes, place)
        if close < 0:
            return None
        inner = text.find(opens, place, close)
        if inner >= 0:
            depth, place = depth + 1, inner + len(opens)
        else:
            depth, place = depth - 1, close + len(closes)
    return close
