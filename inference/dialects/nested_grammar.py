"""From a tool's schema to marks all the way down, the twin of `nested`.

A union, a map or what is too deep has no marks. Where a call was promised such an argument is JSON between its own
marks, which its reader takes as well; where nothing was, any text, since the model was trained for something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inference import schema
from inference.dialects.calls import is_text
from inference.schema.references import target

_MOST_DEPTH, _MOST_MARKS = 8, 500
_SCALARS = ("integer", "number", "boolean", "null")
_ARRAY_KEYS = {"type", "items", "minItems", "maxItems", "title", "description", "default", "examples"}


class CannotHold(ValueError):
    """A schema that no grammar can hold, of this tool, with a sentence for the caller."""


class NestedArguments:
    """The arguments of one tool as rules. What cannot be held is any text where nothing was promised."""

    def __init__(self, writer: schema.Writer, namespace: str, tool: Mapping[str, Any], *, strict: bool) -> None:
        self._writer = writer
        self._namespace = namespace
        self._function = tool["function"]
        self._strict = strict or bool(tool["function"].get("strict"))
        self._num_marks = 0
        # Any text up to the next mark, which begins with the family's word whatever it is.
        writer.rules |= schema.until(namespace, "marked")

    def written(self) -> str:
        return self._properties({"type": "object"} | self._function["parameters"], 0)

    def _properties(self, wanted: Mapping[str, Any], depth: int) -> str:
        properties, required = wanted.get("properties", {}), wanted.get("required", [])
        if not isinstance(properties, dict) or not all(_is_name(key) for key in properties):
            properties = {}
        parts = []
        for key, each in properties.items():
            rule = self._writer.rule(self._mark(key, each if isinstance(each, dict) else {}, depth + 1))
            parts.append(rule if isinstance(required, list) and key in required else f"{rule}?")
        return " ".join(parts) or '""'

    def _mark(self, key: str, wanted: Mapping[str, Any], depth: int) -> str:
        self._num_marks += 1
        if depth > _MOST_DEPTH or self._num_marks > _MOST_MARKS:
            return self._as_json(key, wanted)
        if set(wanted) == {"$ref"}:
            try:
                found = target(self._function["parameters"], str(wanted["$ref"]))
            except schema.SchemaRefused:
                return self._as_json(key, wanted)  # which says what is wrong with it
            wanted = found if isinstance(found, dict) else {}
        opening, end = self._opening(key), schema.literal(f"</{key}>")
        if is_text(wanted):
            values = wanted.get("enum", [wanted["const"]] if "const" in wanted else [])
            return f"{opening} {self._one_of(values)} {end}" if values else f"{opening} marked {end}"
        inside = self._within(wanted, depth)
        if inside is None:
            return self._as_json(key, wanted)
        return f"{opening} {inside} {schema.literal(self._namespace)} {end}"

    def _within(self, wanted: Mapping[str, Any], depth: int) -> str | None:
        """A value that is no text, up to its closing mark; None when there is no way to write it."""
        kind = wanted.get("type")
        if kind in _SCALARS or "enum" in wanted or "const" in wanted:
            try:
                schema.Writer().expression(wanted)
            except schema.SchemaRefused:
                return None
            return self._writer.expression(wanted)
        if kind == "array" and not set(wanted) - _ARRAY_KEYS:
            least, most = wanted.get("minItems", 0), wanted.get("maxItems", "")
            items = wanted.get("items", {})
            if not isinstance(items, dict) or any(value != "" and not _is_count(value) for value in (least, most)):
                return None
            item = self._writer.rule(self._mark("item", items, depth + 1))
            return f"{item}{{{least},{most}}}"
        if kind == "object" and isinstance(wanted.get("properties"), dict):
            return self._properties(wanted, depth)
        return None

    def _as_json(self, key: str, wanted: Mapping[str, Any]) -> str:
        if not self._strict:
            name = f"text{len(self._writer.rules)}x"
            self._writer.rules |= schema.until(f"{self._namespace}</{key}>", name)
            return f"{self._opening(key)} {name}"
        parameters = self._function["parameters"]
        shared = {each: parameters[each] for each in ("$defs", "definitions") if each in parameters}
        try:
            value = self._writer.expression({**wanted, **shared})
        except schema.SchemaRefused as error:
            raise CannotHold(f"{self._function['name']!r} cannot be held to its parameters: {error}") from None
        return f"{self._opening(key)} {value} {schema.literal(f'{self._namespace}</{key}>')}"

    def _opening(self, key: str) -> str:
        return schema.literal(f"{self._namespace}<{key}>")

    def _one_of(self, values: list[str]) -> str:
        return f"({schema.any_text_of([value + self._namespace for value in values])})"


def _is_name(key: str) -> bool:
    return key.replace("_", "").replace("-", "").replace(".", "").isalnum()


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= 1000
