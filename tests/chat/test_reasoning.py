"""What a model thinks is kept apart from its answer: it survives kills like the answer, and nobody else reads it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async

from chat import exporting, sharing, thread_search, valkey
from chat.models import Employee, Message, Thread
from chat.turns import history
from tests.chat.browser import Tab, tab_of, text_of, working
from tests.chat.test_turns import start_worker
from tests.factories import browser_of, make_model, send_frame
from tests.inference.serve import RunningInference

pytestmark = pytest.mark.django_db(transaction=True)

THOUGHT = " ".join(f"thought{n}" for n in range(60))
ANSWER = "The quokka 🙂 it is."
QUESTION = f"think: {THOUGHT} say: {ANSWER}"


def thought_in(heard: Iterable[dict[str, Any]]) -> str:
    """As a page puts it together: each piece at its place."""
    text = ""
    for frame in heard:
        if frame["type"] == "answer.thought":
            text = text[: frame["start"]] + frame["text"]
    return text


async def ask(tab: Tab, question: str = QUESTION, **fields: Any) -> str:
    turn: str = (await tab.ask(send_frame(question, model="fake-think", **fields)))["turn"]["id"]
    return turn


async def begin(tab: Tab) -> tuple[str, list[dict[str, Any]]]:
    """Ask, and wait until the model thinks."""
    turn = await ask(tab)
    heard: list[dict[str, Any]] = []
    while not heard or heard[-1]["type"] != "answer.thought":
        frame = await tab.hear()
        if frame.get("turn") == turn:
            heard.append(frame)
    return turn, heard


def assert_whole(heard: list[dict[str, Any]]) -> None:
    """No event missing or twice, and both texts are what the last event vouches for."""
    assert [frame["seq"] for frame in heard] == list(range(1, len(heard) + 1))
    assert (thought_in(heard).strip(), text_of(heard)) == (THOUGHT, ANSWER)
    end = heard[-1]
    assert end["sha256"] == hashlib.sha256(ANSWER.encode()).hexdigest()
    proof = end["reasoning"]
    assert proof["sha256"] == hashlib.sha256(thought_in(heard).encode()).hexdigest()
    assert proof["num_chars"] == len(thought_in(heard))


async def test_reasoning_streams_and_is_stored_apart(alice: Employee, slow_inference: RunningInference) -> None:
    """Its events come before the answer's, with the seconds so far; the row keeps text, reasoning and time."""
    await sync_to_async(make_model)("fake-think")
    async with working(), tab_of(alice) as tab:
        turn = await ask(tab)
        heard = await tab.hear_answer(turn)
    assert_whole(heard)
    answer = await Message.objects.aget(written_by=turn)
    assert (answer.reasoning.strip(), answer.text) == (THOUGHT, ANSWER)
    assert answer.reasoning_seconds
    assert 0.3 < answer.reasoning_seconds < 30
    seconds = [frame["seconds"] for frame in heard if frame["type"] == "answer.thought"]
    assert seconds == sorted(seconds)


async def test_a_killed_workers_thinking_goes_on_to_the_byte(alice: Employee, slow_inference: RunningInference) -> None:
    """kill -9 in the middle of a thought: the next worker thinks the rest of it, without a gap or a repeat."""
    await sync_to_async(make_model)("fake-think")
    async with tab_of(alice) as tab:
        process = await asyncio.to_thread(start_worker)
        try:
            turn, heard = await begin(tab)
        finally:
            process.kill()
            await asyncio.to_thread(process.wait)
        async with working():
            heard += await tab.hear_answer(turn)
    assert_whole(heard)


async def test_thinking_goes_on_from_the_checkpoint_when_the_log_is_lost(
    alice: Employee, slow_inference: RunningInference
) -> None:
    """Valkey forgets and the worker leaves: who comes later gets one snapshot with both texts, whole."""
    await sync_to_async(make_model)("fake-think")
    async with tab_of(alice) as tab:
        async with working():
            turn, _ = await begin(tab)
        kept = await Message.objects.aget(written_by=turn)
        assert kept.reasoning
        assert not kept.text
        await sync_to_async(valkey.client().flushdb)()
    async with working(), tab_of(alice) as tab:
        await tab.say({"type": "turn.follow", "turn": turn, "after_seq": 0})
        while (frame := await tab.hear("answer.finished", "turn.snapshot")).get("status") == "running":
            pass
    assert frame
    answer = await Message.objects.aget(written_by=turn)
    assert (answer.reasoning.strip(), answer.text, answer.status) == (THOUGHT, ANSWER, "complete")


async def test_a_stopped_thought_can_be_gone_on_with(alice: Employee, slow_inference: RunningInference) -> None:
    await sync_to_async(make_model)("fake-think")
    async with working(), tab_of(alice) as tab:
        turn, _ = await begin(tab)
        await tab.say({"type": "turn.stop", "turn": turn})
        await tab.hear_answer(turn)
        answer = await Message.objects.aget(written_by=turn)
        assert (answer.status, answer.text) == ("stopped", "")
        frame = {"type": "answer.continue", "ref": "r2", "id": send_frame()["id"], "answer": str(answer.pk)}
        rest = (await tab.ask(frame))["turn"]["id"]
        assert_whole(await tab.hear_answer(rest))


async def test_reasoning_is_nobody_elses(alice: Employee, inference: RunningInference) -> None:
    """It is in the page and in the JSON file; in no history, no search, no share and no Markdown file."""
    await sync_to_async(make_model)("fake-think")
    async with working(), tab_of(alice) as tab:
        turn = await ask(tab)
        await tab.hear_answer(turn)
        thread = (await tab.ask(send_frame("say: ok", model="fake-think")))["thread"]["id"]
    answer = await Message.objects.select_related("thread").aget(written_by=turn)
    await sync_to_async(check_doors)(alice, answer)
    assert thread


def check_doors(alice: Employee, answer: Message) -> None:
    messages = list(Message.objects.filter(thread=answer.thread).in_order())
    follow_up = Message.objects.create(thread=answer.thread, parent=answer, role="user", text="And then?")
    assert [said.text for said in history.of(follow_up)] == [QUESTION, ANSWER]
    assert "thought3" in str(exporting.tree(answer.thread, messages)["messages"][1]["reasoning"])
    messages[0].text, answer.thread.title = "Which?", "Animals"
    assert "thought3" not in exporting.markdown(answer.thread, messages)
    assert "thought3" not in str(sharing.snapshot(messages))
    # The question itself says the thought to this model.
    Message.objects.filter(pk=messages[0].pk).update(text="Which?")
    Thread.objects.filter(pk=answer.thread_id).update(title="Animals")
    assert [hit.thread for hit in thread_search.search(alice, "quokka")] == [answer.thread]
    assert thread_search.search(alice, "thought3") == []
    browser = browser_of(alice)
    page = browser.get(f"/threads/{answer.thread_id}/", HTTP_ACCEPT="text/html").content.decode()
    assert "thought3" in page
    branch = browser.get(f"/threads/{answer.thread_id}/branch/").json()
    assert THOUGHT in branch["messages"][1]["reasoning"]


async def test_a_model_that_thinks_is_asked_for_titles_without_thinking(inference: RunningInference) -> None:
    """A title has 24 tokens: the parameter that says so is one that the service takes."""
    async with httpx.AsyncClient(
        base_url=inference.url, headers={"Authorization": f"Bearer {inference.secret}"}
    ) as http:
        body = {"model": "fake-think", "messages": [{"role": "user", "content": "Hi"}], "reasoning_effort": "none"}
        assert (await http.post("/v1/chat/completions", json=body)).status_code == 200
