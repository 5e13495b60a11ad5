"""What a grammar lets a model write, the reader of its family understands: there and back."""

from __future__ import annotations

import json
import random
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference import errors, parameters
from inference.dialects import GENERIC, dialect_of, grammars, think_of
from inference.dialects.nested_grammar import CannotHold
from inference.parsing import Style
from tests.inference.gbnf import Grammar
from tests.inference.test_parsing import FAMILIES, parsed

BOOK: Any = {
    "type": "function",
    "function": {
        "name": "book",
        "description": "",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "class": {"enum": ["first", "second"]},
                "seats": {"type": "integer", "minimum": 1, "maximum": 9},
                "guests": {"type": "array", "items": {"$ref": "#/$defs/guest"}, "maxItems": 2},
            },
            "required": ["city", "seats"],
            "$defs": {"guest": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}},
        },
    },
}
STOP: Any = {
    "type": "function",
    "function": {"name": "stop", "description": "", "parameters": {"type": "object", "properties": {}}},
}
TOOLS = [BOOK, STOP]
TEMPLATES = sorted({template for name, (template, _) in FAMILIES.items()})


def is_right(name: str, arguments: Any) -> bool:
    tool = next(each for each in TOOLS if each["function"]["name"] == name)
    return jsonschema.Draft202012Validator(tool["function"]["parameters"]).is_valid(arguments)


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(TEMPLATES), st.integers(0, 2**32), st.integers(1, 9), st.booleans())
def test_a_forced_call_is_a_call_by_its_schema(template: str, seed: int, size: int, is_parallel: bool) -> None:
    """In every family, from the first token on; one call, where only one is allowed."""
    dialect, think = dialect_of(template), think_of(template)
    found = grammars.call_constraint(TOOLS, dialect, think, "", is_forced=True, is_parallel=is_parallel)
    assert found is not None
    text = Grammar(found.text).write(random.Random(seed))
    content, _, calls = parsed(text, Style.of(template, TOOLS), size)
    assert calls, text
    assert content.strip() == ""
    assert all(is_right(name, arguments) for name, arguments in calls), text
    assert is_parallel or len(calls) == 1


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(TEMPLATES), st.integers(0, 2**32), st.integers(1, 9))
def test_a_call_that_the_model_begins_itself_keeps_to_its_schema(template: str, seed: int, size: int) -> None:
    """After the family's mark, and for a bare object after its first key."""
    found = grammars.call_constraint(TOOLS, dialect_of(template), think_of(template), is_forced=False)
    for mark, is_only_at_start, rule in found.triggers if found else ():
        written = mark + Grammar(found.text).write(random.Random(seed), rule) if found else ""
        before = (
            "<|channel|>commentary<|message|>Wait.<|end|><|start|>assistant" if "channel" in template else "Wait.\n"
        )
        text = written if is_only_at_start else before + written
        _, _, calls = parsed(text, Style.of(template, TOOLS), size)
        assert calls, written
        assert all(is_right(name, arguments) for name, arguments in calls), written


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["", "<think>", "[THINK]", "<|channel|><|message|>"]), st.booleans(), st.integers(0, 2**32))
def test_a_form_holds_for_the_answer_and_not_for_the_reasoning(template: str, begins: bool, seed: int) -> None:
    """Also where the template has begun to reason already."""
    think = think_of(template)
    opening = think.opens if think and begins else ""
    wanted = BOOK["function"]["parameters"]
    found = grammars.form_constraint(wanted, dialect_of(template), think, opening)
    text = opening + Grammar(found.text).write(random.Random(seed))
    content, _, _ = parsed(text, Style.of(template, []))
    assert jsonschema.Draft202012Validator(wanted).is_valid(json.loads(content))


def test_what_cannot_be_held_is_only_refused_where_it_was_promised() -> None:
    """A call of the model's own accord may then have any arguments; a strict one is a 400 that names the function."""
    odd: Any = {"type": "function", "function": {"name": "odd", "parameters": {"not": {}}}}
    assert grammars.call_constraint([odd], GENERIC, is_forced=False)
    with pytest.raises(CannotHold, match=r"'odd'.*'not'"):
        grammars.call_constraint([odd], GENERIC, is_forced=True)
    request = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
    strict = {"type": "function", "function": odd["function"] | {"strict": True}}
    with pytest.raises(errors.BadParameter, match="'odd'"):
        parameters.chat_job(request | {"tools": [strict]})
    assert parameters.chat_job(request | {"tools": [odd]}).tools


def test_only_the_named_function_is_called() -> None:
    """The others are told of, and cannot be called."""
    choice = {"type": "function", "function": {"name": "stop"}}
    job = parameters.chat_job(
        {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "tools": TOOLS, "tool_choice": choice}
    )
    assert len(job.tools) == 2
    assert job.body["form"]["forced"] == ["stop"]


UNIONS: Any = {
    "type": "function",
    "function": {
        "name": "file",
        "description": "",
        "parameters": {
            "type": "object",
            "properties": {
                "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                "many": {"type": ["integer", "string"]},
                "map": {"type": "object", "additionalProperties": {"type": "integer"}},
                "tree": {"$ref": "#/$defs/tree"},
                "any": {},
                "list": {"type": "array", "items": {"oneOf": [{"type": "boolean"}, {"$ref": "#/$defs/tree"}]}},
            },
            "required": ["note", "many", "map", "list"],
            "$defs": {
                "tree": {
                    "type": "object",
                    "properties": {"left": {"$ref": "#/$defs/tree"}, "leaf": {"type": "string"}},
                    "additionalProperties": False,
                }
            },
        },
    },
}


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(TEMPLATES), st.integers(0, 2**32), st.integers(1, 9))
def test_unions_maps_and_recursion_are_held_in_every_family(template: str, seed: int, size: int) -> None:
    """Where a call is promised, its arguments fit their schema whatever the family's form has no mark for."""
    found = grammars.call_constraint([UNIONS], dialect_of(template), think_of(template), "", is_forced=True)
    assert found is not None
    text = Grammar(found.text).write(random.Random(seed))
    _, _, calls = parsed(text, Style.of(template, [UNIONS]), size)
    assert calls, text
    validator = jsonschema.Draft202012Validator(UNIONS["function"]["parameters"])
    assert all(validator.is_valid(arguments) for _, arguments in calls), text
