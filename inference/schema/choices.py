"""oneOf asks for exactly one: whether a text that is written for one alternative could fit another one too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inference.schema.merging import checked, kind_of, same, type_list


def never_fits(written: Any, other: Any) -> bool:
    """True when no text written for the first schema fits the second. False may only mean: not seen."""
    if not isinstance(written, dict) or not isinstance(other, dict):
        return False
    written, other = checked(written), checked(other)
    mine, theirs = _values(written), _values(other)
    if mine is not None and theirs is not None:
        return not any(same(value, each) for value in mine for each in theirs)
    if not _types(written) & _types(other):
        return True
    return _types(written) == {"object"} and _no_object_fits(written, other)


def _no_object_fits(written: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Objects are written with the listed and the required properties only, the required ones always."""
    required, theirs = written.get("required", []), other.get("properties", {})
    mine = dict.fromkeys(required, written.get("additionalProperties", True)) | written.get("properties", {})
    if not mine:
        return False
    if any(name not in mine for name in other.get("required", [])):
        return True
    if other.get("additionalProperties") is False and any(name not in theirs for name in required):
        return True
    return any(name in theirs and never_fits(mine[name], theirs[name]) for name in required)


def _values(schema: Mapping[str, Any]) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    return schema.get("enum")


def _types(schema: Mapping[str, Any]) -> set[str]:
    """With "integer" as a kind of "number"; everything when the schema does not say."""
    values = _values(schema)
    if values is not None:
        return {kind_of(value) for value in values}
    types = schema.get("type")
    if types is None:
        return {"object"} if "properties" in schema else {"object", "array", "string", "number", "boolean", "null"}
    return {"number" if name == "integer" else str(name) for name in type_list(types)}
