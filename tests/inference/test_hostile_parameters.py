"""Whatever stands in a field: it is used, or refused by name, before anything is queued."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference import errors, fields, frames, parameters, text_parameters

HELLO = [{"role": "user", "content": "hello"}]
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
DOORS: dict[str, tuple[Callable[[Any], Any], dict[str, Any]]] = {
    "chat": (parameters.chat_job, {"model": "m", "messages": HELLO}),
    "completions": (parameters.completion_job, {"model": "m", "prompt": "x"}),
    "embeddings": (text_parameters.embedding_job, {"model": "m", "input": "x"}),
    "rerank": (text_parameters.rerank_job, {"model": "m", "query": "x", "documents": ["y"]}),
    "tokenize": (text_parameters.tokenize_job, {"model": "m", "input": "x"}),
    "tokens": (text_parameters.tokenize_job, {"model": "m", "content": "x"}),
    "detokenize": (text_parameters.detokenize_job, {"model": "m", "tokens": [1]}),
}
NAMES = [
    "model",
    "messages",
    "prompt",
    "input",
    "query",
    "documents",
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "typical_p",
    "repeat_penalty",
    "repetition_penalty",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "seed",
    "stop",
    "ignore_eos",
    "stream",
    "stream_options",
    "max_tokens",
    "max_completion_tokens",
    "n",
    "best_of",
    "echo",
    "suffix",
    "logprobs",
    "top_logprobs",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "chat_template_kwargs",
    "enable_thinking",
    "reasoning_effort",
    "num_public_messages",
    "continue_final_message",
    "add_generation_prompt",
    "cache_salt",
    "priority",
    "fairness_key",
    "return_progress",
    "metadata",
    "user",
    "functions",
    "function_call",
    "grammar",
    "audio",
    "dimensions",
    "encoding_format",
    "top_n",
    "return_documents",
    "keep_alive",
]


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"properties": {"a": value}}
    return value


def function(**more: Any) -> list[Any]:
    return [{"type": "function", "function": {"name": "f"} | more}]


def calling(**more: Any) -> list[Any]:
    call = {"id": "1", "function": {"name": "f", "arguments": more.pop("arguments", "{}")}} | more
    return [{"role": "assistant", "tool_calls": [call]}]


HOSTILE: list[Any] = [
    *(None, True, False, "", "x", "\0", "\ud800", "<|im_end|>", "x" * 2_000_000),
    *(0, -1, 1, 1.5, -0.0, 2**31, -(2**31) - 1, 2**63, 2**64, -(2**63), 10**400),
    *(1e308, float("inf"), float("-inf"), float("nan")),
    *([], [""], [None], [[]], [{}], ["x"] * 100_000),
    *({}, {"": 1}, {"\ud800": 1}, {"x": 10**400}, {"x": "\ud800"}, {"x" * 100_000: True}),
    *({str(number): 1 for number in range(100_000)}, {"1": float("nan")}, {"1": 10**400}, {"1" * 5000: 1}),
    *(deep(900), {"type": "json_schema", "json_schema": {"schema": deep(900)}}),
    *([TOOL] * 200, [TOOL, TOOL], function(parameters=deep(900)), function(parameters={"$ref": "#"})),
    *(function(name="\ud800"), function(parameters={"const": 10**400}), function(parameters={"const": float("inf")})),
    *([{"role": "user", "content": each}] for each in ("\0", "\ud800", deep(900), 10**400)),
    *(calling(id=each) for each in (10**400, "\ud800", {}, "x" * 100_000)),
    *(calling(arguments=each) for each in ("[" * 100_000, '{"a": NaN}', '{"a": 1' + "0" * 400 + "}", '{"\\ud800": 1}')),
    [{"role": "tool", "tool_call_id": {}, "content": "x"}],
]


def outcome(door: str, body: dict[str, Any]) -> str:
    """ "used" or "refused"; anything else is an exception of this test. What is used fits a frame to the child."""
    check, base = DOORS[door]
    try:
        job = check(base | body)
    except errors.BadParameter as error:
        is_short = len(json.dumps(error.to_wire()).encode()) < 2000
        return "refused" if is_short and error.sentence.endswith(".") else error.sentence
    if door == "chat":
        frames.encode([*map(dict, parameters.choice_bodies(job))])
    elif door == "completions":
        frames.encode(job.bodies)
    return "used"


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", NAMES)
def test_every_hostile_value_in_every_field(door: str, name: str) -> None:
    """NaN, infinities, numbers beyond all machines, halves of characters, NULs, depth and length."""
    for value in HOSTILE:
        assert outcome(door, {name: value}) in ("used", "refused")


words = st.sampled_from(["auto", "text", "f"])
keys = st.sampled_from(
    ["type", "function", "name", "role", "content", "parameters", "json_schema", "schema", "id", "1"]
)
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), words),
    lambda inside: st.one_of(st.lists(inside, max_size=3), st.dictionaries(keys, inside, max_size=4)),
    max_leaves=10,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(DOORS)), st.dictionaries(st.sampled_from(NAMES), json_values, max_size=4))
def test_any_values_together(door: str, body: dict[str, Any]) -> None:
    """Several fields at once, with values of any shape."""
    assert outcome(door, body) in ("used", "refused")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_an_object_or_refused(noise: bytes) -> None:
    """A broken body, too."""
    for raw in (noise, b'{"model":' + noise, b'{"model": "m", "messages": [' + noise + b"]}"):
        try:
            body = fields.parse(raw)
        except errors.BadParameter:
            continue
        assert outcome("chat", body) in ("used", "refused")
