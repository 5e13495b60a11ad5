"""From a JSON Schema to a grammar (GBNF) that lets a model write nothing but matching JSON. Pure.

What cannot be promised is refused with the name of the keyword, never ignored; only annotations are. Objects are
written with the listed properties in their order, optional ones may be left out, and nothing may be added to them:
a narrower language than the schema's, and every text in it fits. Left out: pattern, numeric bounds, prefixItems, allOf
of several, remote references.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

MAX_NODES, MAX_DEPTH, MAX_REPEATS, MAX_GRAMMAR_CHARS = 2000, 48, 1000, 256 * 1024
# Each open alternative is asked about each token: 1,000 of them took 0.6 s a token, for everybody in the batch.
MAX_ALTERNATIVES = 250

_ANNOTATIONS = {
    "title", "description", "default", "examples", "$schema", "$id", "$comment", "$defs", "definitions", "deprecated",
    "readOnly", "writeOnly", "strict",
}  # fmt: skip
_OF_TYPE = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "minItems", "maxItems"},
    "string": {"minLength", "maxLength", "format"},
    "number": set(),
    "integer": set(),
    "boolean": set(),
    "null": set(),
}  # fmt: skip
_BASE = r"""
ws ::= | " " | "\n" [ \t]{0,20}
char ::= [^"\\\x00-\x1f\x7f] | "\\" (["\\/bfnrt] | "u" [0-9a-fA-F]{4})
string ::= "\"" char* "\""
integer ::= "-"? ("0" | [1-9] [0-9]{0,15})
number ::= integer ("." [0-9]{1,16})? ([eE] [-+]? [0-9]{1,3})?
boolean ::= "true" | "false"
null ::= "null"
value ::= object | array | string | number | boolean | null
object ::= "{" ws (string ":" ws value ("," ws string ":" ws value)*)? ws "}"
array ::= "[" ws (value ("," ws value)*)? ws "]"
"""
_DATE, _TIME = '[0-9]{4} "-" [01] [0-9] "-" [0-3] [0-9]', '[0-2] [0-9] ":" [0-5] [0-9] ":" [0-5] [0-9] "Z"'
_FORMATS = {
    "date": _DATE,
    "time": _TIME,
    "date-time": f'{_DATE} "T" {_TIME}',
    "uuid": ' "-" '.join(f"[0-9a-f]{{{length}}}" for length in (8, 4, 4, 4, 12)),
}


class SchemaRefused(ValueError):
    """With a sentence for the caller."""


def grammar(schema: Any) -> str:
    """GBNF with the rule `root`. Raises SchemaRefused."""
    writer = _Writer(schema)
    writer.rules["root"] = writer.expression(schema, 0)
    text = "\n".join(f"{name} ::= {rule}" for name, rule in writer.rules.items()) + _BASE
    if len(text) > MAX_GRAMMAR_CHARS:
        raise SchemaRefused("The schema is too large.")
    return text


ANY_OBJECT: dict[str, Any] = {"type": "object"}


class _Writer:
    def __init__(self, root: Any) -> None:
        self.rules: dict[str, str] = {}
        self._root = root
        self._num_nodes = self._num_alternatives = 0
        self._refs: dict[str, str] = {}

    def expression(self, schema: Any, depth: int) -> str:
        """Something that may stand for one value in a rule."""
        self._num_nodes += 1
        if depth > MAX_DEPTH or self._num_nodes > MAX_NODES:
            raise SchemaRefused("The schema is too large.")
        if schema is True or schema == {}:
            return "value"
        if not isinstance(schema, dict):
            raise SchemaRefused("A schema must be an object.")
        for key, write in (("$ref", self._ref), ("const", self._const), ("enum", self._enum)):
            if key in schema:
                self._refuse_others(schema, {key, "type"})
                return write(schema[key], depth)
        for key in ("anyOf", "oneOf", "allOf"):
            if key in schema:
                self._refuse_others(schema, {key, "type"})
                return self._union(key, schema[key], depth)
        return self._of_types(schema, depth)

    def _of_types(self, schema: dict[str, Any], depth: int) -> str:
        types = schema.get("type")
        if types is None:
            types = [name for name, keys in _OF_TYPE.items() if keys & schema.keys()]
            if not types:
                self._refuse_others(schema, set())
                return "value"
        types = [types] if isinstance(types, str) else types
        if not isinstance(types, list) or not types or not all(isinstance(t, str) and t in _OF_TYPE for t in types):
            raise SchemaRefused("The schema has a type that JSON does not know.")
        self._refuse_others(schema, {"type"}.union(*(_OF_TYPE[name] for name in types)))
        return self._rule(" | ".join(self._of_type(name, schema, depth) for name in types))

    def _of_type(self, name: str, schema: dict[str, Any], depth: int) -> str:
        if name == "object":
            return self._object(schema, depth)
        if name == "array":
            return self._array(schema, depth)
        return self._string(schema) if name == "string" else name

    def _object(self, schema: dict[str, Any], depth: int) -> str:
        properties, required = schema.get("properties", {}), schema.get("required", [])
        if not isinstance(properties, dict) or not isinstance(required, list):
            raise SchemaRefused("properties must be an object, and required a list.")
        if not properties:
            if required:
                raise SchemaRefused("A required property is not described.")
            more = schema.get("additionalProperties", True)
            if more is False:
                return '"{" ws "}"'
            pair = f'string ":" ws {self.expression(more, depth + 1)}'
            return f'"{{" ws ({pair} ("," ws {pair})*)? ws "}}"'
        if not all(name in properties for name in required):
            raise SchemaRefused("A required property is not described.")
        pairs = [
            (f'{self._const(name, depth)} ":" ws {self.expression(each, depth + 1)}', name in required)
            for name, each in properties.items()
        ]
        return f'"{{" ws {self._pairs(pairs)} ws "}}"'

    def _pairs(self, pairs: Sequence[tuple[str, bool]]) -> str:
        """The properties in order, commas between those that are there. From the last to the first: the rest when
        something was written before, and when nothing was."""
        more, first = '""', '""'
        for pair, is_required in reversed(pairs):
            after = more
            if is_required:
                more, first = self._rule(f'"," ws {pair} {after}'), self._rule(f"{pair} {after}")
            else:
                more = self._rule(f'("," ws {pair})? {after}')
                first = self._rule(f"{pair} {after} | {first}")
        return first

    def _array(self, schema: dict[str, Any], depth: int) -> str:
        item = self.expression(schema.get("items", True), depth + 1)
        least, most = _bounds(schema, "minItems", "maxItems")
        if most == 0:
            return '"[" ws "]"'
        rest = f'("," ws {item}){{{max(0, least - 1)},{"" if most is None else most - 1}}}'
        filled = f"{item} {rest}"
        return f'"[" ws {filled if least else f"({filled})?"} ws "]"'

    def _string(self, schema: dict[str, Any]) -> str:
        layout = schema.get("format")
        if layout is not None:
            if layout not in _FORMATS or "minLength" in schema or "maxLength" in schema:
                raise SchemaRefused(f"The format {str(layout)[:40]!r} is not supported.")
            return rf'"\"" {_FORMATS[layout]} "\""'
        least, most = _bounds(schema, "minLength", "maxLength")
        if (least, most) == (0, None):
            return "string"
        return rf'"\"" char{{{least},{"" if most is None else most}}} "\""'

    def _const(self, value: Any, depth: int) -> str:
        return _literal(json.dumps(value, ensure_ascii=False))

    def _enum(self, values: Any, depth: int) -> str:
        self._count_alternatives(values, "enum")
        return self._rule(" | ".join(self._const(value, depth) for value in values))

    def _union(self, key: str, schemas: Any, depth: int) -> str:
        self._count_alternatives(schemas, key)
        if key == "allOf" and len(schemas) > 1:
            raise SchemaRefused(f"{key} of this form is not supported.")
        return self._rule(" | ".join(self.expression(each, depth + 1) for each in schemas))

    def _count_alternatives(self, values: Any, key: str) -> None:
        self._num_alternatives += len(values) if isinstance(values, list) else 0
        if not isinstance(values, list) or not values or self._num_alternatives > MAX_ALTERNATIVES:
            raise SchemaRefused(
                f"{key} must be a list, and all such lists together may have {MAX_ALTERNATIVES} entries."
            )

    def _ref(self, reference: Any, depth: int) -> str:
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise SchemaRefused("Only references within the schema are followed.")
        if reference not in self._refs:
            name = self._refs[reference] = f"ref{len(self._refs)}"
            self.rules[name] = self.expression(self._target(reference), depth + 1)
        return self._refs[reference]

    def _target(self, reference: str) -> Any:
        target = self._root
        for part in filter(None, reference[1:].split("/")):
            key = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(target, Mapping) or key not in target:
                raise SchemaRefused(f"The reference {reference[:60]!r} leads nowhere.")
            target = target[key]
        return target

    def _rule(self, text: str) -> str:
        name = f"r{len(self.rules)}x"
        self.rules[name] = text
        return name

    @staticmethod
    def _refuse_others(schema: Mapping[str, Any], known: set[str]) -> None:
        for key in schema:
            if key not in known and key not in _ANNOTATIONS:
                raise SchemaRefused(f"The keyword {key[:40]!r} is not supported here.")


def _bounds(schema: Mapping[str, Any], least_name: str, most_name: str) -> tuple[int, int | None]:
    least, most = schema.get(least_name, 0), schema.get(most_name)
    for value in (least, most):
        if value is not None and (type(value) is not int or not 0 <= value <= MAX_REPEATS):
            raise SchemaRefused(f"{least_name} and {most_name} must be between 0 and {MAX_REPEATS}.")
    if most is not None and most < least:
        raise SchemaRefused(f"{most_name} is smaller than {least_name}.")
    return least, most


def _literal(text: str) -> str:
    """A quoted terminal of GBNF."""
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return '"' + re.sub(r'[\\"\n\r\t]', lambda found: escapes[found[0]], text) + '"'
