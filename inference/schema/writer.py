"""Walks a schema and writes the rules of its grammar."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from inference.schema import strings
from inference.schema.choices import never_fits
from inference.schema.gbnf import BASE, MAX_GRAMMAR_CHARS, SchemaRefused, any_text_of, literal
from inference.schema.merging import checked, has_type, merged, type_list
from inference.schema.numbers import NUMERIC, ranged
from inference.schema.references import MAX_DEPTH, Budget, flat, target

MAX_REPEATS = 1000

_OF_TYPE: dict[str, set[str]] = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "prefixItems", "additionalItems", "minItems", "maxItems", "uniqueItems"},
    "string": {"minLength", "maxLength", "format", "pattern"},
    "number": NUMERIC,
    "integer": NUMERIC,
    "boolean": set(),
    "null": set(),
}
_UNIONS = ("anyOf", "oneOf")


def grammar(schema: Any) -> str:
    """GBNF with the rule `root`. Raises SchemaRefused."""
    writer = Writer()
    return writer.text(writer.expression(schema))


class Writer:
    """Several schemas in one grammar, each with its own references."""

    def __init__(self) -> None:
        self.rules: dict[str, str] = {}
        self._root: Any = None
        self._budget = Budget()
        self._refs: dict[tuple[int, str], str] = {}
        self._roots: list[Any] = []  # kept, so that no id is used twice
        self._place: list[str] = []
        self._direct: list[str] = []  # references that were followed without writing anything yet

    def expression(self, schema: Any) -> str:
        """Something that may stand for one value of this schema in a rule. Raises SchemaRefused with the place."""
        self._root = schema
        self._roots.append(schema)
        self._place, self._direct = [], []
        try:
            return self._any(schema)
        except SchemaRefused as error:
            where = ".".join(self._place)
            raise SchemaRefused(f"{error}{f' (at {where[:200]})' if where else ''}.") from None

    def rule(self, text: str) -> str:
        name = f"r{len(self.rules)}x"
        self.rules[name] = text
        return name

    def text(self, root: str) -> str:
        """The whole grammar, with `root` as what it begins with."""
        rules = {"root": root} | self.rules
        text = "\n".join(f"{name} ::= {rule}" for name, rule in rules.items()) + BASE
        if len(text) > MAX_GRAMMAR_CHARS:
            raise SchemaRefused("The schema is too large.")
        return text

    def _any(self, schema: Any) -> str:
        if len(self._place) > MAX_DEPTH:
            self._place = []
            raise SchemaRefused("The schema is too large")
        self._budget.node()
        if schema is True or schema == {}:
            return "value"
        schema = checked(schema)
        if "$ref" in schema and len(schema) == 1:
            return self._ref(schema["$ref"])
        if "$ref" in schema or "allOf" in schema:
            return self._any(self._flat(schema))
        for key in _UNIONS:
            if key in schema:
                rest = {name: value for name, value in schema.items() if name != key}
                return self._union(key, schema[key], rest)
        if "const" in schema or "enum" in schema:
            return self._values(schema)
        return self._of_types(schema)

    def _of_types(self, schema: dict[str, Any]) -> str:
        types = schema.get("type")
        if types is None:
            types = [name for name, keys in _OF_TYPE.items() if keys & schema.keys() and name != "integer"]
            if not types:
                self._refuse_others(schema, set())
                return "value"
        types = type_list(types)
        self._refuse_others(schema, {"type"}.union(*(_OF_TYPE[name] for name in types)))
        return self.rule(" | ".join(self._of_type(name, schema) for name in types))

    def _of_type(self, name: str, schema: dict[str, Any]) -> str:
        if name == "object":
            with self._written():
                return self._object(schema)
        if name == "array":
            with self._written():
                return self._array(schema)
        if name in ("number", "integer"):
            return ranged(schema, is_integer=name == "integer") or name
        return self._string(schema) if name == "string" else name

    def _object(self, schema: dict[str, Any]) -> str:
        properties, required = dict(schema.get("properties", {})), schema.get("required", [])
        more = schema.get("additionalProperties", True)
        for name in required:
            if name not in properties and more is False:
                raise SchemaRefused("'required' names a property that may not be there")
            properties.setdefault(name, more)
        properties = {n: each for n, each in properties.items() if each is not False or n in required}
        if not properties:
            return '"{" ws "}"' if more is False else self._map(more)
        pairs = []
        for name, each in properties.items():
            with self._at(name):
                pairs.append((f'{_const(name)} ws ":" ws {self._any(each)}', name in required))
        return f'"{{" ws {self._pairs(pairs)} ws "}}"'

    def _map(self, more: Any) -> str:
        with self._at("additionalProperties"):
            pair = f'string ":" ws {self._any(more)}'
        return f'"{{" ws ({pair} ("," ws {pair})*)? ws "}}"'

    def _pairs(self, pairs: Sequence[tuple[str, bool]]) -> str:
        """The properties in order, commas between those that are there. From the last to the first: the rest when
        something was written before, and when nothing was."""
        more, first = '""', '""'
        for pair, is_required in reversed(pairs):
            after = more
            if is_required:
                more, first = self.rule(f'"," ws {pair} {after}'), self.rule(f"{pair} {after}")
            else:
                more = self.rule(f'("," ws {pair})? {after}')
                first = self.rule(f"{pair} {after} | {first}")
        return first

    def _array(self, schema: dict[str, Any]) -> str:
        if schema.get("uniqueItems"):
            raise SchemaRefused("The keyword 'uniqueItems' cannot be held")
        least, most = _bounds(schema, "minItems", "maxItems")
        firsts, rest = schema.get("prefixItems"), schema.get("items", True)
        if firsts is None and isinstance(rest, list):  # the older way to write the same
            firsts, rest = rest, schema.get("additionalItems", True)
        firsts = (firsts or [])[:most]
        least, most = max(0, least - len(firsts)), None if most is None else most - len(firsts)
        if rest is False:
            if least:
                raise SchemaRefused("'minItems' asks for more items than there may be")
            most = 0
        items = []
        for number, each in enumerate(firsts):
            with self._at(f"prefixItems[{number}]"):
                items.append(self._any(each))
        filled = ' "," ws '.join(items)
        if most == 0:
            return f'"[" ws {filled} ws "]"'
        with self._at("items"):
            item = self._any(rest)
        end = "" if most is None else most
        if firsts:
            return f'"[" ws {filled} ("," ws {item}){{{least},{end}}} ws "]"'
        more = f'{item} ("," ws {item}){{{max(0, least - 1)},{"" if most is None else most - 1}}}'
        return f'"[" ws {more if least else f"({more})?"} ws "]"'

    def _string(self, schema: dict[str, Any]) -> str:
        least, most = _bounds(schema, "minLength", "maxLength")
        layout, pattern = schema.get("format"), schema.get("pattern")
        has_bounds = (least, most) != (0, None)
        if (layout is not None) + (pattern is not None) + has_bounds > 1:
            raise SchemaRefused("'format', 'pattern' and lengths can only be held one at a time")
        if layout is not None:
            if layout not in strings.FORMATS:
                raise SchemaRefused(f"The format {layout[:40]!r} is not supported")
            return rf'"\"" {strings.FORMATS[layout]} "\""'
        if pattern is not None:
            return rf'"\"" {strings.pattern(pattern)} "\""'
        return rf'"\"" char{{{least},{"" if most is None else most}}} "\""' if has_bounds else "string"

    def _values(self, schema: dict[str, Any]) -> str:
        """One of given values. Other keywords may stand beside them if they are of a kind that can be looked up."""
        self._refuse_others(schema, {"const", "enum", "type"})
        values = [schema["const"]] if "const" in schema else schema["enum"]
        self._budget.values(values)
        if "const" in schema and "enum" in schema:
            raise SchemaRefused("'const' and 'enum' can only be held one at a time")
        if "type" in schema:
            types = type_list(schema["type"])
            values = [value for value in values if has_type(value, types)]
            if not values:
                raise SchemaRefused("'enum' has no value of this type")
        return self.rule(any_text_of([json.dumps(value, ensure_ascii=False) for value in values]))

    def _union(self, key: str, schemas: Any, rest: dict[str, Any]) -> str:
        self._budget.alternatives(schemas, key)
        alternatives = []
        for number, each in enumerate(schemas):
            with self._at(f"{key}[{number}]"):
                alternatives.append(self._flat(merged(self._flat(each), rest)) if rest else each)
        if key == "oneOf" and len(alternatives) > 1:
            flat = [self._flat(each) for each in alternatives]
            if not all(never_fits(one, other) for one, other in itertools.permutations(flat, 2)):
                raise SchemaRefused("'oneOf' has alternatives that may fit at the same time; use 'anyOf'")
        found = []
        for number, each in enumerate(alternatives):
            with self._at(f"{key}[{number}]"):
                found.append(self._any(each))
        return self.rule(" | ".join(found))

    def _flat(self, schema: Any) -> Any:
        return flat(self._root, schema, self._budget)

    def _ref(self, reference: str) -> str:
        if reference in self._direct:
            raise SchemaRefused("'$ref' leads in a circle")
        key = (id(self._root), reference)
        if key not in self._refs:
            name = self._refs[key] = f"ref{len(self._refs)}"
            self._direct.append(reference)
            with self._at(reference[:60]):
                self.rules[name] = self._any(target(self._root, reference))
            self._direct.remove(reference)
        return self._refs[key]

    @contextmanager
    def _at(self, name: str) -> Iterator[None]:
        """Inside that part of the schema; the place stays when something is refused there."""
        self._place.append(name)
        yield
        self._place.pop()

    @contextmanager
    def _written(self) -> Iterator[None]:
        """A bracket is written before what comes now, so a reference may come back to itself."""
        direct, self._direct = self._direct, []
        yield
        self._direct = direct

    @staticmethod
    def _refuse_others(schema: Mapping[str, Any], known: set[str]) -> None:
        for key in schema:
            if key not in known:
                raise SchemaRefused(f"The keyword {key[:40]!r} cannot be held here")


def _bounds(schema: Mapping[str, Any], least_name: str, most_name: str) -> tuple[int, int | None]:
    least, most = schema.get(least_name, 0), schema.get(most_name)
    for value in (least, most):
        if value is not None and (type(value) is not int or not 0 <= value <= MAX_REPEATS):
            raise SchemaRefused(f"{least_name!r} and {most_name!r} must be between 0 and {MAX_REPEATS}")
    if most is not None and most < least:
        raise SchemaRefused(f"{most_name!r} is smaller than {least_name!r}")
    return least, most


def _const(value: Any) -> str:
    return literal(json.dumps(value, ensure_ascii=False))
