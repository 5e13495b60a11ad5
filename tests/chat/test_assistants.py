"""Assistants and the settings of threads: made, shared, chosen, copied, and what of them reaches the model."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import Client

from chat import limits
from chat.models import Assistant, Employee, Message, ServedModel, Thread
from chat.turns import answering
from inference import wire
from rag import principals
from rag.models import Membership, Principal
from tests.chat.browser import tab_of, working
from tests.factories import browser_of, make_employee, make_model, make_thread, send_frame
from tests.inference.serve import RunningInference

JSON = {"content_type": "application/json"}
LETTERS = {"name": "Letters", "system_prompt": "Write letters.", "temperature": 0.7, "top_p": 0.9, "max_tokens": 300}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[wire.ChatRequest]:
    """What the engine is asked for."""
    requests: list[wire.ChatRequest] = []
    stream = answering.Answering._stream

    async def listening(self: Any, request: wire.ChatRequest) -> answering.Outcome:
        requests.append(request)
        return await stream(self, request)

    monkeypatch.setattr(answering.Answering, "_stream", listening)
    return requests


@pytest.mark.django_db
def test_an_assistant_from_its_making_to_its_end(alice: Employee, alices_browser: Client) -> None:
    """Its threads keep its name and settings when it is changed, and when it is gone."""
    make_model()
    made = alices_browser.post("/assistants/", LETTERS | {"model": "fake-chat", "description": "For customers"}, **JSON)
    assert made.status_code == 201
    assistant = made.json()["assistant"]
    assert (assistant["model"], assistant["temperature"], assistant["is_own"]) == ("fake-chat", 0.7, True)
    thread = make_thread(alice)
    chosen = alices_browser.patch(f"/threads/{thread.id}/", {"assistant": assistant["id"]}, **JSON).json()
    assert chosen["settings"]["assistant"]["name"] == "Letters"
    assert (chosen["settings"]["system_prompt"], chosen["model"]) == ("Write letters.", "fake-chat")
    alices_browser.patch(f"/assistants/{assistant['id']}/", {"system_prompt": "Write poems.", "top_p": None}, **JSON)
    assert [a["system_prompt"] for a in alices_browser.get("/assistants/").json()["assistants"]] == ["Write poems."]
    thread.refresh_from_db()
    assert (thread.system_prompt, thread.top_p) == ("Write letters.", 0.9)
    assert alices_browser.delete(f"/assistants/{assistant['id']}/").status_code == 204
    thread.refresh_from_db()
    assert (thread.instructions, thread.assistant_name, thread.assistant_id) == ("Write letters.", "Letters", None)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"name": " "}, "empty_title"),
        ({"description": "x" * 201}, "description_too_long"),
        ({"model": "never-heard-of"}, "unknown_model"),
        ({"temperature": 2.1}, "out_of_range"),
        ({"temperature": -0.1}, "out_of_range"),
        ({"temperature": True}, "bad_field"),
        ({"temperature": "1"}, "bad_field"),
        ({"top_p": 0}, "out_of_range"),
        ({"max_tokens": 0}, "out_of_range"),
        ({"max_tokens": 1.5}, "bad_field"),
        ({"max_tokens": 10**9}, "out_of_range"),
        ({"system_prompt": "a\x00"}, "bad_field"),
        ({"system_prompt": "x" * 8001}, "instructions_too_long"),
        ({"shared_with": 2**31 - 1}, "unknown_audience"),
        ({"shared_with": 10**30}, "unknown_audience"),
    ],
)
def test_bad_assistants(alices_browser: Client, fields: dict[str, Any], code: str) -> None:
    """Nothing is made, and the sentence says what is wrong."""
    answer = alices_browser.post("/assistants/", LETTERS | fields, **JSON)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    assert not Assistant.objects.exists()


@pytest.mark.django_db
def test_numbers_that_json_does_not_know(alices_browser: Client) -> None:
    """Python reads NaN; nobody answers with it."""
    answer = alices_browser.generic("POST", "/assistants/", '{"name": "x", "temperature": NaN}', "application/json")
    assert answer.status_code == 400


@pytest.mark.django_db
def test_not_endlessly_many(alice: Employee, alices_browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_ASSISTANTS_PER_EMPLOYEE", 1)
    Assistant.objects.create(owner=alice, name="Only")
    assert alices_browser.post("/assistants/", LETTERS, **JSON).status_code == 429


@pytest.mark.django_db
def test_shared_with_everybody(alice: Employee, alices_browser: Client, bobs_browser: Client) -> None:
    """Bob sees whose it is and uses it; he changes nothing, and after the sharing ends it is not there for him."""
    everyone = principals.everybody().pk
    made = alices_browser.post("/assistants/", LETTERS | {"shared_with": everyone}, **JSON).json()["assistant"]
    (seen,) = bobs_browser.get("/assistants/").json()["assistants"]
    assert (seen["owner"], seen["is_own"], seen["shared_with"]) == ("Alice Example", False, None)
    path = f"/assistants/{made['id']}/"
    assert bobs_browser.patch(path, {"name": "Mine"}, **JSON).status_code == 404
    assert bobs_browser.delete(path).status_code == 404
    alices_browser.patch(path, {"shared_with": None}, **JSON)
    assert bobs_browser.get("/assistants/").json()["assistants"] == []


@pytest.mark.django_db
def test_shared_with_a_group(alice: Employee, bob: Employee, alices_browser: Client, bobs_browser: Client) -> None:
    """Its members see it, others do not, and nobody shares with a group that they are not in."""
    group = Principal.objects.create(kind=Principal.Kind.GROUP, name="Sales")
    refused = alices_browser.post("/assistants/", LETTERS | {"shared_with": group.pk}, **JSON)
    assert refused.json()["error"]["code"] == "unknown_audience"
    Membership.objects.create(employee_id=alice.pk, principal=group)
    assert alices_browser.post("/assistants/", LETTERS | {"shared_with": group.pk}, **JSON).status_code == 201
    assert bobs_browser.get("/assistants/").json()["assistants"] == []
    Membership.objects.create(employee_id=bob.pk, principal=group)
    assert len(bobs_browser.get("/assistants/").json()["assistants"]) == 1


@pytest.mark.django_db
def test_a_thread_takes_no_assistant_that_is_not_shared(alice: Employee, bob: Employee, alices_browser: Client) -> None:
    """By its page, by its address, by a change: somebody else's assistant is missing."""
    foreign = Assistant.objects.create(owner=bob, name="Bob's secret", system_prompt="Secret")
    thread = make_thread(alice)
    assert alices_browser.patch(f"/threads/{thread.id}/", {"assistant": str(foreign.pk)}, **JSON).status_code == 404
    page = alices_browser.get(f"/?assistant={foreign.pk}", HTTP_ACCEPT="text/html")
    assert page.status_code == 200
    assert "Bob's secret" not in page.content.decode()


@pytest.mark.django_db
def test_settings_of_a_thread(alice: Employee, alices_browser: Client) -> None:
    """All at once; what is not named is unset; a wrong one changes nothing."""
    thread = make_thread(alice)
    path = f"/threads/{thread.id}/"
    alices_browser.patch(path, {"settings": {"temperature": 1, "system_prompt": "Be brief."}}, **JSON)
    answer = alices_browser.patch(path, {"settings": {"temperature": 9}}, **JSON)
    assert (answer.status_code, answer.json()["error"]["sentence"]) == (400, "The temperature lies between 0 and 2.")
    assert Thread.objects.get(pk=thread.pk).answer_settings.summary() == {
        "system_prompt": "Be brief.",
        "temperature": 1.0,
        "top_p": None,
        "max_tokens": None,
    }
    assert alices_browser.patch(path, {"settings": {"owner": 1}}, **JSON).json()["error"]["code"] == "unknown_field"


@pytest.mark.django_db(transaction=True)
async def test_an_assistant_answers(
    alice: Employee, inference: RunningInference, asked: list[wire.ChatRequest]
) -> None:
    """Instructions, temperature, top-p and length reach the engine, of a thread begun with it; its model answers."""
    await sync_to_async(make_model)("other", is_default=True)
    model = await sync_to_async(make_model)()
    values = {name: value for name, value in LETTERS.items() if name != "name"}
    assistant = await Assistant.objects.acreate(owner=alice, name="Letters", model=model, **values)
    async with tab_of(alice) as tab, working():
        accepted = await tab.ask(send_frame("say: Dear", assistant=str(assistant.pk)))
        await tab.hear_answer(accepted["turn"]["id"])
    (request,) = asked
    assert "Write letters." in request.messages[0]["content"]
    assert (request.model, request.temperature, request.top_p, request.max_tokens) == ("fake-chat", 0.7, 0.9, 300)
    # Nobody else's prompt may be read from the memory of this one.
    assert request.num_public_messages == 0


@pytest.mark.django_db(transaction=True)
async def test_settings_of_a_new_thread_stand_instead_of_the_assistants(
    alice: Employee, inference: RunningInference, asked: list[wire.ChatRequest]
) -> None:
    """What a person changed before the first question counts from the first answer on."""
    await sync_to_async(make_model)(is_default=True)
    assistant = await Assistant.objects.acreate(owner=alice, name="Letters", temperature=0.7)
    async with tab_of(alice) as tab, working():
        frame = send_frame("say: Dear", assistant=str(assistant.pk), settings={"max_tokens": 5})
        accepted = await tab.ask(frame)
        await tab.hear_answer(accepted["turn"]["id"])
    assert (asked[0].temperature, asked[0].max_tokens) == (None, 5)
    assert (await Thread.objects.aget(pk=accepted["thread"]["id"])).assistant_name == "Letters"


@pytest.mark.django_db(transaction=True)
async def test_bad_settings_of_a_new_thread_are_refused(alice: Employee) -> None:
    await sync_to_async(make_model)(is_default=True)
    async with tab_of(alice) as tab:
        await tab.say(send_frame(settings={"temperature": 3}))
        frame = await tab.hear()
    assert (frame["type"], frame["code"], frame["ref"]) == ("error", "out_of_range", "r1")
    assert not await Message.objects.aexists()


@pytest.mark.django_db(transaction=True)
async def test_one_message_with_another_model(alice: Employee, inference: RunningInference) -> None:
    """The thread keeps its own model; only this answer is the other's."""
    await sync_to_async(make_model)(is_default=True)
    await sync_to_async(make_model)("other")
    async with tab_of(alice) as tab:
        accepted = await tab.ask(send_frame("Hello", model="fake-chat", model_once="other"))
    assert accepted["turn"]["model"] == "other"
    thread = await Thread.objects.select_related("model").aget(pk=accepted["thread"]["id"])
    assert thread.model is not None
    assert thread.model.name == "fake-chat"
    assert await ServedModel.objects.acount() == 2


@pytest.mark.django_db
def test_a_fork_keeps_the_settings(alice: Employee, alices_browser: Client) -> None:
    thread = make_thread(alice, temperature=0.3, assistant_name="Letters")
    question = Message.objects.create(thread=thread, role="user", text="Hello")
    forked = alices_browser.post(f"/threads/{thread.id}/forks/", {"message": str(question.pk)}, **JSON).json()
    copy = Thread.objects.get(pk=forked["thread"]["id"])
    assert (copy.temperature, copy.assistant_name) == (0.3, "Letters")


@pytest.mark.django_db
def test_a_colleague_who_left_takes_nothing_away(bob: Employee) -> None:
    """What they shared stays; they themselves see nothing more."""
    gone = make_employee("gone@example.com")
    Assistant.objects.create(owner=gone, name="Letters", shared_with=principals.everybody())
    gone.deactivate()
    assert len(browser_of(bob).get("/assistants/").json()["assistants"]) == 1
    assert not Assistant.objects.for_employee(gone).exists()
