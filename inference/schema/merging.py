"""Two schemas that must both hold, as one: for allOf, and for keywords beside anyOf or $ref."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inference.schema.gbnf import SchemaRefused

ANNOTATIONS = {
    "title", "description", "default", "examples", "$schema", "$id", "$comment", "$defs", "definitions", "deprecated",
    "readOnly", "writeOnly", "strict", "discriminator", "example",
}  # fmt: skip
TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")
_SHAPES: dict[str, tuple[type, str]] = {
    "properties": (dict, "an object"), "required": (list, "a list"), "enum": (list, "a list"),
    "anyOf": (list, "a list"), "oneOf": (list, "a list"), "allOf": (list, "a list"),
    "prefixItems": (list, "a list"), "$ref": (str, "a text"), "pattern": (str, "a text"), "format": (str, "a text"),
}  # fmt: skip
_HIGHER = {"minimum", "exclusiveMinimum", "minLength", "minItems"}
_LOWER = {"maximum", "exclusiveMaximum", "maxLength", "maxItems"}


def checked(schema: Any) -> dict[str, Any]:
    """A schema without annotations, whose keywords have the right kinds of value."""
    if not isinstance(schema, dict):
        raise SchemaRefused("A schema must be an object" if schema is not False else "Nothing fits 'false'")
    for key, (kind, sentence) in _SHAPES.items():
        if key in schema and not isinstance(schema[key], kind):
            raise SchemaRefused(f"{key!r} must be {sentence}")
    if not all(isinstance(name, str) for name in schema.get("required", ())):
        raise SchemaRefused("'required' must be a list of names")
    return {key: value for key, value in schema.items() if key not in ANNOTATIONS}


def merged(left: Any, right: Any) -> Any:
    """A schema that fits what fits both. Raises SchemaRefused where that cannot be written down."""
    for one, other in ((left, right), (right, left)):
        if one is True:
            return other
        if one is False:
            return False
    left, right = checked(left), checked(right)
    both = dict(left)
    for key, value in right.items():
        both[key] = _both(key, both[key], value, left, right) if key in both else value
    _close(both, left, right)
    return both


def _both(key: str, one: Any, other: Any, left: Mapping[str, Any], right: Mapping[str, Any]) -> Any:
    if same(one, other):
        return one
    if key == "properties":
        return {
            name: merged(one[name], other[name]) if name in one and name in other else one.get(name, other.get(name))
            for name in [*one, *(name for name in other if name not in one)]
        }
    if key == "required":
        return [*one, *(name for name in other if name not in one)]
    if key == "type":
        return _types(one, other)
    if key == "enum":
        return [value for value in one if any(same(value, each) for each in other)]
    if key in _HIGHER | _LOWER and all(isinstance(v, int | float) and not isinstance(v, bool) for v in (one, other)):
        return max(one, other) if key in _HIGHER else min(one, other)
    if key == "additionalProperties":
        return merged(one, other)
    if key == "items":
        return merged(one, other)
    raise SchemaRefused(f"Two different values of {key!r} cannot be held together")


def _types(one: Any, other: Any) -> list[str]:
    first, second = type_list(one), type_list(other)
    kept = [name for name in first if name in second or (name == "integer" and "number" in second)]
    kept += [name for name in second if name == "integer" and "number" in first and name not in kept]
    if not kept:
        raise SchemaRefused("No value has both of two types")
    return kept


def _close(both: dict[str, Any], left: Mapping[str, Any], right: Mapping[str, Any]) -> None:
    """A property that only one side lists must also fit what the other says of further ones."""
    for side, other in ((left, right), (right, left)):
        more = side.get("additionalProperties", True)
        if more is True or "properties" not in both:
            continue
        for name in other.get("properties", {}):
            if name not in side.get("properties", {}):
                both["properties"][name] = merged(both["properties"][name], more)


def same(one: Any, other: Any) -> bool:
    """Equal in JSON, however deep: 1 is 1.0, and neither is true."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def has_type(value: Any, types: list[str]) -> bool:
    """Whether a JSON value is of one of the types."""
    if kind_of(value) == "number" and "integer" in types and value == int(value):
        return True
    return kind_of(value) in types


def kind_of(value: Any) -> str:
    """The type of a JSON value, with whole numbers as numbers."""
    kinds: dict[type, str] = {bool: "boolean", type(None): "null", str: "string", list: "array", dict: "object"}
    return kinds.get(type(value), "number")


def type_list(types: Any) -> list[str]:
    types = [types] if isinstance(types, str) else types
    if not isinstance(types, list) or not types or not all(isinstance(t, str) and t in TYPES for t in types):
        raise SchemaRefused("'type' must be one or more types that JSON knows")
    return types
