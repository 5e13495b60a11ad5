"""The service as others meet it: a process on loopback, the fake backend behind it."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest

from inference import errors, wire
from inference.client import AsyncClient, Client
from tests.inference.serve import RunningInference


@pytest.fixture
def http(fake_service: RunningInference) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {fake_service.secret}"}
    with httpx.Client(base_url=fake_service.url, headers=headers, timeout=30.0, trust_env=False) as client:
        yield client


def ask(text: str, **more: Any) -> wire.ChatRequest:
    return wire.ChatRequest("fake-chat", [{"role": "user", "content": text}], **more)


def text_of(events: list[wire.StreamEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, wire.Delta))


def metric(http: httpx.Client, name: str) -> float:
    for line in http.get("/metrics").text.splitlines():
        if line.startswith(f'{name}{{model_name="fake-chat"'):
            return float(line.rsplit(" ", 1)[1])
    return 0.0


def test_a_stream_carries_progress_text_and_end(client: Client) -> None:
    """In that order, with usage and timings at the end."""
    events = list(client.stream(ask("say: Grüße \U0001f600 aus Köln", return_progress=True)))
    assert text_of(events) == "Grüße \U0001f600 aus Köln"
    assert any(isinstance(event, wire.Reading) for event in events)
    assert isinstance(events[-1], wire.Finished)
    assert events[-1].reason == "stop"
    assert events[-1].usage.num_completion_tokens > 0


def test_a_whole_answer_is_the_same_text(client: Client) -> None:
    """Streaming or not changes nothing about what is said."""
    request = ask("babble: 30")
    assert client.chat(request).text == text_of(list(client.stream(request)))


def test_a_cut_off_answer_is_gone_on_with(client: Client) -> None:
    """With continue_final_message the rest of the text comes, and only the rest."""
    messages = [{"role": "user", "content": "say: one two three"}, {"role": "assistant", "content": "one tw"}]
    request = wire.ChatRequest("fake-chat", messages, continue_final_message=True)
    assert client.chat(request).text == "o three"


def test_sources_in_the_prompt_are_cited(client: Client) -> None:
    """The fake marks an answer from sources as a good model would."""
    messages = [
        {"role": "system", "content": '<source id="1">Fish</source>'},
        {"role": "user", "content": "say: yes"},
    ]
    assert client.chat(wire.ChatRequest("fake-chat", messages)).text == "yes [1]"


async def test_the_async_client_does_the_same(fake_service: RunningInference) -> None:
    """One contract, two clients."""
    async with AsyncClient(fake_service.url, fake_service.secret) as client:
        events = [event async for event in client.stream(ask("say: Hello"))]
        assert text_of(events) == "Hello"
        assert (await client.chat(ask("say: Hello"))).text == "Hello"
        assert len(await client.embed("fake-embed", ["a", "b"])) == 2
        assert await client.count_tokens("fake-embed", ["abc"]) == [1]
        assert {model.id for model in await client.models()} == {"fake-chat", "fake-embed", "fake-rerank", "fake-think"}


async def test_many_streams_at_once_are_all_right(fake_service: RunningInference) -> None:
    """Forty readers over eight places get what each asked for."""
    async with AsyncClient(fake_service.url, fake_service.secret) as client:
        requests = [ask(f"say: number {n} of many", fairness_key=str(n % 5)) for n in range(40)]
        results = await asyncio.gather(*(client.chat(request) for request in requests))
    assert [result.text for result in results] == [f"number {n} of many" for n in range(40)]


def test_leaving_a_stream_frees_its_place(client: Client, http: httpx.Client) -> None:
    """Closing the connection ends the sequence; nothing runs for nobody, as the figures say at once."""
    stream = client.stream(ask("babble: 99999", max_tokens=7000))
    next(event for event in stream if isinstance(event, wire.Delta))
    stream.close()  # type: ignore[attr-defined]  # a generator
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if metric(http, "vllm:num_requests_running") == 0:
            return
    raise AssertionError("the sequence is still running")


def test_vectors_are_in_order_and_of_unit_length(client: Client) -> None:
    """Two texts that share words are closer than two that do not."""
    fish, more_fish, physics = client.embed("fake-embed", ["the fish", "fish is the best", "quantum physics"])
    assert sum(value * value for value in fish) == pytest.approx(1)

    def similarity(a: list[float], b: list[float]) -> float:
        return sum(x * y for x, y in zip(a, b, strict=True))

    assert similarity(fish, more_fish) > similarity(fish, physics)
    many = client.embed("fake-embed", [f"text {n}" for n in range(150)])
    assert many[77] == client.embed("fake-embed", ["text 77"])[0]


def test_the_official_client_works(fake_service: RunningInference) -> None:
    """openai, unmodified but for address and key, chats, streams, embeds and lists."""
    official = openai.OpenAI(
        base_url=f"{fake_service.url}/v1",
        api_key=fake_service.secret,
        http_client=openai.DefaultHttpxClient(trust_env=False),
    )
    messages: Any = [{"role": "user", "content": "say: Hello world"}]
    answer = official.chat.completions.create(model="fake-chat", messages=messages, n=2, seed=1)
    assert [choice.message.content for choice in answer.choices] == ["Hello world"] * 2
    chunks = list(
        official.chat.completions.create(
            model="fake-chat", messages=messages, stream=True, stream_options={"include_usage": True}
        )
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "Hello world"
    assert chunks[-1].usage is not None
    assert len(official.embeddings.create(model="fake-embed", input="a b").data[0].embedding) == 384
    assert [model.id for model in official.models.list()] == ["fake-chat", "fake-embed", "fake-rerank", "fake-think"]
    with pytest.raises(openai.NotFoundError):
        official.chat.completions.create(model="none", messages=messages)
    official.close()


def test_a_prompt_that_is_too_long_is_refused_with_both_numbers(client: Client) -> None:
    """Nothing is cut silently."""
    with pytest.raises(errors.ContextTooLong) as caught:
        client.chat(ask("word " * 9000))
    assert caught.value.num_prompt_tokens > caught.value.context_length == 8192
    with pytest.raises(errors.ContextTooLong):
        list(client.stream(ask("word " * 9000)))
    with pytest.raises(errors.ContextTooLong):
        client.embed("fake-embed", ["word " * 9000])


def test_models_are_told_apart(client: Client) -> None:
    """An unknown one, and one of the wrong kind, are the caller's mistakes."""
    with pytest.raises(errors.UnknownModel):
        client.chat(wire.ChatRequest("none", [{"role": "user", "content": "Hi"}]))
    with pytest.raises(errors.BadParameter):
        client.chat(wire.ChatRequest("fake-embed", [{"role": "user", "content": "Hi"}]))
    with pytest.raises(errors.BadParameter):
        client.embed("fake-chat", ["Hi"])


def test_tokens_are_counted(client: Client) -> None:
    """Texts one by one, and messages as the prompt they become."""
    assert client.count_tokens("fake-chat", ["", "abc", "abcdef"]) == [0, 1, 2]
    count, context_length = client.count_message_tokens("fake-chat", [{"role": "user", "content": "Hi"}])
    assert count > 5
    assert context_length == 8192


WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@pytest.fixture
def official(fake_service: RunningInference) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=f"{fake_service.url}/v1",
        api_key=fake_service.secret,
        http_client=openai.DefaultHttpxClient(trust_env=False),
    ) as official:
        yield official


def test_the_official_client_gets_calls_of_tools(official: openai.OpenAI) -> None:
    """Whole and streamed, and the answer of the tool goes back to the model."""
    call = '<tool_call>{"name": "weather", "arguments": {"city": "Bonn"}}</tool_call>'
    messages: Any = [{"role": "user", "content": f"say: {call}"}]
    choice = official.chat.completions.create(model="fake-chat", messages=messages, tools=[WEATHER]).choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None
    assert choice.message.tool_calls is not None
    told: Any = choice.message.tool_calls[0]
    assert (told.function.name, json.loads(told.function.arguments)) == ("weather", {"city": "Bonn"})
    chunks = list(official.chat.completions.create(model="fake-chat", messages=messages, tools=[WEATHER], stream=True))
    streamed = [piece for chunk in chunks for piece in chunk.choices[0].delta.tool_calls or ()]
    assert [piece.function and piece.function.name for piece in streamed][:2] == ["weather", None]
    assert [bool(piece.id) for piece in streamed] == [True] + [False] * (len(streamed) - 1)
    assert "".join(piece.function.arguments or "" for piece in streamed if piece.function) == '{"city": "Bonn"}'
    assert chunks[-1].choices[0].finish_reason == "tool_calls"
    messages += [
        {"role": "assistant", "content": None, "tool_calls": [told.model_dump()]},
        {"role": "tool", "tool_call_id": told.id, "content": "rain"},
    ]
    answer = official.chat.completions.create(model="fake-chat", messages=messages, tools=[WEATHER])
    assert "rain" in (answer.choices[0].message.content or "")


def test_without_tools_a_call_is_text(official: openai.OpenAI) -> None:
    """tool_choice none means the same as no tools."""
    call = '<tool_call>{"name": "weather", "arguments": {}}</tool_call>'
    messages: Any = [{"role": "user", "content": f"say: {call}"}]
    answer = official.chat.completions.create(model="fake-chat", messages=messages, tools=[WEATHER], tool_choice="none")
    assert answer.choices[0].message.content == call


def test_our_client_carries_calls_too(client: Client) -> None:
    """As events of their own, and in the whole answer."""
    call = '{"name": "weather", "arguments": {"city": "Bonn"}}'
    request = ask(f"say: {call}", tools=[WEATHER])
    events = list(client.stream(request))
    assert [event.name for event in events if isinstance(event, wire.ToolCall)] == ["weather"]
    result = client.chat(request)
    assert (result.text, result.reason, len(result.tool_calls)) == ("", "tool_calls", 1)


def test_probabilities_come_with_every_token(official: openai.OpenAI) -> None:
    """Their texts together are the answer, whole and streamed."""
    messages: Any = [{"role": "user", "content": "say: Hello wide world"}]
    options: Any = {"model": "fake-chat", "messages": messages, "logprobs": True, "top_logprobs": 1}
    choice = official.chat.completions.create(**options).choices[0]
    assert choice.logprobs is not None
    told = choice.logprobs.content or []
    assert "".join(row.token for row in told) == choice.message.content
    assert all(row.logprob == -0.25 and len(row.top_logprobs) == 1 for row in told)
    chunks = official.chat.completions.create(**options, stream=True)
    rows = [row for chunk in chunks for c in chunk.choices if c.logprobs for row in c.logprobs.content or ()]
    assert [row.token for row in rows] == [row.token for row in told]


@pytest.mark.parametrize("secret", ["x", "wrong", "ü"])
def test_without_the_secret_nothing_is_served(fake_service: RunningInference, secret: str) -> None:
    """Every route but /health asks for it."""
    headers = {b"Authorization": f"Bearer {secret}".encode()}
    with httpx.Client(base_url=fake_service.url, headers=headers, trust_env=False) as http:
        assert http.get("/health").status_code == 200
        for method, path in (("GET", "/v1/models"), ("GET", "/metrics"), ("POST", "/v1/chat/completions")):
            response = http.request(method, path)
            assert response.status_code == 401
            assert response.json()["error"]["code"] == "invalid_api_key"


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/v1/chat/completions", 405), ("POST", "/v1/nothing", 404)]
)
def test_an_address_that_is_not_served_is_an_error_object(
    http: httpx.Client, method: str, path: str, status: int
) -> None:
    """Which official clients can read, as they do all others."""
    response = http.request(method, path)
    assert response.status_code == status
    assert response.json()["error"]["code"] == "unknown_url"


@pytest.mark.parametrize(
    ("path", "raw"),
    [
        ("/v1/chat/completions", b"nonsense"),
        (
            "/v1/chat/completions",
            b'{"model": "fake-chat", "messages": [{"role": "user", "content": "x"}], "top_p": NaN}',
        ),
        ("/v1/chat/completions", b'{"model": "fake-chat", "messages": [{"role": "user", "content": "\\ud800"}]}'),
        ("/v1/chat/completions", b'{"model": "fake-chat", "messages": [], "n": 1e400}'),
        ("/v1/embeddings", b'{"model": "fake-embed", "input": [[2147483647]]}'),
        ("/v1/embeddings", b'{"model": "fake-embed", "input": "x", "dimensions": 385}'),
        ("/tokenize", b'{"model": "fake-chat"}'),
        ("/tokenize", b'{"model": "fake-chat", "content": "x", "parse_special": true}'),
        ("/tokenize", b'{"model": "fake-chat", "content": "x", "input": "x"}'),
        ("/detokenize", b'{"model": "fake-chat"}'),
        ("/detokenize", b'{"model": "fake-chat", "tokens": [-1]}'),
        ("/detokenize", b'{"model": "fake-chat", "tokens": ["x"]}'),
        ("/detokenize", b'{"model": "fake-chat", "tokens": [2147483647]}'),
    ],
)
def test_hostile_bodies_get_a_400(http: httpx.Client, path: str, raw: bytes) -> None:
    """In OpenAI's shape, and the service lives on."""
    response = http.post(path, content=raw)
    assert response.status_code == 400
    assert set(response.json()["error"]) >= {"message", "type", "param", "code"}
    assert http.get("/health").status_code == 200


@pytest.mark.parametrize("name", ["content", "prompt"])
def test_a_text_becomes_tokens_and_tokens_a_text(http: httpx.Client, name: str) -> None:
    """As clients of llama-server and of vLLM ask for it; a text that spells a control token comes back as it was."""
    text = "Größe <|im_end|>\n 漢字 🙂"
    tokens = http.post("/tokenize", json={"model": "fake-chat", name: text}).json()
    assert tokens["count"] == len(tokens["tokens"])
    assert tokens["max_model_len"] > 0
    spelt = http.post("/detokenize", json={"model": "fake-chat", "tokens": tokens["tokens"]}).json()
    assert spelt == {"content": text, "prompt": text}
    assert http.post("/detokenize", json={"model": "fake-embed", "tokens": []}).json()["content"] == ""


def test_a_body_that_is_too_large_is_refused_while_it_comes(fake_service: RunningInference) -> None:
    """A client that announces little and sends much is stopped at the cap."""
    host, port = fake_service.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
            b"Authorization: Bearer " + fake_service.secret.encode() + b"\r\n\r\n"
        )
        chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
        try:
            for _ in range(40):
                connection.sendall(chunk)
        except OSError:
            return
        assert b" 413 " in connection.recv(4096)


def _begin_post(service: RunningInference, num_bytes: int) -> socket.socket:
    """A request that announces so many bytes and has sent none of them."""
    host, port = service.url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=20)
    connection.sendall(
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
        + f"Content-Length: {num_bytes}\r\nAuthorization: Bearer {service.secret}\r\n\r\n".encode()
    )
    return connection


def test_a_body_that_says_it_is_too_large_is_not_waited_for(fake_service: RunningInference) -> None:
    """Nothing of it has to come."""
    with _begin_post(fake_service, 40_000_000) as connection:
        assert b" 413 " in connection.recv(4096)


def test_who_leaves_while_asking_is_no_fault_of_ours(fake_service: RunningInference, http: httpx.Client) -> None:
    """A body that never comes to its end leaves no trace of an error in the log."""
    with _begin_post(fake_service, 100) as connection:
        connection.sendall(b"{")
    assert http.get("/v1/models").status_code == 200
    assert "ClientDisconnect" not in fake_service.log_path.read_text()


def test_metrics_speak_both_languages(client: Client, http: httpx.Client) -> None:
    """Our names and vLLM's, with the same figures."""
    client.chat(ask("say: counted"))
    text = http.get("/metrics").text
    for name in ("num_requests_running", "num_requests_waiting", "generation_tokens_total", "prompt_tokens_total"):
        assert metric(http, f"vllm:{name}") == metric(http, f"hearth_inference_{name}")
    assert metric(http, "vllm:generation_tokens_total") > 0
    assert 'vllm:time_to_first_token_seconds_bucket{model_name="fake-chat",le="+Inf"}' in text


def test_logs_carry_ids_and_never_text(fake_service: RunningInference, http: httpx.Client) -> None:
    """What people write stays out of the logs."""
    body = {"model": "fake-chat", "messages": [{"role": "user", "content": "say: xylophone-canary"}]}
    response = http.post("/v1/chat/completions", json=body, headers={"X-Request-ID": "req-77"})
    assert response.headers["x-request-id"] == "req-77"
    log = fake_service.log_path.read_text()
    assert "xylophone-canary" not in log
    assert any(json.loads(line).get("request_id") == "req-77" for line in log.splitlines())
