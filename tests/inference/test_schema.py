"""From a schema to a grammar: what is promised, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from inference import errors, parameters, schema

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer"},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}},
    },
    "required": ["name", "age"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"type": "object"},
        PERSON,
        {"type": ["string", "null"], "maxLength": 5},
        {"anyOf": [{"const": 1}, {"type": "array", "minItems": 2, "maxItems": 3}]},
        {"$ref": "#/$defs/node", "$defs": {"node": {"properties": {"next": {"$ref": "#/$defs/node"}}}}},
        {"type": "string", "format": "date-time"},
        {"enum": ['qu"ote', "back\\slash", "new\nline", "ü"]},
    ],
)
def test_a_schema_becomes_a_grammar(wanted: Any) -> None:
    """With a root, however it is nested."""
    assert "root ::= " in schema.grammar(wanted)


@pytest.mark.parametrize(
    "hostile",
    [
        "text",
        None,
        {"type": "king"},
        {"type": []},
        {"type": "string", "pattern": "(a+)+"},
        {"type": "integer", "minimum": 3},
        {"type": "string", "maxLength": 10**9},
        {"type": "array", "minItems": 5, "maxItems": 1},
        {"type": "array", "minItems": True},
        {"$ref": "https://example.org/schema"},
        {"$ref": "#/$defs/none"},
        {"enum": []},
        {"enum": list(range(5000))},
        {"anyOf": []},
        {"type": "object", "required": ["x"]},
        {"type": "object", "properties": [1]},
        {"type": "object", "properties": {str(n): {} for n in range(5000)}},
        {"type": "string", "format": "email"},
        {"not": {}},
        {"const": "\ud800"},
        {"anyOf": [{"enum": list(range(200))}, {"enum": list(range(200))}]},
    ],
)
def test_what_cannot_be_promised_is_refused(hostile: Any) -> None:
    """As a 400 that names the field, before anything is queued."""
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": hostile}}
    with pytest.raises(errors.BadParameter) as caught:
        parameters.chat_job({"model": "m", "messages": [{"role": "user", "content": "Hi"}], "response_format": form})
    assert caught.value.param == "response_format"


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
    assert json.dumps('x" | evil "')  # it is valid JSON, so it had to be accepted
