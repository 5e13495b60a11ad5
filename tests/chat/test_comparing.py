"""One question to several models at once: asked once, answered side by side, one kept and nothing lost."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import Client

from chat import limits
from chat.models import Employee, Message, Thread, Turn
from chat.models.turn import FINISHED, QUEUED
from chat.turns import comparing, queue
from rag import search, spaces
from rag.search import SearchResult
from tests.chat.browser import LAST, Tab, tab_of, text_of, working
from tests.chat.test_followups import LONG_PAGES
from tests.chat.test_story import pdf, read
from tests.chat.test_turns import assert_whole, start_worker
from tests.factories import browser_of, make_document, make_model, make_thread, make_turn, send_frame
from tests.inference.serve import RunningInference

pytestmark = pytest.mark.django_db(transaction=True)

JSON = {"content_type": "application/json"}
BOTH = ["fake-chat", "fake-think"]


def make_models(*names: str) -> None:
    for n, name in enumerate(names or BOTH):
        make_model(name, is_default=n == 0, sort=n)


async def compare(tab: Tab, text: str, *models: str, **fields: Any) -> dict[str, Any]:
    accepted = await tab.ask(send_frame(text, compare=list(models or BOTH), **fields))
    assert accepted["type"] == "message.accepted", accepted
    return accepted


def turns_of(accepted: dict[str, Any]) -> list[str]:
    return [each["turn"]["id"] for each in (accepted, *accepted["beside"])]


def answers_of(accepted: dict[str, Any]) -> list[str]:
    return [each["answer"]["id"] for each in (accepted, *accepted["beside"])]


Heard = dict[str, list[dict[str, Any]]]


async def hear_all(tab: Tab, heard: Heard, kinds: tuple[str, ...] = LAST) -> None:
    """Add the events of each turn, until each has had one of these kinds."""
    while not all(any(frame["type"] in kinds for frame in each) for each in heard.values()):
        frame = await tab.hear()
        if frame.get("turn") in heard:
            heard[frame["turn"]].append(frame)


def nothing_of(accepted: dict[str, Any]) -> Heard:
    return {turn: [] for turn in turns_of(accepted)}


def branch_of(browser: Client, thread: str) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = browser.get(f"/threads/{thread}/branch/").json()["messages"]
    return messages


async def test_models_answer_side_by_side_until_one_is_kept(alice: Employee, slow_inference: RunningInference) -> None:
    """At the same time, each with a turn of its own; every device sees them beside each other until the choice."""
    await sync_to_async(make_models)()
    browser = await sync_to_async(browser_of)(alice)
    async with working(), tab_of(alice) as tab, tab_of(alice) as other:
        accepted = await compare(tab, "say: one two three four five six seven eight")
        heard = nothing_of(accepted)
        await hear_all(tab, heard)
        first, second = turns_of(accepted)
        assert [each["turn"]["model"] for each in (accepted, *accepted["beside"])] == BOTH
        assert text_of(heard[first]) == text_of(heard[second]) == "one two three four five six seven eight"
        rows = [turn async for turn in Turn.objects.order_by("created_at")]
        assert rows[1].started_at
        assert rows[0].finished_at
        assert rows[1].started_at < rows[0].finished_at, "they wait for each other"
        thread, answers = accepted["thread"]["id"], answers_of(accepted)
        messages = await sync_to_async(branch_of)(browser, thread)
        assert [m["id"] for m in messages] == [accepted["question"]["id"], answers[0]]
        assert [m["id"] for m in messages[1]["beside"]] == answers
        assert [m["model"] for m in messages[1]["beside"]] == BOTH
        await other.hear("branch.changed")
        kept = await sync_to_async(browser.put)(f"/threads/{thread}/branch/", {"message": answers[1]}, **JSON)
        assert (await other.hear("branch.changed"))["thread"] == thread
    shown = kept.json()["messages"][1]
    assert (shown["id"], shown["siblings"], shown["beside"]) == (answers[1], answers, [])
    assert (await sync_to_async(branch_of)(browser, thread))[1] == shown
    assert await Message.objects.filter(pk=answers[0], text__startswith="one two").aexists()


@pytest.mark.django_db
def test_answers_are_put_side_by_side_again(alice: Employee, alices_browser: Client) -> None:
    """After one was kept, as long as nothing follows it; another answer has no such place."""
    thread = make_thread(alice)
    question = Message.objects.create(thread=thread, role="user", text="Which?", is_undecided=True)
    ids = comparing.answer_ids(question.pk)[:3]
    for pk in ids:
        Message.objects.create(pk=pk, thread=thread, parent=question, role="assistant", text="x", status="complete")
    address = f"/threads/{thread.pk}/branch/"
    kept = alices_browser.put(address, {"message": str(ids[2])}, **JSON).json()["messages"]
    assert (kept[1]["id"], kept[1]["num_compared"], kept[1]["beside"]) == (str(ids[2]), 3, [])
    again = alices_browser.put(address, {"message": str(ids[2]), "beside": True}, **JSON).json()["messages"]
    assert [each["id"] for each in again[1]["beside"]] == [str(pk) for pk in ids]
    alices_browser.put(address, {"message": str(ids[1])}, **JSON)
    later = Message.objects.create(thread=thread, parent_id=ids[1], role="user", text="And then?")
    thread.show(later)
    refused = alices_browser.put(address, {"message": str(ids[1]), "beside": True}, **JSON)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "not_compared")
    assert [each["num_compared"] for each in branch_of(alices_browser, str(thread.pk))] == [0, 0, 0]


async def test_one_search_serves_all_who_answer(
    alice: Employee, inference: RunningInference, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fits into each model's context is its own; the documents are searched once, and each keeps its sources."""
    searched: list[str] = []

    def passages(question: str, **asked: Any) -> SearchResult:
        searched.append(question)
        time.sleep(0.3)
        return real(question, **asked)

    def begin() -> str:
        make_models()
        spaces.activate("fake-embed")
        document = make_document(alice, "Rules.pdf", pdf(LONG_PAGES))
        read(document)
        return str(document.pk)

    real = search.passages
    monkeypatch.setattr(search, "passages", passages)
    document = await sync_to_async(begin)()
    async with working(), tab_of(alice) as tab:
        accepted = await compare(tab, "say: What does rule number 12 say?", documents=[document])
        heard = nothing_of(accepted)
        await hear_all(tab, heard)
    found = [next(e for e in each if e["type"] == "sources.found")["sources"] for each in heard.values()]
    assert len(searched) == 1
    assert [source["quote"] for source in found[0]] == [source["quote"] for source in found[1]] != []
    assert {source["citation"] for source in found[0]}.isdisjoint(source["citation"] for source in found[1])


async def test_asked_twice_is_asked_once(alice: Employee) -> None:
    """The same frame gives the same set of answers: at once, twice at the same time, and after more were given."""
    await sync_to_async(make_models)()
    frame = send_frame("Hello", compare=BOTH)
    async with tab_of(alice) as tab, tab_of(alice) as other:
        accepted, same = await asyncio.gather(tab.ask(frame), other.ask(frame))
        assert turns_of(same) == turns_of(accepted)
        again = {"type": "answer.regenerate", "ref": "r2", "id": frame["ref"], "answer": accepted["answer"]["id"]}
        assert (await tab.ask(again | {"id": accepted["turn"]["id"], "model": None}))["type"] == "message.accepted"
        assert turns_of(await tab.ask(frame)) == turns_of(accepted)
    assert await Message.objects.filter(role="user").acount() == 1
    assert await Turn.objects.acount() == 3


async def test_the_page_shows_them_side_by_side_again(alice: Employee, inference: RunningInference) -> None:
    """A reload draws what another device began; without a script they stand there one after the other."""
    await sync_to_async(make_models)()
    async with working(), tab_of(alice) as tab:
        accepted = await compare(tab, "say: beside")
        await hear_all(tab, nothing_of(accepted))
    browser = await sync_to_async(browser_of)(alice)
    address = f"/threads/{accepted['thread']['id']}/"
    page = (await sync_to_async(browser.get)(address, headers={"accept": "text/html"})).content.decode()
    assert page.count("<answer-columns") == 1
    assert [f'data-message="{answer}"' in page for answer in answers_of(accepted)] == [True, True]


async def test_going_on_keeps_what_one_goes_on_from(alice: Employee, inference: RunningInference) -> None:
    """Without a word the first answer, which the thread shows, is the branch; its history has no other answer."""
    await sync_to_async(make_models)()
    browser = await sync_to_async(browser_of)(alice)
    async with working(), tab_of(alice) as tab:
        accepted = await compare(tab, "say: beside")
        thread = accepted["thread"]["id"]
        await hear_all(tab, nothing_of(accepted))
        following = await tab.ask(send_frame("say: on", thread=thread))
        await tab.hear_answer(following["turn"]["id"])
    messages = await sync_to_async(branch_of)(browser, thread)
    assert [m["id"] for m in messages][1] == answers_of(accepted)[0]
    assert [m["beside"] for m in messages] == [[], [], [], []]
    assert messages[1]["siblings"] == answers_of(accepted)


async def test_one_more_answer_ends_the_comparison(alice: Employee) -> None:
    """Answering again shows the new one; those that stood side by side are its branches."""
    await sync_to_async(make_models)()
    browser = await sync_to_async(browser_of)(alice)
    async with tab_of(alice) as tab:
        accepted = await compare(tab, "Hello")
        again = {"type": "answer.regenerate", "ref": "r2", "id": accepted["turn"]["id"], "model": "fake-think"}
        await tab.ask(again | {"answer": answers_of(accepted)[1]})
    last = (await sync_to_async(branch_of)(browser, accepted["thread"]["id"]))[-1]
    assert (last["id"], last["beside"]) == (again["id"], [])
    assert len(last["siblings"]) == 3


async def test_a_killed_workers_comparison_goes_on(alice: Employee, slow_inference: RunningInference) -> None:
    """kill -9 while both are written: both go on from their texts, and stay beside each other."""
    await sync_to_async(make_models)()
    words = " ".join(f"word{n}" for n in range(40))
    browser = await sync_to_async(browser_of)(alice)
    async with tab_of(alice) as tab:
        process = await asyncio.to_thread(start_worker)
        try:
            accepted = await compare(tab, f"say: {words}")
            heard = nothing_of(accepted)
            await hear_all(tab, heard, ("answer.extended",))
        finally:
            process.kill()
            await asyncio.to_thread(process.wait)
        async with working():
            await hear_all(tab, heard)
    for events in heard.values():
        assert_whole(events, words)
    rows = [turn async for turn in Turn.objects.all()]
    assert {(row.status, row.attempt) for row in rows} == {(FINISHED, 2)}
    assert len((await sync_to_async(branch_of)(browser, accepted["thread"]["id"]))[1]["beside"]) == 2


async def test_each_is_stopped_fails_and_goes_on_alone(alice: Employee, slow_inference: RunningInference) -> None:
    """A model whose file is gone fails in its own place; one is stopped and goes on there; no branch is chosen."""
    await sync_to_async(make_models)(*BOTH, "gone")
    browser = await sync_to_async(browser_of)(alice)
    words = " ".join(f"word{n}" for n in range(60))
    async with working(), tab_of(alice) as tab:
        accepted = await compare(tab, f"say: {words}", *BOTH, "gone")
        turns, answers = turns_of(accepted), answers_of(accepted)
        heard = nothing_of(accepted)
        await hear_all(tab, heard, ("answer.extended", "answer.failed"))
        await tab.say({"type": "turn.stop", "turn": turns[1]})
        await hear_all(tab, heard)
        assert [heard[turn][-1]["type"] for turn in turns] == ["answer.finished", "answer.finished", "answer.failed"]
        states = (await sync_to_async(branch_of)(browser, accepted["thread"]["id"]))[1]["beside"]
        assert [state["status"] for state in states] == ["complete", "stopped", "failed"]
        rest = {"type": "answer.continue", "ref": "r3", "id": accepted["question"]["id"], "answer": answers[1]}
        going_on = await tab.ask(rest)
        assert text_of(await tab.hear_answer(going_on["turn"]["id"])) == words
    messages = await sync_to_async(branch_of)(browser, accepted["thread"]["id"])
    assert [messages[1]["id"], *[m["id"] for m in messages[1]["beside"]]] == [answers[0], *answers]


@pytest.mark.parametrize(
    ("models", "code"),
    [
        (["fake-chat"], "bad_comparison"),
        (["fake-chat", "fake-chat"], "bad_comparison"),
        ([f"m{n}" for n in range(limits.MAX_COMPARED_MODELS + 1)], "bad_comparison"),
        (["fake-chat", "disabled"], "unknown_model"),
        (["fake-chat", "embedder"], "unknown_model"),
        (["fake-chat", 7], "bad_field"),
        ("fake-chat", "bad_field"),
    ],
)
async def test_what_cannot_be_compared_is_refused(alice: Employee, models: Any, code: str) -> None:
    """With a sentence, in the reader's language; nothing is stored, so that the text can be sent again."""
    await sync_to_async(make_models)()
    await sync_to_async(make_model)("disabled", is_enabled=False)
    await sync_to_async(make_model)("embedder", kind="embedding")
    async with tab_of(alice, language="de") as tab:
        refused = await tab.ask(send_frame(compare=models))
    assert (refused["type"], refused["code"]) == ("error", code)
    if code == "bad_comparison":
        assert refused["sentence"] == "2 bis 4 verschiedene Modelle können nebeneinander antworten."
    assert not await Thread.objects.aexists()


async def test_a_comparison_counts_as_many_answers(alice: Employee) -> None:
    """All of it fits under the limit of answers at once, or none of it is asked."""
    await sync_to_async(make_models)()

    def fill() -> None:
        for _ in range(limits.MAX_OPEN_TURNS_PER_EMPLOYEE - 1):
            make_turn(make_thread(alice))

    await sync_to_async(fill)()
    async with tab_of(alice) as tab:
        assert (await tab.ask(send_frame(compare=BOTH)))["code"] == "too_many_turns"
        assert (await tab.ask(send_frame()))["type"] == "message.accepted"


async def test_bob_reaches_nothing_of_it(alice: Employee, bob: Employee) -> None:
    """Neither by the question's id nor by those of the answers, which can be told from it."""
    await sync_to_async(make_models)()
    frame = send_frame("secret", compare=BOTH)
    async with tab_of(alice) as tab, tab_of(bob) as his:
        accepted = await tab.ask(frame)
        refused = await his.ask(frame)
        assert refused["code"] == "id_taken"
        for turn in turns_of(accepted):
            await his.say({"type": "turn.stop", "turn": turn})
            assert (await his.hear("error"))["code"] == "not_found"
    browser = await sync_to_async(browser_of)(bob)
    address = f"/threads/{accepted['thread']['id']}/branch/"
    assert (await sync_to_async(browser.put)(address, {"message": answers_of(accepted)[1]}, **JSON)).status_code == 404
    question = await Message.objects.aget(pk=accepted["question"]["id"])
    assert question.is_undecided


@pytest.mark.django_db
def test_a_waiting_comparison_is_taken_back_whole(alice: Employee, alices_browser: Client) -> None:
    """Until any of its models has begun."""
    thread = make_thread(alice)
    make_turn(thread, "First", status=FINISHED)
    waiting = make_turn(thread, "Second")
    other = Message.objects.create(thread=thread, parent=waiting.question, role="assistant", status="pending")
    turn = Turn.objects.create(thread=thread, question=waiting.question, answer=other, model_name="x", attempt=1)
    assert alices_browser.delete(f"/turns/{waiting.pk}/").status_code == 409
    Turn.objects.filter(pk=turn.pk).update(attempt=0)
    assert alices_browser.delete(f"/turns/{turn.pk}/").json() == {"text": "Second"}
    assert (Turn.objects.filter(status=QUEUED).count(), thread.messages.count()) == (0, 2)


@pytest.mark.django_db
def test_a_question_waits_for_the_answer_that_it_follows_alone(alice: Employee) -> None:
    """Whoever goes on from one of the answers does not wait for the others."""
    thread = make_thread(alice)
    first = make_turn(thread, "One", status=FINISHED)
    aside = Message.objects.create(thread=thread, parent=first.question, role="assistant", status="pending")
    slow = Turn.objects.create(thread=thread, question=first.question, answer=aside, model_name="x", status="running")
    on = Message.objects.create(thread=thread, parent=first.answer, role="user", text="Two")
    answer = Message.objects.create(thread=thread, parent=on, role="assistant", status="pending")
    turn = Turn.objects.create(thread=thread, question=on, answer=answer, model_name="x")
    Turn.objects.filter(pk=first.pk).update(status="running")
    assert queue.claim("w") is None
    Turn.objects.filter(pk=first.pk).update(status=FINISHED)
    claimed = queue.claim("w")
    assert claimed is not None
    assert claimed.pk == turn.pk
    assert Turn.objects.get(pk=slow.pk).status == "running"


def test_the_answers_of_a_comparison_have_steady_names() -> None:
    import uuid

    question = uuid.UUID(int=1)
    assert comparing.answer_ids(question) == comparing.answer_ids(question)
    assert len(set(comparing.answer_ids(question))) == limits.MAX_COMPARED_MODELS
