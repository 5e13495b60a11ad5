"""Through the socket: asking, following, stopping, and what a stranger or a broken page may not do."""

from __future__ import annotations

import asyncio
import hashlib
import json
import uuid
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import Client

from chat import doorbell, limits
from chat.models import Employee, Message, Thread, Turn
from tests.chat.browser import cookie_of, socket_with, tab_of, text_of, working
from tests.factories import browser_of, make_model, make_thread, make_turn, send_frame
from tests.inference.serve import RunningInference

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_question_gets_its_answer_word_by_word(alice: Employee, inference: RunningInference) -> None:
    """The whole way: accepted after COMMIT, numbered events without a gap, and a last one that proves the text."""
    await sync_to_async(make_model)()
    async with working(), tab_of(alice) as tab:
        accepted = await tab.ask(send_frame("say: The budget is 4,000 euros."))
        assert accepted["thread"]["created"] is True
        assert accepted["thread"]["title"] == "say: The budget is 4,000 euros."
        heard = await tab.hear_answer(accepted["turn"]["id"])
    assert text_of(heard) == "The budget is 4,000 euros."
    assert [frame["seq"] for frame in heard] == list(range(1, len(heard) + 1))
    last = heard[-1]
    assert (last["reason"], last["num_chars"]) == ("stop", 26)
    assert last["sha256"] == hashlib.sha256(b"The budget is 4,000 euros.").hexdigest()
    answer = await Message.objects.aget(pk=accepted["answer"]["id"])
    assert (answer.text, answer.status, answer.model_name) == ("The budget is 4,000 euros.", "complete", "fake-chat")


async def test_the_same_message_sent_twice_is_one_message(alice: Employee) -> None:
    """A browser that heard no acknowledgement sends again, and gets the same ids."""
    await sync_to_async(make_model)()
    frame = send_frame("Once")
    async with tab_of(alice) as tab:
        first = await tab.ask(frame)
        second = await tab.ask(frame)
    assert first["turn"]["id"] == second["turn"]["id"]
    assert first["thread"]["id"] == second["thread"]["id"]
    assert await Turn.objects.acount() == 1


async def test_nobody_can_take_the_id_of_anothers_message(alice: Employee, bob: Employee) -> None:
    """Bob learns nothing from an id of Alice's, and changes nothing."""
    await sync_to_async(make_model)()
    frame = send_frame("Alice's secret")
    async with tab_of(alice) as hers, tab_of(bob) as his:
        await hers.ask(frame)
        refused = await his.ask(frame | {"text": "Bob's"})
    assert (refused["type"], refused["code"]) == ("error", "id_taken")
    assert "secret" not in json.dumps(refused)
    assert (await Message.objects.aget(pk=frame["id"])).text == "Alice's secret"


async def test_bob_cannot_follow_stop_or_write_into_alices_thread(alice: Employee, bob: Employee) -> None:
    """What is not his is not there; hers works beside it."""
    await sync_to_async(make_model)()
    thread = await sync_to_async(make_thread)(alice)
    turn = await sync_to_async(make_turn)(thread)
    follow, stop = (
        {"type": "turn.follow", "turn": str(turn.id), "after_seq": 0},
        {"type": "turn.stop", "turn": str(turn.id)},
    )
    async with tab_of(bob) as tab:
        for frame in (follow, stop, send_frame(thread=str(thread.id))):
            await tab.say(frame)
            assert (await tab.hear())["code"] == "not_found"
    await turn.arefresh_from_db()
    assert turn.stop_requested_at is None
    async with tab_of(alice) as tab:
        await tab.say(stop)
        await tab.say({"type": "ping"})
        assert (await tab.hear())["type"] == "pong"
    await turn.arefresh_from_db()
    assert turn.stop_requested_at is not None


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (send_frame(""), "empty"),
        (send_frame("   \n "), "empty"),
        (send_frame("x" * 32_001), "too_long"),
        (send_frame("x" * 1_000_000), "too_large"),
        (send_frame(surprise=1), "unknown_field"),
        (send_frame(id="7"), "bad_field"),
        (send_frame(documents=["7"]), "bad_field"),
        (send_frame(text=7), "bad_field"),
        (send_frame(model="unheard-of"), "unknown_model"),
        (send_frame(model="half a pair \ud800"), "unknown_model"),
        ({"type": "ping", "\ud800": 1}, "unknown_field"),
        (send_frame(documents=[str(uuid.uuid4())]), "unknown_document"),
        (send_frame(thread=str(uuid.uuid4())), "not_found"),
        ({"type": "turn.steal"}, "unknown_type"),
        ({"type": ["turn.follow"]}, "unknown_type"),
        ({"type": "ack", "turn": str(uuid.uuid4()), "seq": True}, "bad_field"),
        ({"type": "turn.follow", "turn": str(uuid.uuid4()), "after_seq": -1}, "bad_field"),
        ([], "not_json"),
    ],
)
async def test_bad_frames_are_answered_with_a_sentence(alice: Employee, frame: Any, code: str) -> None:
    """The socket lives on, nothing is stored, and the page knows which of its frames it was."""
    await sync_to_async(make_model)()
    async with tab_of(alice) as tab:
        await tab.say(frame)
        error = await tab.hear("error")
        assert error["code"] == code
        assert error["sentence"]
        if isinstance(frame, dict) and "ref" in frame:
            assert error["ref"] == "r1"
        await tab.say({"type": "ping"})
        assert (await tab.hear())["type"] == "pong"
    assert not await Message.objects.aexists()


async def test_text_that_is_no_json(alice: Employee) -> None:
    """Neither garbage nor endless nesting breaks the socket."""
    async with tab_of(alice) as tab:
        for text in ("{", "null", "[" * 5000, '{"type": "ping", "type": "steal"}'):
            await tab.say_text(text)
            assert (await tab.hear())["type"] == "error"


async def test_half_a_surrogate_pair_ends_no_socket(alice: Employee) -> None:
    """JSON can carry one and nothing else can: it comes back as what it is stored as."""
    await sync_to_async(make_model)()
    async with tab_of(alice) as tab:
        accepted = await tab.ask(send_frame("cut \ud83d", ref="\ud800"))
        refused = await tab.ask(send_frame("", ref="\ud800"))
    assert (accepted["ref"], accepted["question"]["text"]) == ("?", "cut ?")
    assert (refused["ref"], refused["code"]) == ("?", "empty")


async def test_too_many_frames_are_refused(alice: Employee) -> None:
    """Twenty a second; the twenty-first says so and the tab stays."""
    async with tab_of(alice) as tab:
        for _ in range(40):
            await tab.say({"type": "ping"})
        types = [(await tab.hear())["type"] for _ in range(40)]
    assert types.count("error") >= 15
    assert types.count("pong") >= 20


async def test_sentences_come_in_the_browsers_language(alice: Employee) -> None:
    """The language of the browser, unless the employee chose one."""
    async with tab_of(alice, language="de-AT,de;q=0.9,en;q=0.5") as tab:
        await tab.say(send_frame(""))
        german = (await tab.hear("error"))["sentence"]
    async with tab_of(alice, language="fr,en;q=0.5") as tab:
        await tab.say(send_frame(""))
        english = (await tab.hear("error"))["sentence"]
    assert english == "Write something first."
    assert german  # its catalogue is another test's business


async def test_nobody_without_a_session_gets_a_socket(alice: Employee) -> None:
    """No cookie, a forged one, a foreign origin, and somebody who was deactivated."""
    for cookie in ("", "x" * 32):
        connected, _ = await socket_with(cookie).connect()
        assert not connected
    cookie = await cookie_of(alice)
    connected, _ = await socket_with(cookie, origin="http://127.0.0.1:9999").connect()
    assert not connected
    connected, _ = await socket_with(cookie, origin="https://evil.example").connect()
    assert not connected
    await sync_to_async(alice.deactivate)()
    connected, _ = await socket_with(cookie).connect()
    assert not connected


async def test_there_is_one_address_for_sockets(alice: Employee) -> None:
    """Another one is refused like a stranger's, and is no failure of ours."""
    socket = socket_with(await cookie_of(alice))
    socket.scope["path"] = "/elsewhere/"
    assert await socket.connect() == (False, 1000)


async def test_deactivation_closes_open_sockets(alice: Employee, carol: Employee) -> None:
    """Within a second of Carol's click, in every tab."""
    admin = await sync_to_async(browser_of)(carol)
    async with tab_of(alice) as tab:
        await sync_to_async(admin.patch)(
            f"/manage/employees/{alice.pk}/", {"is_active": False}, content_type="application/json"
        )
        assert await tab.closed_with() == 4401


async def test_signing_out_closes_that_sessions_sockets(alice: Employee) -> None:
    """And leaves the employee's other browser alone."""
    browser = await sync_to_async(browser_of)(alice)
    cookie = browser.cookies["sid"].value
    async with tab_of(alice) as other, tab_of(alice, cookie=cookie) as tab:
        await sync_to_async(browser.post)("/signout/")
        assert await tab.closed_with() == 4401
        await other.say({"type": "ping"})
        assert (await other.hear())["type"] == "pong"


def let_time_pass(browser: Client, seconds: int) -> None:
    session = browser.session
    session["seen_at"] -= seconds
    session.save()


@pytest.mark.parametrize("words", ["a title", "an answer"])
async def test_a_tab_that_only_listens_hears_nothing_after_its_session(
    alice: Employee, slow_inference: RunningInference, words: str
) -> None:
    """Sixty minutes without a sign of life end it, and nobody rings for that."""
    await sync_to_async(make_model)()
    browser = await sync_to_async(browser_of)(alice)
    async with working(), tab_of(alice, cookie=browser.cookies["sid"].value) as tab:
        if words == "an answer":
            await tab.ask(send_frame("babble: 600"))
            await tab.hear("answer.extended")
        await sync_to_async(let_time_pass)(browser, 3600)
        await asyncio.sleep(1.1)
        if words == "a title":
            await sync_to_async(doorbell.thread_changed)(alice.pk, {"title": "Secret"})
            assert (await tab.next_output())["type"] == "websocket.close"
        else:
            assert await tab.closed_with() == 4401


async def test_one_employee_has_at_most_twenty_sockets(alice: Employee) -> None:
    """The twenty-first is accepted and closed with a code that the page understands."""
    cookie = await cookie_of(alice)
    sockets = [socket_with(cookie) for _ in range(21)]
    for socket in sockets[:20]:
        assert (await socket.connect())[0]
    async with tab_of(alice, cookie=cookie) as last:
        assert await last.closed_with() == 4429
    for socket in sockets[:20]:
        await socket.disconnect()
    async with tab_of(alice, cookie=cookie) as tab:
        await tab.say({"type": "ping"})
        assert (await tab.hear())["type"] == "pong"


async def test_a_change_in_one_tab_shows_in_the_other(alice: Employee, bob: Employee) -> None:
    """Rename, delete and undo ring in Alice's tabs and in nobody else's."""
    thread = await sync_to_async(make_thread)(alice)
    browser = await sync_to_async(browser_of)(alice)
    async with tab_of(alice) as hers, tab_of(bob) as his:
        await sync_to_async(browser.patch)(
            f"/threads/{thread.id}/", {"title": "Travel"}, content_type="application/json"
        )
        assert (await hers.hear())["thread"]["title"] == "Travel"
        await sync_to_async(browser.delete)(f"/threads/{thread.id}/")
        assert (await hers.hear())["thread"]["deleted"] is True
        await sync_to_async(browser.post)(f"/threads/{thread.id}/restoration/")
        assert (await hers.hear())["thread"]["deleted"] is False
        assert await his.hears_nothing()


async def test_questions_are_refused_while_no_model_is_enabled(alice: Employee) -> None:
    """With a sentence that says what to do; the thread is not made."""
    await sync_to_async(make_model)(is_enabled=False)
    async with tab_of(alice) as tab:
        assert (await tab.ask(send_frame()))["code"] == "no_model"
    assert not await Thread.objects.aexists()


async def test_an_old_socket_is_asked_to_come_back(alice: Employee, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a day; it works on meanwhile, and one that does not come back is closed after a minute."""
    monkeypatch.setattr(limits, "SOCKET_SECONDS", 0.0)
    monkeypatch.setattr(limits, "RENEWAL_SECONDS", 0.2)
    async with tab_of(alice) as tab:
        await tab.say({"type": "ping"})
        assert [(await tab.hear())["type"] for _ in range(2)] == ["pong", "reconnect"]
        await asyncio.sleep(0.3)
        await tab.say({"type": "ping"})
        assert (await tab.hear())["type"] == "pong"
        assert await tab.closed_with() == 1012


async def test_choosing_a_branch_in_one_tab_moves_the_others(alice: Employee) -> None:
    """They are told which thread, and ask for its branch."""
    thread = await sync_to_async(make_thread)(alice)
    turn = await sync_to_async(make_turn)(thread, answer="180 EUR", status="finished", message_status="complete")
    browser = await sync_to_async(browser_of)(alice)
    async with tab_of(alice) as tab:
        await sync_to_async(browser.put)(
            f"/threads/{thread.id}/branch/", {"message": str(turn.answer_id)}, content_type="application/json"
        )
        assert (await tab.hear("branch.changed"))["thread"] == str(thread.id)
