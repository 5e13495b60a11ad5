"""The message tree: edit, regenerate, continue, choose a branch, fork. Nothing is ever overwritten."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import Client

from chat.branches import Tree
from chat.models import Employee, Message, Thread, Turn
from chat.turns import history
from chat.views import branches
from tests.chat.browser import Tab, tab_of, text_of, working
from tests.factories import browser_of, make_document, make_model, make_thread, make_turn, send_frame
from tests.inference.serve import RunningInference

pytestmark = pytest.mark.django_db(transaction=True)
JSON = {"content_type": "application/json"}
WORDS = " ".join(f"word{n}" for n in range(40))


async def ask(tab: Tab, frame: dict[str, Any]) -> dict[str, Any]:
    """Ask and wait for the end of the answer."""
    accepted = await tab.ask(frame)
    assert accepted["type"] == "message.accepted", accepted
    await tab.hear_answer(accepted["turn"]["id"])
    return accepted


def again(answer: str, **fields: Any) -> dict[str, Any]:
    return {"type": "answer.regenerate", "ref": "r2", "id": str(uuid.uuid4()), "answer": answer, "model": None} | fields


def rest_of(answer: str) -> dict[str, Any]:
    return {"type": "answer.continue", "ref": "r3", "id": str(uuid.uuid4()), "answer": answer}


async def shown(browser: Client, thread: str) -> list[dict[str, Any]]:
    response = await sync_to_async(browser.get)(f"/threads/{thread}/branch/")
    messages: list[dict[str, Any]] = response.json()["messages"]
    return messages


async def test_an_edited_question_stands_beside_the_old_one(alice: Employee, inference: RunningInference) -> None:
    """Both have their own answers; the thread shows the new one, on every device, until the other is chosen."""
    await sync_to_async(make_model)()
    browser, other = await sync_to_async(browser_of)(alice), await sync_to_async(browser_of)(alice)
    async with working(), tab_of(alice) as tab:
        first = await ask(tab, send_frame("say: one"))
        thread, old = first["thread"]["id"], first["question"]["id"]
        second = await ask(tab, send_frame("say: two", thread=thread, edits=old))
    messages = await shown(browser, thread)
    assert [m["text"] for m in messages] == ["say: two", "two"]
    assert messages[0]["siblings"] == [old, second["question"]["id"]]
    chosen = await sync_to_async(browser.put)(f"/threads/{thread}/branch/", {"message": old}, **JSON)
    assert [m["text"] for m in chosen.json()["messages"]] == ["say: one", "one"]
    assert [m["text"] for m in await shown(other, thread)] == ["say: one", "one"]
    page = (await sync_to_async(other.get)(f"/threads/{thread}/", headers={"accept": "text/html"})).content.decode()
    assert "say: one" in page
    assert "say: two" not in page
    assert f'data-siblings="{old} {second["question"]["id"]}"' in page


async def test_an_answer_is_given_again_by_another_model(alice: Employee, inference: RunningInference) -> None:
    """The first one stays, the question is not asked twice, and the thread keeps its model."""
    await sync_to_async(make_model)(is_default=True)
    await sync_to_async(make_model)("fake-chat-2")
    async with working(), tab_of(alice) as tab:
        first = await ask(tab, send_frame("say: one"))
        frame = again(first["answer"]["id"], model="fake-chat-2")
        accepted = await tab.ask(frame)
        twice = await tab.ask(frame)
    assert (accepted["answer"]["id"], accepted["turn"]["model"]) == (frame["id"], "fake-chat-2")
    assert accepted["question"]["id"] == first["question"]["id"]
    assert twice["turn"]["id"] == accepted["turn"]["id"]
    texts = [m.text async for m in Message.objects.filter(role="assistant").order_by("created_at")]
    assert texts[0] == "one"
    thread = await Thread.objects.select_related("model").aget(pk=first["thread"]["id"])
    assert thread.model is not None
    assert thread.model.name == "fake-chat"


async def test_a_stopped_answer_goes_on_from_its_text(alice: Employee, slow_inference: RunningInference) -> None:
    """One answer in the end, the one that would have been; a reader who knows nothing gets all of it."""
    await sync_to_async(make_model)()
    async with working(), tab_of(alice) as tab, tab_of(alice) as late:
        accepted = await tab.ask(send_frame(f"say: {WORDS}"))
        await tab.hear("answer.extended")
        await tab.say({"type": "turn.stop", "turn": accepted["turn"]["id"]})
        await tab.hear_answer(accepted["turn"]["id"])
        answer = await Message.objects.aget(pk=accepted["answer"]["id"])
        assert 0 < len(answer.text) < len(WORDS)
        frame = rest_of(str(answer.pk))
        going_on = await tab.ask(frame)
        assert going_on["answer"]["id"] == str(answer.pk)
        await late.say({"type": "turn.follow", "turn": frame["id"], "after_seq": 0})
        heard, told = await tab.hear_answer(frame["id"]), await late.hear_answer(frame["id"])
    assert text_of(heard) == text_of(told) == WORDS
    assert heard[0] == {"type": "answer.extended", "text": answer.text, "start": 0, "turn": frame["id"], "seq": 1}
    await answer.arefresh_from_db()
    assert (answer.text, answer.status) == (WORDS, "complete")
    assert await Turn.objects.acount() == 2


async def test_a_whole_answer_has_no_rest(alice: Employee, inference: RunningInference) -> None:
    """Nor has one that is being written; and the rest is asked for once, however often the frame comes."""
    await sync_to_async(make_model)()
    async with working(), tab_of(alice) as tab:
        accepted = await ask(tab, send_frame("say: one"))
        assert (await tab.ask(rest_of(accepted["answer"]["id"])))["code"] == "nothing_to_continue"
    await Message.objects.filter(role="assistant").aupdate(status="failed", error_code="interrupted")
    frame = rest_of(accepted["answer"]["id"])
    async with tab_of(alice) as tab:
        assert (await tab.ask(frame))["turn"]["id"] == frame["id"]
        assert (await tab.ask(frame))["turn"]["id"] == frame["id"]
        assert (await tab.ask(rest_of(accepted["answer"]["id"])))["code"] == "nothing_to_continue"


async def test_what_was_asked_elsewhere_is_told_to_every_tab_of_the_employee(alice: Employee, bob: Employee) -> None:
    """Only that something changed: the tab asks for the branch, with its own rights."""
    await sync_to_async(make_model)()
    async with tab_of(alice) as tab, tab_of(alice) as other, tab_of(bob) as his:
        accepted = await tab.ask(send_frame("secret"))
        heard = await other.hear("branch.changed")
        assert heard == {"type": "branch.changed", "thread": accepted["thread"]["id"], "ref": "r1"}
        assert await his.hears_nothing()
    browser = await sync_to_async(browser_of)(alice)
    branch = (await sync_to_async(browser.get)(f"/threads/{accepted['thread']['id']}/branch/")).json()
    assert branch["turns"] == [{"id": accepted["turn"]["id"], "answer": accepted["answer"]["id"]}]


async def test_parents_and_edits_are_of_the_thread(alice: Employee) -> None:
    """A message of another thread, though it is one's own, is missing here."""
    await sync_to_async(make_model)()
    turn = await sync_to_async(lambda: make_turn(make_thread(alice)))()
    thread = await sync_to_async(make_thread)(alice)
    async with tab_of(alice) as tab:
        for place in ({"parent": str(turn.answer_id)}, {"edits": str(turn.question_id)}):
            assert (await tab.ask(send_frame(thread=str(thread.id), **place)))["code"] == "not_found"
        wrong = send_frame(thread=str(turn.thread_id), edits=str(turn.answer_id))
        assert (await tab.ask(wrong))["code"] == "not_found"


@pytest.mark.django_db
def test_history_follows_the_branch(alice: Employee) -> None:
    """What stands on another branch is not told to the model, and an empty answer does not end the history."""
    thread = make_thread(alice)
    first = make_turn(thread, "one", "1", message_status="complete")
    make_turn(thread, "lost", "", message_status="failed")
    aside = Message.objects.create(thread=thread, parent=first.answer, role="user", text="aside")
    last = make_turn(thread, "three")
    assert last.question.parent == aside
    last.question.parent = Message.objects.get(text="", status="failed")
    assert [said.text for said in history.of(last.question)] == ["one", "1"]
    last.question.parent = first.answer
    assert [said.text for said in history.of(last.question)] == ["one", "1"]


@pytest.mark.django_db
def test_a_fork_goes_its_own_way(alice: Employee, alices_browser: Client) -> None:
    """With copies of what was said, documents and all; the old thread stays as it is."""
    thread = make_thread(alice, "Travel")
    thread.documents.add(make_document(alice))
    make_turn(thread, "one", "1", message_status="complete", status="finished")
    second = make_turn(thread, "two", "2", message_status="complete", status="finished")
    url = f"/threads/{thread.id}/forks/"
    forked = alices_browser.post(url, {"message": str(second.answer_id)}, **JSON).json()
    copy = Thread.objects.get(pk=forked["thread"]["id"])
    rows = list(copy.messages.order_by("created_at"))
    assert [row.text for row in rows] == ["one", "1", "two", "2"]
    assert [row.parent for row in rows] == [None, *rows[:-1]]
    assert (copy.title, copy.documents.count(), forked["draft"]) == ("Travel", 1, "")
    asked_anew = alices_browser.post(url, {"message": str(second.question_id)}, **JSON).json()
    assert asked_anew["draft"] == "two"
    assert Message.objects.filter(thread=asked_anew["thread"]["id"]).count() == 2
    assert thread.messages.count() == 4


@pytest.mark.django_db
@pytest.mark.parametrize("view", ["branches", "threads"])
def test_an_answer_that_ends_while_the_branch_is_read_is_followed(
    alice: Employee, alices_browser: Client, monkeypatch: pytest.MonkeyPatch, view: str
) -> None:
    """Whoever was told that it is being written is told where it ends: no page waits for ever."""
    thread = make_thread(alice)
    turn = make_turn(thread, status="running")
    newest = branches.newest

    def ends_meanwhile(*args: Any, **places: Any) -> branches.Stretch:
        stretch = newest(*args, **places)
        Turn.objects.filter(pk=turn.pk).update(status="finished")
        return stretch

    monkeypatch.setattr(f"chat.views.{view}.newest", ends_meanwhile)
    page = alices_browser.get(f"/threads/{thread.id}/{'branch/' if view == 'branches' else ''}")
    assert f'"id": "{turn.pk}"' in page.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("message", ["", "7", 7, None])
def test_a_branch_is_chosen_by_a_message(alice: Employee, alices_browser: Client, message: Any) -> None:
    thread = make_thread(alice)
    assert alices_browser.put(f"/threads/{thread.id}/branch/", {"message": message}, **JSON).status_code == 400
    stranger = str(make_turn(make_thread(alice)).answer_id)
    assert alices_browser.put(f"/threads/{thread.id}/branch/", {"message": stranger}, **JSON).status_code == 404


def test_the_shown_branch() -> None:
    """Through the tip to the newest end below it; siblings in the order in which they were made."""
    ids = [uuid.UUID(int=n) for n in range(7)]
    parents = [None, 0, 1, 2, 1, 4, None]
    tree = Tree((node, None if parent is None else ids[parent]) for node, parent in zip(ids, parents, strict=True))

    def branch(tip: int | None) -> list[int]:
        return [node.int for node in tree.branch(None if tip is None else ids[tip])]

    assert branch(None) == [6]
    assert branch(3) == [0, 1, 2, 3]
    assert branch(0) == [0, 1, 4, 5]
    assert branch(1) == [0, 1, 4, 5]
    assert [node.int for node in tree.siblings(ids[2])] == [2, 4]
    assert [node.int for node in tree.siblings(ids[0])] == [0, 6]
    assert Tree([]).branch(None) == []
