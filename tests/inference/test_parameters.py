"""What strangers may send, and what they may not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from inference import errors, fields, parameters, text_parameters

MESSAGES = [{"role": "user", "content": "Hi"}]


def job(**more: Any) -> parameters.ChatJob:
    return parameters.chat_job({"model": "m", "messages": MESSAGES} | more)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", -1),
        ("temperature", 1e300),
        ("temperature", 10**400),
        ("temperature", "hot"),
        ("temperature", True),
        ("top_p", 1.5),
        ("top_k", -1),
        ("top_k", 2**31),
        ("top_k", 1.5),
        ("min_p", -0.1),
        ("max_tokens", 0),
        ("max_tokens", -5),
        ("max_tokens", 2**31),
        ("max_completion_tokens", "many"),
        ("seed", 2**70),
        ("n", 0),
        ("n", 9),
        ("presence_penalty", 3),
        ("frequency_penalty", -3),
        ("repeat_penalty", 0),
        ("stop", ["x"] * 17),
        ("stop", ["x"] * 100_000),
        ("stop", [""]),
        ("stop", ["x" * 2000]),
        ("stop", [1]),
        ("stop", "\ud800"),
        ("logit_bias", {"a": 1}),
        ("logit_bias", {"-1": 1}),
        ("logit_bias", {"²": 1}),
        ("logit_bias", {"1": 1000}),
        ("logit_bias", {str(n): 1 for n in range(2000)}),
        ("stream", "yes"),
        ("priority", "urgent"),
        ("cache_salt", "x" * 300),
        ("continue_final_message", True),
        ("temprature", 1),
        ("logprobs", "yes"),
        ("top_logprobs", 3),
        ("top_logprobs", 21),
        ("tools", "all"),
        ("tools", [{"type": "function", "function": {"name": "f"}}] * 200),
        ("tool_choice", "required"),
        ("tool_choice", {"type": "function", "function": {"name": "none of them"}}),
        ("response_format", {"type": "yaml"}),
        ("response_format", {"type": "json_schema", "json_schema": {}}),
        ("modalities", ["text", "audio"]),
        ("functions", [{}]),
        ("stream_options", [1]),
    ],
)
def test_a_bad_value_is_refused_by_name(name: str, value: Any) -> None:
    """The caller learns which field it was, in a sentence."""
    with pytest.raises(errors.BadParameter) as caught:
        job(**{name: value})
    assert caught.value.param == name
    assert caught.value.sentence.endswith(".")


@pytest.mark.parametrize(
    "tool",
    [
        7,
        {"type": "function"},
        {"type": "code", "function": {"name": "f"}},
        {"type": "function", "function": {"name": "a b"}},
        {"type": "function", "function": {"name": "f", "parameters": 1}},
        {"type": "function", "function": {"name": "f", "description": "\ud800"}},
    ],
)
def test_a_bad_tool_is_refused(tool: Any) -> None:
    """With its place in the list."""
    with pytest.raises(errors.BadParameter) as caught:
        job(tools=[tool])
    assert str(caught.value.param).startswith("tools[0]")


@pytest.mark.parametrize(
    "parameters_of_tool",
    [
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}},
        {"properties": {"x": {"$ref": "#/$defs/none"}}},
        {"properties": {"x": {"type": "integer", "multipleOf": 3}}},
    ],
)
def test_a_forced_call_needs_parameters_that_can_be_held(parameters_of_tool: Any) -> None:
    """What a grammar cannot promise is a 400, not a call of another form."""
    tool = {"type": "function", "function": {"name": "f", "parameters": parameters_of_tool}}
    with pytest.raises(errors.BadParameter):
        job(tools=[tool], tool_choice="required")
    assert job(tools=[tool]).tools


@pytest.mark.parametrize(
    "messages",
    [
        None,
        [],
        "Hi",
        [1],
        [{"content": "Hi"}],
        [{"role": "king", "content": "Hi"}],
        [{"role": "user", "content": 7}],
        [{"role": "user", "content": "\ud800"}],
        [{"role": "user", "content": [{"type": "image_url"}]}],
        [{"role": "user", "content": [{"type": "text"}]}],
        [{"role": "assistant", "tool_calls": [{}]}],
        [{"role": "user", "content": "x", "tool_calls": [{"id": "1", "function": {"name": "f"}}]}],
        [{"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "nonsense"}}]}],
        [{"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "[1]"}}]}],
        [{"role": "tool", "content": "x", "tool_call_id": "1"}],
        [{"role": "user", "content": "Hi"}] * 5000,
    ],
)
def test_bad_messages_are_refused(messages: Any) -> None:
    """Each with a place in its param."""
    with pytest.raises(errors.BadParameter) as caught:
        parameters.chat_job({"model": "m", "messages": messages})
    assert str(caught.value.param).startswith("messages")


def test_known_fields_without_effect_are_accepted() -> None:
    """Ordinary clients send them."""
    ignored = {"store": True, "metadata": {}, "user": "u", "service_tier": "auto", "parallel_tool_calls": True}
    assert job(**ignored, tools=[], logprobs=False, tool_choice="auto", response_format={"type": "text"})


def test_content_parts_are_one_text_and_developer_is_system() -> None:
    """Both forms mean the same to the engine."""
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    checked = parameters.chat_job({"model": "m", "messages": [{"role": "developer", "content": parts}]})
    assert checked.body["messages"] == [{"role": "system", "content": "ab"}]


def test_choices_get_seeds_of_their_own() -> None:
    """n choices of one seed differ, and again the same way."""
    bodies = parameters.choice_bodies(job(n=3, seed=-1))
    seeds = [body["params"]["seed"] for body in bodies]
    assert len(set(seeds)) == 3
    assert all(0 <= seed < 2**32 for seed in seeds)


@pytest.mark.parametrize("raw", [b"", b"[]", b"nonsense", b'{"a": NaN}', b'{"a": -Infinity}', b"[" * 100_000, b"\xff"])
def test_what_is_no_json_object_is_refused(raw: bytes) -> None:
    """NaN is no JSON, and depth is no way to crash."""
    with pytest.raises(errors.BadParameter):
        fields.parse(raw)


def test_a_number_beyond_all_floats_is_refused() -> None:
    """1e999 is infinity once it is read."""
    body = fields.parse(json.dumps({"model": "m", "messages": MESSAGES}).encode()[:-1] + b', "top_p": 1e999}')
    with pytest.raises(errors.BadParameter):
        parameters.chat_job(body)


@pytest.mark.parametrize(
    "value", [None, [], "", ["a", ""], ["x"] * 3000, [1, "a"], [[]], [[-1]], [[True]], {"a": 1}, ["\ud800"]]
)
def test_bad_embedding_inputs_are_refused(value: Any) -> None:
    """Texts, or lists of tokens, and nothing between."""
    with pytest.raises(errors.BadParameter) as caught:
        text_parameters.embedding_job({"model": "m", "input": value})
    assert caught.value.param == "input"


FORECAST, STOP = ({"type": "function", "function": {"name": name}} for name in ("forecast", "stop"))


@pytest.mark.parametrize("mode", ["auto", "required"])
def test_allowed_tools_leave_only_those(mode: str) -> None:
    """OpenAI's newer choice: some of the tools, of which one may or must be called."""
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": [STOP]}}
    found = job(tools=[FORECAST, STOP], tool_choice=choice)
    assert [tool["function"]["name"] for tool in found.tools] == ["stop"]
    assert found.body["form"]["forced"] == (["stop"] if mode == "required" else [])


@pytest.mark.parametrize("allowed", [None, {}, {"mode": "auto", "tools": []}, {"mode": "auto", "tools": [7, {}]}])
def test_allowed_tools_must_be_tools(allowed: Any) -> None:
    """Not nothing, and not others."""
    with pytest.raises(errors.BadParameter, match="tool"):
        job(tools=[FORECAST], tool_choice={"type": "allowed_tools", "allowed_tools": allowed})


def test_an_answer_that_a_client_gives_back_is_read() -> None:
    """With its refusal, its parts and its reasoning, by either name, as the official client returns it."""
    parts = [{"type": "output_text", "text": "Well. "}, {"type": "refusal", "refusal": "No."}]
    answer = {"role": "assistant", "content": parts, "reasoning": "Hm.", "refusal": None, "annotations": []}
    found = job(messages=[{"role": "user", "content": "Hi"}, answer, {"role": "user", "content": "Why?"}])
    assert found.body["messages"][1] == {"role": "assistant", "content": "Well. No.", "reasoning": "Hm."}
