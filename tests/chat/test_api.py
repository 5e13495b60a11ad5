"""The OpenAI-compatible door as programs use it: the official client, unmodified but for base URL and key."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import struct
import time
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

from chat import valkey
from chat.limits import LIMITS
from chat.models import ApiKey, Employee, ServedModel
from inference.client import Client
from tests.chat.running_door import (
    CHAT,
    DISABLED,
    EMBED,
    RERANK,
    Door,
    Processes,
    open_door,
    running_processes,
    running_web,
)


def client_of(door: Door, name: str = "alice", **options: Any) -> openai.OpenAI:
    return openai.OpenAI(base_url=door.base_url, api_key=door.keys.get(name, name), max_retries=0, **options)


@pytest.fixture
def client(door: Door) -> Iterator[openai.OpenAI]:
    with client_of(door) as made:
        yield made


def says(text: str) -> list[ChatCompletionMessageParam]:
    return [{"role": "user", "content": text}]


def test_models_are_those_an_admin_enabled(client: openai.OpenAI) -> None:
    """The list holds enabled models only, and each can be looked up by itself."""
    names = [model.id for model in client.models.list()]
    assert sorted(names) == [CHAT, EMBED, RERANK]
    found = client.models.retrieve(CHAT)
    assert (found.id, found.object, found.owned_by) == (CHAT, "model", "hearth")


@pytest.mark.parametrize("name", [DISABLED, "nobody", "FAKE-CHAT", "fake-chat ", "../fake-chat", "0", "fake-chat/x"])
def test_any_other_model_is_equally_unknown(client: openai.OpenAI, name: str) -> None:
    """Disabled, misspelt and made up get one and the same answer, at every address."""
    bodies = []
    for ask in (
        lambda: client.models.retrieve(name),
        lambda: client.chat.completions.create(model=name, messages=says("x")),
        lambda: client.embeddings.create(model=name, input="x"),
    ):
        with pytest.raises(openai.NotFoundError) as refused:
            ask()
        bodies.append(refused.value.body)
    expected = {
        "message": "There is no model of this name, or it is not enabled.",
        "type": "not_found_error",
        "param": "model",
        "code": "model_not_found",
    }
    assert bodies == [expected] * 3


def test_disabling_a_model_takes_effect_with_the_next_request(door: Door, client: openai.OpenAI) -> None:
    """No restart, no cache."""
    ServedModel.objects.filter(name=CHAT).update(is_enabled=False)
    try:
        with pytest.raises(openai.NotFoundError):
            client.chat.completions.create(model=CHAT, messages=says("x"))
    finally:
        ServedModel.objects.filter(name=CHAT).update(is_enabled=True)
    assert client.chat.completions.create(model=CHAT, messages=says("say: back")).choices[0].message.content == "back"


def test_an_answer_in_one_piece(client: openai.OpenAI) -> None:
    """Text, reason and token counts, and a request id to ask about."""
    raw = client.chat.completions.with_raw_response.create(
        model=CHAT,
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "say: hello there"}]},
        ],
        temperature=0,
        max_completion_tokens=50,
        user="somebody",
        store=True,
        n=1,
    )
    answer = raw.parse()
    assert answer.object == "chat.completion"
    assert answer.model == CHAT
    assert answer.choices[0].message.content == "hello there"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
    assert answer._request_id
    assert int(raw.headers["openai-processing-ms"]) >= 0
    assert "access-control-allow-origin" not in raw.headers
    assert "server" not in raw.headers


def test_an_answer_in_pieces_with_usage_at_the_end(client: openai.OpenAI) -> None:
    """The stream is the service's own: role first, text, reason, then usage because it was asked for."""
    stream = client.chat.completions.create(
        model=CHAT, messages=says("say: one two three four"), stream=True, stream_options={"include_usage": True}
    )
    assert stream.response.headers["content-type"].startswith("text/event-stream")
    assert stream.response.headers["x-accel-buffering"] == "no"
    assert stream.response.headers["x-request-id"]
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "one two three four"
    assert len({chunk.id for chunk in chunks}) == 1
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens > 0


def test_a_stream_without_usage_has_none(client: openai.OpenAI) -> None:
    """Not asked for, not sent."""
    stream = client.chat.completions.create(model=CHAT, messages=says("say: one"), stream=True)
    assert all(chunk.usage is None for chunk in stream)


async def test_the_asynchronous_client(door: Door) -> None:
    """The same with await, several at a time."""
    async with openai.AsyncOpenAI(base_url=door.base_url, api_key=door.keys["bob"], max_retries=0) as client:
        assert [model.id async for model in client.models.list()]

        async def ask(number: int) -> str:
            stream = await client.chat.completions.create(model=CHAT, messages=says(f"say: {number} x"), stream=True)
            return "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])

        answers = await asyncio.gather(*(ask(number) for number in range(4)))
    assert answers == [f"{number} x" for number in range(4)]


def test_embeddings_in_base64_and_in_floats(client: openai.OpenAI) -> None:
    """The client asks for base64 by itself; both ways give the same unit-length vectors, in order."""
    texts = ["invoices are due in March", "the cat sleeps", "invoices are due in April"]
    packed = client.embeddings.create(model=EMBED, input=texts)
    plain = client.embeddings.create(model=EMBED, input=texts, encoding_format="float")
    assert [row.index for row in packed.data] == [0, 1, 2]
    assert packed.usage.prompt_tokens > 0
    for one, other in zip(packed.data, plain.data, strict=True):
        assert one.embedding == pytest.approx(other.embedding, abs=1e-6)
        assert sum(value * value for value in one.embedding) == pytest.approx(1.0, abs=1e-3)
    similar, different = (
        sum(a * b for a, b in zip(plain.data[0].embedding, plain.data[n].embedding, strict=True)) for n in (2, 1)
    )
    assert similar > different


def test_embeddings_on_the_wire_are_what_the_client_asked_for(door: Door) -> None:
    """base64 of little-endian floats."""
    answer = door.post("/embeddings", {"model": EMBED, "input": "hello", "encoding_format": "base64"}).json()
    packed = base64.b64decode(answer["data"][0]["embedding"])
    assert len(struct.unpack(f"<{len(packed) // 4}f", packed)) == 384


def test_keep_alive_is_an_admins_to_say(door: Door) -> None:
    """An employee's program cannot throw a model out of memory; any value of theirs is as good as none."""
    body = {"model": RERANK, "query": "x", "documents": ["x"], "keep_alive": 0}
    assert door.post("/rerank", body).status_code == 200
    time.sleep(0.5)
    inference = door.processes.inference
    with Client(inference.url, inference.secret) as client:
        assert {info.id: info.state for info in client.models()}[RERANK] == "loaded"
    assert door.post("/rerank", body | {"keep_alive": "nonsense"}).status_code == 200
    Employee.objects.filter(pk=door.alice.pk).update(is_admin=True)
    assert door.post("/rerank", body | {"keep_alive": "nonsense"}).json()["error"]["param"] == "keep_alive"


def test_texts_are_ranked_for_a_question(door: Door) -> None:
    """Best first; the caller cannot say how urgent it is; and a model that does not rank says so."""
    body = {
        "model": RERANK,
        "query": "days of leave",
        "documents": ["no", {"text": "thirty days of leave"}],
        "top_n": 1,
    }
    answer = door.post("/rerank", body)
    assert answer.status_code == 200
    assert [(row["index"], row["relevance_score"]) for row in answer.json()["results"]] == [(1, 1.0)]
    assert door.post("/rerank", body | {"priority": "interactive"}).json()["error"]["param"] == "priority"
    assert door.post("/rerank", body | {"model": CHAT}).status_code == 400
    assert door.post("/rerank", body | {"model": "fake-disabled"}).status_code == 404


def test_a_chat_model_makes_no_embeddings(client: openai.OpenAI) -> None:
    """And the other way round: the kinds are not mixed up."""
    with pytest.raises((openai.NotFoundError, openai.BadRequestError)):
        client.embeddings.create(model=CHAT, input="x")
    with pytest.raises((openai.NotFoundError, openai.BadRequestError)):
        client.chat.completions.create(model=EMBED, messages=says("x"))


def test_a_prompt_that_does_not_fit_says_both_numbers(client: openai.OpenAI) -> None:
    """Agents look for this code, and people for the numbers."""
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model=CHAT, messages=says("word " * 60_000))
    body = refused.value.body
    assert isinstance(body, dict)
    assert body["code"] == "context_length_exceeded"
    assert str(body["num_prompt_tokens"]) in body["message"]
    assert str(body["context_length"]) in body["message"]
    assert body["num_prompt_tokens"] > body["context_length"]


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "Bearer",
        "Bearer hearth_wrong",
        "Bearer sk-" + "a" * 48,
        "Bearer hearth_" + "a" * 100_0,
        "Basic aGVhcnRoOng=",
        "Bearer hearth_\xe4",
        "Bearer hearth_'; DROP TABLE chat_apikey; --",
    ],
)
def test_without_a_good_key_nobody_comes_in(door: Door, authorization: str | None) -> None:
    """One answer for all of them, before anything is read."""
    headers = {} if authorization is None else {"Authorization": authorization.encode("latin-1")}
    with httpx.Client(trust_env=False) as http:
        answers = [
            http.get(f"{door.base_url}/models", headers=headers),
            http.get(f"{door.base_url}/models/{CHAT}", headers=headers),
            http.post(f"{door.base_url}/chat/completions", headers=headers, content=b"not json"),
            http.post(f"{door.base_url}/embeddings", headers=headers, content=b"not json"),
        ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert answers[0].headers["www-authenticate"] == "Bearer"
    assert answers[0].headers["x-request-id"]
    assert answers[0].json()["error"]["code"] == "invalid_api_key"


def test_a_wrong_key_is_an_authentication_error(door: Door) -> None:
    """As the official client sees it."""
    with client_of(door, "hearth_wrong") as client, pytest.raises(openai.AuthenticationError):
        client.models.list()


def test_only_the_authorization_header_counts(door: Door) -> None:
    """Not x-api-key, not the query, not a cookie; and a key opens no page."""
    key = door.keys["alice"]
    assert door.get("/v1/models", **{"X-Api-Key": key}).status_code == 401
    assert door.get(f"/v1/models?key={key}&api_key={key}").status_code == 401
    assert door.get("/v1/models", Cookie=f"sid={key}; __Host-sid={key}").status_code == 401
    assert door.get("/account/keys/", Authorization=f"Bearer {key}").status_code in (302, 401)


def test_a_key_dies_with_its_owners_access(door: Door) -> None:
    """Deactivated: at once, with the same answer as a wrong key. Revoked: the same."""
    owner = Employee.objects.create_employee("carl@example.com", None, name="carl")
    key, text = ApiKey.objects.issue(owner, "test")
    authorization = {"Authorization": f"Bearer {text}"}
    assert door.get("/v1/models", **authorization).status_code == 200
    owner.deactivate()
    refused = door.get("/v1/models", **authorization)
    assert refused.status_code == 401
    assert refused.content == door.get("/v1/models", Authorization="Bearer hearth_x").content
    Employee.objects.filter(pk=owner.pk).update(is_active=True)
    assert door.get("/v1/models", **authorization).status_code == 200
    key.delete()
    assert door.get("/v1/models", **authorization).status_code == 401


def test_a_stream_ends_with_its_owners_access(door: Door) -> None:
    """Within a second or two of the click, and the engine has its room back."""
    owner = Employee.objects.create_employee("carl@example.com", None, name="carl")
    door.keys["carl"] = ApiKey.objects.issue(owner, "test")[1]
    with client_of(door, "carl") as client:
        stream = babble(client)
        owner.deactivate()
        with pytest.raises(openai.APIError) as ended:
            for _chunk in stream:
                pass
    assert ended.value.code == "invalid_api_key"
    wait_until_only_bob_is_served(door)


def test_the_prompt_cache_is_parted_by_employee(door: Door) -> None:
    """What Alice asked makes nothing quicker for Bob, so he cannot find out what it was."""
    prompt = says("say: ok " + " ".join(f"secret{number}" for number in range(200)))

    def num_cached(name: str) -> int:
        with client_of(door, name) as client:
            usage = client.chat.completions.create(model=CHAT, messages=prompt, max_tokens=4).usage
        assert usage is not None
        assert usage.prompt_tokens_details is not None
        return usage.prompt_tokens_details.cached_tokens or 0

    num_cached("alice")
    assert num_cached("alice") > 100
    assert num_cached("bob") < 50


def test_a_caller_who_goes_away_frees_the_place(door: Door) -> None:
    """Closing a stream cancels the answer in the engine within a second, and opens the caller's place."""
    for _ in range(3):
        with client_of(door) as client:
            streams = [babble(client) for _ in range(4)]
            with pytest.raises(openai.RateLimitError) as refused:
                client.chat.completions.create(model=CHAT, messages=says("x"))
            assert refused.value.response.headers["retry-after"] == "1"
            assert refused.value.response.headers["retry-after-ms"] == "1000"
            for stream in streams:
                stream.close()
        wait_until_only_bob_is_served(door)


def test_a_caller_who_goes_away_from_a_whole_answer_frees_the_place(door: Door) -> None:
    """The same when the answer was to come in one piece."""
    with client_of(door, timeout=0.3) as client:
        for _ in range(5):
            with pytest.raises(openai.APITimeoutError):
                client.chat.completions.create(model=CHAT, messages=says("babble: 3000"))
    wait_until_only_bob_is_served(door)


def test_all_of_alices_places_leave_room_for_bob(door: Door) -> None:
    """Limits are per employee."""
    with client_of(door) as client:
        streams = [babble(client) for _ in range(4)]
        assert ask_bob(door) == "hi"
        for stream in streams:
            stream.close()
    wait_until_only_bob_is_served(door)


def babble(client: openai.OpenAI) -> openai.Stream[ChatCompletionChunk]:
    """A stream of half a minute that has begun."""
    stream = client.chat.completions.create(model=CHAT, messages=says("babble: 3000"), stream=True)
    next(iter(stream))
    return stream


def ask_bob(door: Door) -> str | None:
    with client_of(door, "bob") as client:
        return client.chat.completions.create(model=CHAT, messages=says("say: hi")).choices[0].message.content


def wait_until_only_bob_is_served(door: Door) -> None:
    """Bob's question makes the engine count anew what it works on."""
    deadline = time.monotonic() + 15
    while ask_bob(door) and door.num_running() > 1:
        assert time.monotonic() < deadline, "the engine still works for a caller who went away"
        time.sleep(0.05)


def test_a_full_minute_is_told_with_a_time(door: Door) -> None:
    """429 with both headers; the count is the employee's, whatever the key."""
    slot = f"limit:api.employee:{door.bob.pk}"
    valkey.client().set(slot, LIMITS["api.employee"].num_times, ex=30)
    try:
        with client_of(door, "bob") as client, pytest.raises(openai.RateLimitError) as refused:
            client.models.list()
        assert 1 <= int(refused.value.response.headers["retry-after"]) <= 30
        assert int(refused.value.response.headers["retry-after-ms"]) <= 30_000
    finally:
        valkey.client().delete(slot)


def test_the_first_byte_does_not_wait_for_the_last(door: Door) -> None:
    """Nothing on the way collects the stream: words arrive while others are still being made."""
    with client_of(door) as client, babble(client):
        assert door.num_running() >= 1
    wait_until_only_bob_is_served(door)


def test_a_key_cannot_be_used_for_cross_site_requests(door: Door) -> None:
    """No CORS header, ever: a page elsewhere cannot read an answer."""
    with httpx.Client(trust_env=False) as http:
        asked = http.options(
            f"{door.base_url}/chat/completions",
            headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"},
        )
        read = http.get(
            f"{door.base_url}/models",
            headers={"Origin": "https://evil.example", "Authorization": f"Bearer {door.keys['alice']}"},
        )
    assert asked.status_code == 405
    assert asked.headers["allow"] == "POST"
    for answer in (asked, read):
        assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("path", ["/responses", "/audio/speech", "/files", "/fine_tuning/jobs"])
def test_addresses_that_are_not_there(door: Door, path: str) -> None:
    """Said in the shape that the client understands."""
    answer = door.post(path, {"model": CHAT})
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "unknown_url"


@pytest.mark.thorough
def test_a_restart_lets_a_short_answer_end(transactional_db: None) -> None:
    """SIGTERM while a stream runs: it arrives whole, and the process ends by itself."""
    with (
        running_processes(HEARTH_FAKE_TOKENS_PER_SECOND="50") as processes,
        open_door(processes) as door,
        client_of(door) as client,
    ):
        stream = client.chat.completions.create(model=CHAT, messages=says("babble: 40"), stream=True)
        text = next(iter(stream)).choices[0].delta.content or ""
        processes.web.terminate()
        text += "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
        assert len(text.split()) == 40
        assert processes.web.wait(10) == 0


def test_without_the_inference_service_it_says_so(door_processes: Processes, transactional_db: None) -> None:
    """503 with a time to come back, and no address or exception name in it."""
    nobody = dataclasses.replace(door_processes.inference, url="http://127.0.0.1:1")
    with running_web(nobody) as processes, open_door(processes) as door, client_of(door) as client:
        with pytest.raises(openai.InternalServerError) as refused:
            client.chat.completions.create(model=CHAT, messages=says("x"))
        assert refused.value.status_code == 503
        assert refused.value.response.headers["retry-after"] == "5"
        assert refused.value.body == {
            "message": "The model cannot answer at the moment. Try again shortly.",
            "type": "server_error",
            "param": None,
            "code": "unreachable",
        }
        assert [model.id for model in client.models.list()]
