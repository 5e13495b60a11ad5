"""From a schema to a grammar: what is promised, and what is refused."""

from __future__ import annotations

import json
import random
from typing import Any

import jsonschema
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from inference import errors, parameters, schema
from tests.inference.gbnf import Grammar

CHECKER = jsonschema.FormatChecker(["date", "uuid", "ipv4", "ipv6", "email"])
PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer", "minimum": 0, "maximum": 130},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}},
    },
    "required": ["name", "age"],
    "additionalProperties": False,
}
NODE = {"properties": {"value": {"type": "number"}, "next": {"$ref": "#/$defs/node"}}, "required": ["value"]}
SHAPES = {
    "oneOf": [
        {"type": "object", "properties": {"kind": {"const": "circle"}, "r": {"type": "number"}}, "required": ["kind"]},
        {"type": "object", "properties": {"kind": {"const": "line"}, "l": {"type": "number"}}, "required": ["kind"]},
    ],
    "discriminator": {"propertyName": "kind"},
}


def mistakes(wanted: Any, seed: int, times: int = 20) -> list[str]:
    """Texts that the grammar allows and the schema does not."""
    grammar, luck = Grammar(schema.grammar(wanted)), random.Random(seed)
    validator = jsonschema.Draft202012Validator(wanted, format_checker=CHECKER)
    texts = [grammar.write(luck) for _ in range(times)]
    return [text for text in texts if not validator.is_valid(json.loads(text))]


def is_held(wanted: Any) -> bool:
    """Whether there is a grammar; if not, a sentence says why."""
    try:
        return "root ::= " in schema.grammar(wanted)
    except schema.SchemaRefused as error:
        return not str(error).endswith(".")


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"type": "object"},
        PERSON,
        {"type": ["string", "null"], "maxLength": 5},
        {"anyOf": [{"const": 1}, {"type": "array", "minItems": 2, "maxItems": 3}]},
        {"$ref": "#/$defs/node", "$defs": {"node": NODE}},
        {"type": "string", "format": "date-time"},
        {"type": "string", "format": "date"},
        {"type": "string", "format": "uuid"},
        {"type": "string", "format": "ipv4"},
        {"type": "string", "format": "ipv6"},
        {"type": "string", "format": "hostname"},
        {"type": "string", "format": "email"},
        {"type": "string", "format": "uri"},
        {"type": "string", "format": "duration"},
        {"type": "number", "minimum": 0.25, "maximum": 1.5},
        {"type": "number", "exclusiveMinimum": -0.1, "exclusiveMaximum": 0.1},
        {"type": "number", "exclusiveMinimum": -7.25, "maximum": -7.2},
        {"type": "integer", "minimum": -1.5, "exclusiveMaximum": 2.5},
        {"enum": [f'{number}"{letter}' for number in range(150) for letter in "aäb"]},
        {"enum": ['qu"ote', "back\\slash", "new\nline", "ü"]},
        {"type": "string", "minLength": 3, "maxLength": 7},
        {"type": "array", "prefixItems": [{"type": "integer"}, {"const": "x"}], "items": False},
        {"type": "array", "prefixItems": [{"type": "integer"}], "items": {"type": "null"}, "minItems": 3},
        {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "null"}], "maxItems": 1},
        {"type": "integer", "minimum": -17, "maximum": 1003},
        {"type": "integer", "exclusiveMinimum": 8, "exclusiveMaximum": 10},
        {"type": "number", "minimum": 0, "exclusiveMaximum": 1},
        {"type": "number", "exclusiveMinimum": -3, "maximum": 0},
        {"allOf": [PERSON, {"properties": {"name": {"maxLength": 4}}, "required": ["tags"]}]},
        {"$ref": "#/$defs/p", "$defs": {"p": {"type": "object"}}, "required": ["x"], "properties": {"x": {"const": 1}}},
        {"type": "object", "required": ["x"], "additionalProperties": {"type": "integer"}},
        {"type": "object", "additionalProperties": {"type": "integer"}},
        {"type": "integer", "anyOf": [{"minimum": 5}, {"maximum": -5}]},
        {"type": "string", "enum": ["a", 1, None]},
        SHAPES,
    ],
)
def test_whatever_the_grammar_allows_fits_the_schema(wanted: Any) -> None:
    """A model that knows nothing else writes random texts of it, and jsonschema has nothing to say."""
    assert mistakes(wanted, seed=1, times=80) == []


@pytest.mark.parametrize(
    "pattern",
    [
        "^[a-z]{2,4}-[0-9]+$",
        "^(a|bc)*d?$",
        "abc",
        "^x",
        "y$|^z",
        r"^\d{3}\.\w+ \S$",
        "^[^0-9]+$",
        r'^"quoted\\"$',
        r"^[\d.-]{1,5}$",
        "^[ -~]{1,3}$",
        r"^(?:https?)://[\w.]+$",
        r"^\u00e4+\x41$",
        "^a+?b{2}$",
        "^$",
    ],
)
def test_a_text_matches_its_pattern(pattern: str) -> None:
    """As a regular expression that is searched for, which is what JSON Schema means by it."""
    assert mistakes({"type": "string", "pattern": pattern}, seed=2, times=80) == []


names = st.sampled_from(["a", "b", 'c"', "d e", "ü"])
small, tiny, few = st.integers(-2000, 2000), st.integers(-50, 50), st.integers(0, 9)
constants = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=4))
leaves = st.one_of(
    st.sampled_from([{"type": name} for name in ("string", "number", "integer", "boolean", "null")]),
    st.builds(lambda a, b: {"type": "integer", "minimum": min(a, b), "maximum": max(a, b)}, small, small),
    st.builds(lambda a, b: {"type": "number", "minimum": min(a, b), "exclusiveMaximum": max(a, b) + 1}, tiny, tiny),
    st.builds(lambda a, b: {"type": "number", "minimum": min(a, b) / 8, "maximum": max(a, b) / 8}, tiny, tiny),
    st.builds(lambda a, b: {"type": "string", "minLength": min(a, b), "maxLength": max(a, b)}, few, few),
    st.builds(lambda values: {"enum": values}, st.lists(constants, min_size=1, max_size=3)),
    st.sampled_from([{"type": "string", "format": name} for name in ("date", "uuid", "ipv4", "email")]),
    st.just({"$ref": "#/$defs/tree"}),
)


def objects_of(value: Any) -> Any:
    return {"type": "object", "properties": {"a": value}}


def objects(inside: Any) -> Any:
    return st.builds(
        lambda properties, required, more: {"type": "object", "properties": properties} | required | more,
        st.dictionaries(names, inside, min_size=1, max_size=3),
        st.sampled_from([{}, {"required": ["a"]}, {"required": ["b", "ü"]}]),
        st.sampled_from([{}, {"additionalProperties": True}, {"additionalProperties": {"type": "integer"}}]),
    )


def nested(inside: Any) -> Any:
    one_or_two = st.lists(inside, min_size=1, max_size=2)
    return st.one_of(
        objects(inside),
        st.builds(lambda item, n: {"type": "array", "items": item, "minItems": n, "maxItems": n + 2}, inside, few),
        st.builds(lambda items, rest: {"type": "array", "prefixItems": items, "items": rest}, one_or_two, inside),
        st.builds(lambda parts: {"anyOf": parts}, st.lists(inside, min_size=1, max_size=3)),
        st.builds(lambda parts: {"oneOf": parts}, one_or_two),
        st.builds(lambda parts: {"allOf": parts}, st.lists(objects(inside), min_size=1, max_size=2)),
    )


schemas = st.recursive(leaves, nested, max_leaves=6)
TREE = {"type": "object", "properties": {"l": {"$ref": "#/$defs/tree"}, "v": {"type": "integer"}}}


@settings(max_examples=80, deadline=None)
@given(schemas, st.integers(0, 2**32))
@example({"oneOf": [{"type": "object", "required": ["b"]}, {"type": "object", "required": ["b"]}]}, 0)
@example({"allOf": [objects_of({"enum": [False]}), objects_of({"enum": [0]})]}, 0)
def test_any_schema_is_kept_to_or_refused(wanted: Any, seed: int) -> None:
    """However keywords are put together: a text that fits, or a sentence that says what cannot be held."""
    wanted = wanted | {"$defs": {"tree": TREE}}
    if is_held(wanted):
        assert mistakes(wanted, seed) == []


REFUSED: list[tuple[Any, str]] = [
    ("text", "object"),
    (None, "object"),
    (False, "false"),
    ({"type": "king"}, "type"),
    ({"type": []}, "type"),
    ({"type": "string", "pattern": "(?=a)b"}, "pattern"),
    ({"type": "string", "pattern": r"(a)\1"}, "pattern"),
    ({"type": "string", "pattern": r"\bword"}, "pattern"),
    ({"type": "string", "pattern": "a{1,100000}"}, "pattern"),
    ({"type": "string", "pattern": "(" * 5}, "pattern"),
    ({"type": "string", "pattern": "a)"}, "pattern"),
    ({"type": "string", "pattern": "[z-a]"}, "pattern"),
    ({"type": "string", "pattern": "[a"}, "pattern"),
    ({"type": "string", "pattern": "a\\"}, "pattern"),
    ({"type": "string", "pattern": "*"}, "pattern"),
    ({"type": "string", "pattern": "a**"}, "pattern"),
    ({"type": "string", "pattern": 7}, "pattern"),
    ({"type": "string", "pattern": "a", "maxLength": 3}, "pattern"),
    ({"type": "integer", "multipleOf": 3}, "multipleOf"),
    ({"type": "integer", "minimum": 5, "maximum": 4}, "bounds"),
    ({"type": "number", "minimum": 1e-12}, "minimum"),
    ({"type": "number", "minimum": "0"}, "minimum"),
    ({"type": "integer", "maximum": 2**63}, "maximum"),
    ({"type": "string", "maxLength": 10**9}, "maxLength"),
    ({"type": "array", "minItems": 5, "maxItems": 1}, "maxItems"),
    ({"type": "array", "minItems": True}, "minItems"),
    ({"type": "array", "uniqueItems": True}, "uniqueItems"),
    ({"type": "array", "prefixItems": 7}, "prefixItems"),
    ({"$ref": "https://example.org/schema"}, "$ref"),
    ({"$ref": "#/$defs/none"}, "leads nowhere"),
    ({"$ref": "#"}, "circle"),
    ({"anyOf": [{"$ref": "#"}, {"type": "null"}]}, "circle"),
    ({"allOf": [{"$ref": "#"}]}, "circle"),
    ({"enum": []}, "enum"),
    ({"enum": list(range(5000))}, "enum"),
    ({"anyOf": []}, "anyOf"),
    ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, "oneOf"),
    ({"allOf": [{"type": "integer"}, {"type": "string"}]}, "type"),
    ({"type": "object", "required": ["x"], "additionalProperties": False}, "required"),
    ({"type": "object", "properties": [1]}, "properties"),
    ({"type": "object", "properties": {str(n): {} for n in range(5000)}}, "large"),
    ({"type": "string", "format": "iri"}, "iri"),
    ({"not": {}}, "not"),
    ({"if": {}, "then": {}}, "if"),
    ({"const": "\ud800"}, "Unicode"),
    ({"anyOf": [{"enum": list(range(1500))}, {"enum": list(range(1500))}]}, "enum"),
]  # fmt: skip


@pytest.mark.parametrize(("hostile", "named"), REFUSED)
def test_what_cannot_be_promised_is_refused(hostile: Any, named: str) -> None:
    """As a 400 that names the field and what in it cannot be held, before anything is queued."""
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": hostile}}
    with pytest.raises(errors.BadParameter) as caught:
        parameters.chat_job({"model": "m", "messages": [{"role": "user", "content": "Hi"}], "response_format": form})
    assert caught.value.param == "response_format"
    assert named in caught.value.sentence


def test_a_refusal_says_where() -> None:
    """The way to the keyword, in the schema's own names."""
    wanted = {"properties": {"list": {"items": {"properties": {"size": {"multipleOf": 2, "type": "integer"}}}}}}
    with pytest.raises(schema.SchemaRefused, match=r"'multipleOf'.*\(at list\.items\.size\)"):
        schema.grammar(wanted)


any_json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6)),
    lambda inside: st.one_of(
        st.lists(inside, max_size=3),
        st.dictionaries(
            st.sampled_from(
                [
                    "type", "properties", "required", "items", "enum", "const", "anyOf", "oneOf", "allOf", "$ref",
                    "minimum", "maxLength", "pattern", "format", "prefixItems", "additionalProperties", "$defs", "a",
                ]
            ),
            inside,
            max_size=4,
        ),
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(any_json)
def test_no_schema_is_a_crash(hostile: Any) -> None:
    """Whatever stands in it: a grammar, or a refusal."""
    is_held(hostile)


def test_depth_is_no_way_to_crash() -> None:
    """A schema in a schema in a schema ends at a bound."""
    deep: Any = {}
    for _ in range(2000):
        deep = {"type": "array", "items": deep}
    with pytest.raises(schema.SchemaRefused):
        schema.grammar(deep)


def test_names_and_texts_are_quoted() -> None:
    """A property's name cannot write rules of its own."""
    text = schema.grammar({"properties": {'x" | evil "': {"const": 'a" evil ::= "b'}}})
    assert not any(line.startswith("evil") for line in text.splitlines())
    assert json.loads(Grammar(text).write(random.Random(1))) is not None


@given(st.sampled_from(["</a>", "aab", "<|end|>", "\n</p>"]), st.integers(0, 2**32))
def test_text_until_a_mark_holds_the_mark_once(mark: str, seed: int) -> None:
    """At its end, and nowhere before."""
    rules = {"root": "u"} | schema.until(mark, "u")
    written = Grammar("\n".join(f"{name} ::= {rule}" for name, rule in rules.items())).write(random.Random(seed))
    assert written.find(mark) == len(written) - len(mark)
