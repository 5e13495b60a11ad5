"""Requests that mean harm: each is refused with 400 and a name before anything is queued (T27)."""

from __future__ import annotations

import json
from typing import Any

from tests.chat.running_door import CHAT, EMBED, Door

MIB = 1024 * 1024
HELLO = [{"role": "user", "content": "hello"}]


def chat_with(**fields: Any) -> bytes:
    return json.dumps({"model": CHAT, "messages": HELLO} | fields).encode()


def embed_with(value: Any, **fields: Any) -> bytes:
    return json.dumps({"model": EMBED, "input": value} | fields).encode()


CHATS: dict[str, tuple[bytes, str | None]] = {
    "n": (chat_with(n=1000), "n"),
    "n true": (chat_with(n=True), "n"),
    "best_of": (chat_with(best_of=1000), "best_of"),
    "max_tokens 2^31": (chat_with(max_tokens=2**31), "max_tokens"),
    "max_tokens 2^63": (chat_with(max_tokens=2**63), "max_tokens"),
    "max_tokens negative": (chat_with(max_tokens=-1), "max_tokens"),
    "max_tokens zero": (chat_with(max_completion_tokens=0), "max_completion_tokens"),
    "max_tokens float": (chat_with(max_tokens=1.5), "max_tokens"),
    "max_tokens text": (chat_with(max_tokens="12"), "max_tokens"),
    "temperature NaN": (chat_with(temperature=float("nan")), None),
    "temperature Infinity": (chat_with(temperature=float("inf")), None),
    "temperature -Infinity": (chat_with(temperature=float("-inf")), None),
    "temperature 1e999": (chat_with(temperature=0.5).replace(b"0.5", b"1e999"), None),
    "temperature 6": (chat_with(temperature=6), "temperature"),
    "top_p": (chat_with(top_p=1.01), "top_p"),
    "top_k": (chat_with(top_k=-(2**31)), "top_k"),
    "min_p": (chat_with(min_p=-0.1), "min_p"),
    "penalty": (chat_with(presence_penalty=1e300), "presence_penalty"),
    "seed": (chat_with(seed=2**64), "seed"),
    "logit_bias 100k": (chat_with(logit_bias={str(number): 1 for number in range(100_000)}), "logit_bias"),
    "logit_bias negative id": (chat_with(logit_bias={"-1": 1}), "logit_bias"),
    "logit_bias huge id": (chat_with(logit_bias={"4294967296": 1}), "logit_bias"),
    "logit_bias no number": (chat_with(logit_bias={"x": 1}), "logit_bias"),
    "logit_bias value": (chat_with(logit_bias={"5": 1000}), "logit_bias"),
    "stop 10k": (chat_with(stop=["x"] * 10_000), "stop"),
    "stop empty text": (chat_with(stop=""), "stop"),
    "stop long": (chat_with(stop="x" * 100_000), "stop"),
    "chat_template": (chat_with(chat_template="{{ 'a' * 10**9 }}"), "chat_template"),
    "chat_template_kwargs": (chat_with(chat_template_kwargs={"x": "<|im_end|>"}), "chat_template_kwargs"),
    "chat_template_kwargs, ours": (chat_with(chat_template_kwargs={"messages": True}), "chat_template_kwargs"),
    "chat_template_kwargs, deep": (chat_with(chat_template_kwargs={"x": {"y": 1}}), "chat_template_kwargs"),
    "reasoning_effort": (chat_with(reasoning_effort="much"), "reasoning_effort"),
    "everybody's prompt": (chat_with(num_public_messages=1), "num_public_messages"),
    "grammar": (chat_with(grammar="root ::= root root"), "grammar"),
    "guided_regex": (chat_with(guided_regex="(a+)+$"), "guided_regex"),
    "json_schema": (chat_with(response_format={"type": "json_schema", "json_schema": {}}), "response_format"),
    "tools": (chat_with(tools=[{"type": "function", "function": {"name": "x y"}}]), "tools[0].function.name"),
    "functions": (chat_with(functions=[{"name": "x"}]), "functions"),
    "logprobs": (chat_with(logprobs=True, top_logprobs=10_000), "top_logprobs"),
    "somebody else's cache": (chat_with(cache_salt="x"), "cache_salt"),
    "a better place in the queue": (chat_with(priority="interactive"), "priority"),
    "somebody else's share": (chat_with(fairness_key="employee-1"), "fairness_key"),
    "unknown field": (chat_with(bypass_filter=True), "bypass_filter"),
    "unknown long field": (chat_with(**{"x" * 100_000: 1}), "x" * 60),
    "stream text": (chat_with(stream="yes"), "stream"),
    "stream_options text": (chat_with(stream=True, stream_options="usage"), "stream_options"),
    "no messages": (chat_with(messages=[]), "messages"),
    "50k messages": (chat_with(messages=HELLO * 30_000), "messages"),
    "unknown role": (chat_with(messages=[{"role": "root", "content": "x"}]), "messages[0].role"),
    "tool role": (chat_with(messages=[{"role": "tool", "content": "x", "tool_call_id": "1"}]), "messages[0]"),
    "content number": (chat_with(messages=[*HELLO, {"role": "user", "content": 1}]), "messages[1].content"),
    "content object": (chat_with(messages=[{"role": "user", "content": {}}]), "messages[0].content"),
    "image address": (
        chat_with(messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x"}}]}]),
        "messages[0].content",
    ),
    "field of a message": (chat_with(messages=[{"role": "user", "content": "x", "owner": 1}]), "messages[0].owner"),
    "message is text": (chat_with(messages=["hello"]), "messages[0]"),
    "messages is text": (chat_with(messages="hello"), "messages"),
    "model is a list": (chat_with(model=[CHAT]), "model"),
    "model with NUL": (chat_with(model="fake\x00chat"), "model"),
    "model with half a pair": (chat_with(model="fake\ud800chat"), "model"),
    "model missing": (b'{"messages":[{"role":"user","content":"x"}]}', "model"),
    "model empty": (chat_with(model=""), "model"),
    "model long": (chat_with(model="x" * 100_000), "model"),
    "empty": (b"", None),
    "cut off": (chat_with()[:-1], None),
    "list": (b"[]", None),
    "null": (b"null", None),
    "not UTF-8": (b'{"model":"\xff"}', None),
    "lone surrogate": (chat_with(messages=[{"role": "user", "content": "x"}]).replace(b'"x"', b'"\\ud800"'), None),
    "deep": (b"[" * MIB, None),
    "deep in a field": (b'{"model":"fake-chat","metadata":' + b"[" * 10_000 + b"]" * 10_000 + b"}", None),
    "a number of 1 MB": (b'{"seed":' + b"9" * MIB + b"}", None),
    "150k unknown fields": (b"{" + b",".join(b'"k%d":1' % number for number in range(150_000)) + b"}", None),
    "600k objects": (b'{"model":"fake-chat","messages":[' + b"{}," * 600_000 + b"{}]}", "messages"),
}

EMBEDS: dict[str, tuple[bytes, str | None]] = {
    "no texts": (embed_with([]), "input"),
    "2049 texts": (embed_with(["a"] * 2049), "input"),
    "negative token": (embed_with([-1]), "input"),
    "huge token": (embed_with([2**31]), "input"),
    "half a token": (embed_with([1.5] * 300_000), "input"),
    "mixed": (embed_with(["a", 1]), "input"),
    "an object": (embed_with({"a": 1}), "input"),
    "dimensions": (embed_with("a", dimensions=-1), "dimensions"),
    "encoding": (embed_with("a", encoding_format="hex"), "encoding_format"),
    "priority": (embed_with("a", priority="interactive"), "priority"),
}


def test_hostile_questions_are_refused_before_the_queue(door: Door) -> None:
    """Each with 400 in OpenAI's shape and the name of the field where there is one; and none of them is kept."""
    door.post("/chat/completions", chat_with(max_tokens=1))
    before = door.rss()
    assert mistakes(door, "/chat/completions", CHATS) == {}
    assert door.rss() - before < 64 * MIB


def test_hostile_inputs_are_refused_before_the_queue(door: Door) -> None:
    """The same for embeddings."""
    assert mistakes(door, "/embeddings", EMBEDS) == {}


def mistakes(door: Door, path: str, cases: dict[str, tuple[bytes, str | None]]) -> dict[str, str]:
    """The answers that are not as they should be, by name of the case."""
    found = {}
    for name, (body, param) in cases.items():
        answer = door.post(path, body)
        error = answer.json()["error"] if answer.headers["content-type"] == "application/json" else {}
        is_right = (
            answer.status_code == 400
            and error.get("type") == "invalid_request_error"
            and bool(error["code"] and error["message"])
            and (error["param"] or "").startswith(param or "")
            and len(answer.content) < 1000
        )
        if not is_right:
            found[name] = f"{answer.status_code} {answer.text[:300]}"
    return found


def test_a_body_over_two_mebibytes_is_refused_unread(door: Door) -> None:
    """In OpenAI's shape, by the server itself."""
    answer = door.post("/chat/completions", chat_with(messages=[{"role": "user", "content": "x" * 2 * MIB}]))
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "body_too_large"


def test_nulls_and_our_own_answers_are_welcome(door: Door) -> None:
    """What clients send back of an answer, and fields that ask for nothing."""
    answer = door.post(
        "/chat/completions",
        {
            "model": CHAT,
            "messages": [
                {"role": "developer", "content": "Be brief."},
                {"role": "user", "content": "say: one", "name": "alice"},
                {
                    "role": "assistant", "content": "one", "refusal": None, "annotations": [], "audio": None,
                    "function_call": None, "tool_calls": None,
                },
                {"role": "user", "content": "say: two"},
            ],
            "n": 1, "stop": [], "tools": [], "tool_choice": "auto", "response_format": {"type": "text"},
            "logprobs": False, "logit_bias": {}, "temperature": 1, "max_tokens": None, "metadata": {"a": "b"},
            "reasoning_effort": "low", "service_tier": "auto", "parallel_tool_calls": True, "seed": 7,
        },
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["message"]["content"] == "two"
