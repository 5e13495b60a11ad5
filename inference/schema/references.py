"""Where $ref leads and what allOf comes to, within bounds: a schema is somebody else's, and may lead in circles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from inference.schema.gbnf import SchemaRefused
from inference.schema.merging import checked, merged

MAX_NODES, MAX_DEPTH = 2000, 48
# Each open alternative is asked about each token: 1,000 of them took 0.6 s a token, for everybody in the batch.
MAX_ALTERNATIVES = 250
# Values are told apart by their beginnings, so that only those of one letter are open.
MAX_VALUES = 2000


class Budget:
    """What all schemas of one grammar may take together."""

    def __init__(self) -> None:
        self._num_nodes = self._num_alternatives = self._num_values = 0

    def node(self) -> None:
        self._num_nodes += 1
        if self._num_nodes > MAX_NODES:
            raise SchemaRefused("The schema is too large")

    def values(self, values: Any) -> None:
        """Of enum, which cost little together."""
        self._num_values += len(values) if isinstance(values, list) else 0
        if not isinstance(values, list) or not values or self._num_values > MAX_VALUES:
            raise SchemaRefused(f"'enum' must be a list, and all such lists together may have {MAX_VALUES:,} entries")

    def alternatives(self, values: Any, key: str) -> None:
        self._num_alternatives += len(values) if isinstance(values, list) else 0
        if not isinstance(values, list) or not values or self._num_alternatives > MAX_ALTERNATIVES:
            raise SchemaRefused(
                f"{key!r} must be a list, and all such lists together may have {MAX_ALTERNATIVES} entries"
            )


def flat(root: Any, schema: Any, budget: Budget, depth: int = 0) -> Any:
    """The same schema without $ref and allOf at its top."""
    if depth > MAX_DEPTH:
        raise SchemaRefused("'$ref' leads in a circle")
    if schema is True or schema is False:
        return schema
    schema = checked(schema)
    if not {"$ref", "allOf"} & schema.keys():
        return schema
    rest = {key: value for key, value in schema.items() if key not in ("$ref", "allOf")}
    parts = schema.get("allOf", [])
    if "allOf" in schema:
        budget.alternatives(parts, "allOf")
    if "$ref" in schema:
        parts = [target(root, schema["$ref"]), *parts]
    for part in parts:
        rest = merged(rest, flat(root, part, budget, depth + 1))
        budget.node()
    return rest


def target(root: Any, reference: str) -> Any:
    """The part of the schema that "#/..." names."""
    if not reference.startswith("#"):
        raise SchemaRefused("'$ref' can only lead within the schema")
    found = root
    for part in filter(None, unquote(reference[1:]).split("/")):
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list) and key.isdecimal() and int(key[:9]) < len(found):
            found = found[int(key)]
        elif isinstance(found, Mapping) and key in found:
            found = found[key]
        else:
            raise SchemaRefused(f"The reference {reference[:60]!r} leads nowhere")
    return found
