"""The starter models through llama.cpp, from the request to the vector or the last word."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from inference import wire
from inference.client import Client
from tests.inference.serve import RunningInference, default_models_dir, running_inference

pytestmark = pytest.mark.model

CHAT = "SmolLM2-135M-Instruct.Q4_1"
EMBEDDING = "multilingual-e5-small-Q4_0"


@pytest.fixture(scope="module")
def running() -> Iterator[RunningInference]:
    with running_inference("llama", models_dir=default_models_dir(), HEARTH_THREADS="1") as running:
        yield running


@pytest.fixture(scope="module")
def client(running: RunningInference) -> Iterator[Client]:
    with Client(running.url, running.secret, 240.0) as client:
        yield client


def ask(text: str, **more: object) -> wire.ChatRequest:
    options = {"temperature": 0.0, "max_tokens": 24} | more
    return wire.ChatRequest(CHAT, [{"role": "user", "content": text}], **options)  # type: ignore[arg-type]  # tests' own


def text_of(events: list[wire.StreamEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, wire.Delta))


def test_the_models_are_described(client: Client) -> None:
    """By their headers alone."""
    models = {model.id: model for model in client.models()}
    assert models[CHAT].kind == "chat"
    assert models[CHAT].context_length == 8192
    assert models[CHAT].has_chat_template
    assert models[EMBEDDING].kind == "embedding"
    assert models[EMBEDDING].embedding_length == 384


def test_an_answer_streams_and_can_be_repeated(client: Client) -> None:
    """Greedy, so the second time is the same text, mostly from the cache."""
    first = list(client.stream(ask("What is the capital of France?", return_progress=True)))
    again = client.chat(ask("What is the capital of France?"))
    assert text_of(first) == again.text
    assert len(again.text) > 10
    assert again.usage.num_cached_tokens == again.usage.num_prompt_tokens - 1


def test_a_thread_comes_back_after_others(client: Client) -> None:
    """Its cells were given free meanwhile; the same text goes on from their copy, and from a part of it. Attention adds
    up in the order of the cells in 16 bits, so words that were nearly tied may change places later on."""
    first = client.chat(ask("Name three rivers of Europe."))
    client.chat(ask("Which is the largest ocean?", cache_salt="bob"))
    again = client.chat(ask("Name three rivers of Europe."))
    assert again.text[:20] == first.text[:20]
    assert again.usage.num_cached_tokens == again.usage.num_prompt_tokens - 1
    client.chat(ask("Which is the smallest ocean?", cache_salt="bob"))
    other = client.chat(ask("Name three rivers of Asia."))
    assert other.text
    assert 8 <= other.usage.num_cached_tokens < other.usage.num_prompt_tokens - 1


def test_text_that_spells_control_tokens_is_read_as_text(client: Client) -> None:
    """It costs many tokens instead of one, and the count of a prompt shows that none was formed."""
    plain, _ = client.count_message_tokens(CHAT, [{"role": "user", "content": ""}])
    spelt, _ = client.count_message_tokens(CHAT, [{"role": "user", "content": "<|im_end|><|im_start|>"}])
    assert spelt - plain > 8


def test_leaving_frees_the_sequence(running: RunningInference, client: Client) -> None:
    """After the reader has gone nothing runs, and the next question is answered at once."""
    stream = client.stream(ask("Count to one thousand.", max_tokens=2000))
    next(event for event in stream if isinstance(event, wire.Delta))
    stream.close()  # type: ignore[attr-defined]  # a generator
    headers = {"Authorization": f"Bearer {running.secret}"}
    deadline = time.monotonic() + 30
    metrics = ""
    while f'vllm:num_requests_running{{model_name="{CHAT}"}} 0' not in metrics:
        assert time.monotonic() < deadline
        metrics = httpx.get(f"{running.url}/metrics", headers=headers, trust_env=False).text
    client.chat(ask("Hi", max_tokens=2))


def test_penalties_bias_and_seed_have_their_effect(running: RunningInference) -> None:
    """A seed repeats an answer, a bias of -100 removes a token, and hostile extremes are only strange."""
    headers = {"Authorization": f"Bearer {running.secret}"}
    with httpx.Client(base_url=running.url, headers=headers, timeout=240.0, trust_env=False) as http:

        def answer(**more: object) -> str:
            body = {"model": CHAT, "messages": [{"role": "user", "content": "Tell me a story."}], "max_tokens": 12}
            response = http.post("/v1/chat/completions", json=body | more)
            assert response.status_code == 200, response.text
            return str(response.json()["choices"][0]["message"]["content"])

        assert answer(seed=7, temperature=1.0) == answer(seed=7, temperature=1.0)
        assert answer(temperature=0, logit_bias={str(token): -100 for token in range(1000)})
        assert answer(temperature=5, top_p=0, min_p=1, presence_penalty=2, frequency_penalty=-2, repeat_penalty=10)
        bad = {"model": CHAT, "messages": [{"role": "user", "content": "x"}], "logit_bias": {"49152": 1}}
        assert http.post("/v1/chat/completions", json=bad).status_code == 400


@pytest.mark.thorough
def test_an_answer_keeps_to_its_schema(running: RunningInference) -> None:
    """Whatever the temperature; a required call is one; and a schema without an end is a 400."""
    wanted = {
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 12}, "size": {"enum": ["small", "large"]}},
        "required": ["city", "size"],
    }
    tool = {"type": "function", "function": {"name": "note", "parameters": wanted}}
    headers = {"Authorization": f"Bearer {running.secret}"}
    with httpx.Client(base_url=running.url, headers=headers, timeout=240.0, trust_env=False) as http:

        def answer(**more: object) -> Any:
            body = {"model": CHAT, "messages": [{"role": "user", "content": "Name a city."}], "max_tokens": 300}
            response = http.post("/v1/chat/completions", json=body | more)
            assert response.status_code == 200, response.text
            return response.json()["choices"][0]

        form = {"type": "json_schema", "json_schema": {"name": "city", "schema": wanted}}
        for temperature in (0, 1.5):
            found = json.loads(answer(response_format=form, temperature=temperature)["message"]["content"])
            assert set(found) == {"city", "size"}
            assert found["size"] in ("small", "large")
        called = answer(tools=[tool], tool_choice="required", parallel_tool_calls=False, logprobs=True, top_logprobs=2)
        assert called["finish_reason"] == "tool_calls"
        (call,) = called["message"]["tool_calls"]
        assert set(json.loads(call["function"]["arguments"])) == {"city", "size"}
        assert all(len(row["top_logprobs"]) == 2 for row in called["logprobs"]["content"])
        form = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"$ref": "#"}}}
        body = {"model": CHAT, "messages": [{"role": "user", "content": "x"}], "response_format": form}
        assert http.post("/v1/chat/completions", json=body).status_code == 400


def test_vectors_do_not_depend_on_their_company(client: Client) -> None:
    """Many texts in one evaluation give what each gives alone, but for a thousandth of the cosine (the kernels of a
    4-bit model round otherwise for four rows than for one: up to 0.00007 was seen)."""
    texts = [f"query: how many days of leave in year {n}, " + "and why " * (n % 7) for n in range(12)]
    together = client.embed(EMBEDDING, texts)
    for place in (0, 6, 11):
        (alone,) = client.embed(EMBEDDING, [texts[place]])
        assert sum(a * b for a, b in zip(alone, together[place], strict=True)) > 1 - 1e-3
        assert sum(a * a for a in alone) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("model", [CHAT, EMBEDDING])
def test_tokens_can_be_spelt_out(running: RunningInference, model: str) -> None:
    """What was made of a text becomes that text again, and control tokens have the names that their model has."""
    headers = {"Authorization": f"Bearer {running.secret}"}
    with httpx.Client(base_url=running.url, headers=headers, trust_env=False, timeout=240) as http:
        text = "The bridge of Köln"
        tokens = http.post("/tokenize", json={"model": model, "content": text}).json()["tokens"]
        assert 4 <= len(tokens) <= 12
        assert http.post("/detokenize", json={"model": model, "tokens": tokens}).json()["content"].strip() == text
        marked = http.post("/tokenize", json={"model": model, "prompt": text}).json()["tokens"]
        spelt = http.post("/detokenize", json={"model": model, "tokens": marked}).json()["prompt"]
        assert spelt.replace("<s>", "").replace("</s>", "").strip() == text
        assert (spelt != text) == (model == EMBEDDING)
        refused = http.post("/detokenize", json={"model": model, "tokens": [10**8]})
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "tokens")


def test_ligatures_and_wide_letters_mean_the_same(client: Client) -> None:
    """The text is normalised as the model's own tokenizer would have done."""
    plain, wide = client.embed(EMBEDDING, ["query: office  file", "query: \uff4f\ufb03ce \ufb01le\n"])
    assert sum(a * b for a, b in zip(plain, wide, strict=True)) > 0.9999


def test_a_killed_child_is_only_a_pause(running: RunningInference, client: Client) -> None:
    """The answer goes on in a new process, from prompt and tokens so far, to the same greedy text."""
    request = ask("Write a long letter to a friend about the sea.", max_tokens=40)
    whole = client.chat(request).text
    stream = client.stream(request)
    events = [next(stream) for _ in range(8)]
    child, before = next(pid for pid in running.child_pids() if _is_chat_child(pid)), text_of(events)
    os.kill(child, 9)
    killed_at = time.monotonic()
    events += list(stream)
    assert time.monotonic() - killed_at < 60
    # Reading in another batch shape may move the last bit of a logit, so two nearly tied words could change places.
    resumed = text_of(events)
    assert resumed.startswith(before)
    print(f"as undisturbed: {resumed == whole}")  # shown with -s
    assert len(resumed) > 60


def _is_chat_child(pid: int) -> bool:
    with open(f"/proc/{pid}/maps") as maps:
        return CHAT in maps.read()
