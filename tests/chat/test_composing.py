"""What the composer asks: whether a question will fit, and taking back one that waits."""

from __future__ import annotations

import uuid

import pytest
from asgiref.sync import sync_to_async
from django.test import Client

from chat import limits, prompts
from chat.models import Employee, Message, Thread, Turn
from chat.models.turn import FINISHED, RUNNING
from rag.models import Chunk, Document
from tests.chat.browser import tab_of, working
from tests.factories import make_document, make_model, make_thread, make_turn, send_frame
from tests.inference.serve import RunningInference

JSON = {"content_type": "application/json"}


@pytest.mark.django_db(transaction=True)
async def test_a_question_asked_meanwhile_is_answered_next(alice: Employee, slow_inference: RunningInference) -> None:
    """It is stored at once, waits without anybody's page, and its history holds the answer before it."""
    await sync_to_async(make_model)(is_default=True)
    async with tab_of(alice) as tab:
        first = await tab.ask(send_frame("say: one two three"))
        frame = send_frame("say: four", thread=first["thread"]["id"], parent=first["answer"]["id"])
        second = await tab.ask(frame)
        assert (await Turn.objects.aget(pk=second["turn"]["id"])).status == "queued"
        async with working():
            await tab.hear_answer(first["turn"]["id"])
            await tab.hear_answer(second["turn"]["id"])
    texts = [message.text async for message in Message.objects.order_by("created_at")]
    assert texts == ["say: one two three", "one two three", "say: four", "four"]


@pytest.mark.django_db
def test_a_waiting_question_is_taken_back(alice: Employee, alices_browser: Client) -> None:
    """As if it had never been sent: the branch ends where it did, and what was asked behind it moves up."""
    thread = make_thread(alice)
    running = make_turn(thread, "First", status=RUNNING)
    waiting, behind = make_turn(thread, "Second"), make_turn(thread, "Third")
    thread.show(behind.answer)
    answer = alices_browser.delete(f"/turns/{waiting.pk}/")
    assert (answer.status_code, answer.json()) == (200, {"text": "Second"})
    branch = alices_browser.get(f"/threads/{thread.id}/branch/").json()
    assert [m["text"] for m in branch["messages"] if m["role"] == "user"] == ["First", "Third"]
    assert alices_browser.delete(f"/turns/{behind.pk}/").status_code == 200
    assert Thread.objects.get(pk=thread.pk).tip_id == running.answer_id
    assert alices_browser.delete(f"/turns/{behind.pk}/").status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize("fields", [{"status": RUNNING}, {"status": FINISHED}, {"attempt": 1}])
def test_what_is_being_answered_is_not_taken_back(
    alice: Employee, alices_browser: Client, fields: dict[str, object]
) -> None:
    """Nothing of an answer is lost by a click that came too late."""
    thread = make_thread(alice)
    make_turn(thread, "First", status=FINISHED)
    turn = make_turn(thread, "Second", **fields)
    answer = alices_browser.delete(f"/turns/{turn.pk}/")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "already_answered")
    assert Message.objects.filter(pk=turn.question_id).exists()


@pytest.mark.django_db
def test_the_first_question_and_one_with_two_answers_stay(alice: Employee, alices_browser: Client) -> None:
    thread = make_thread(alice)
    first = make_turn(thread)
    assert alices_browser.delete(f"/turns/{first.pk}/").status_code == 409
    second = make_turn(thread)
    Message.objects.create(thread=thread, parent=second.question, role="assistant", text="Old")
    assert alices_browser.delete(f"/turns/{second.pk}/").status_code == 409


@pytest.mark.django_db
def test_what_is_typed_is_counted_with_what_was_said(
    alice: Employee, alices_browser: Client, inference: RunningInference
) -> None:
    """By the model's own count: more text, more history, instructions all take room."""
    make_model(context_length=4096)
    thread = make_thread(alice)

    def measured(text: str, thread: Thread | None = None, **fields: str) -> dict[str, int]:
        body = {"thread": str(thread.pk) if thread else None, "text": text, "model": "fake-chat"} | fields
        answer = alices_browser.post("/composer/measure/", body, **JSON)
        assert answer.status_code == 200, answer.content
        found: dict[str, int] = answer.json()
        return found

    short = measured("Hello", thread)
    assert (short["context_length"], short["room_tokens"], short["fits"]) == (4096, 3072, True)
    assert measured("Hello you there", thread)["num_tokens"] > short["num_tokens"]
    assert measured("Hello", system_prompt="Be brief.")["num_tokens"] > short["num_tokens"]
    make_turn(thread, "What?", answer="word " * 200, status=FINISHED, message_status="complete")
    assert measured("Hello", thread)["num_tokens"] > short["num_tokens"] + 200
    make_turn(thread, "More?", answer="word " * 2000, status=FINISHED, message_status="complete")
    assert measured("word " * 800, thread)["num_history_left_out"] == 4
    assert measured("word " * 3000, thread)["fits"] is False


def searchable(owner: Employee, num_chunks: int, num_tokens: int) -> Document:
    """A document of so many chunks of so many tokens each."""
    document = make_document(owner)
    version = document.newest_version
    for n in range(num_chunks):
        Chunk.objects.create(
            version=version, ordinal=n, page_first=0, page_last=0, spans=[], body="word", num_tokens=num_tokens
        )
    document.live_version, document.num_live_chunks = version, num_chunks
    document.save()
    return document


@pytest.mark.django_db
def test_what_documents_may_take_is_said_with_it(
    alice: Employee, bob: Employee, alices_browser: Client, inference: RunningInference
) -> None:
    """At most what is ever given to a model of them, less for a short one, nothing for those one may not read."""
    make_model(context_length=8192)
    long, short, hidden = searchable(alice, 30, 300), searchable(alice, 1, 300), searchable(bob, 1, 300)

    def most(**fields: object) -> int:
        body = {"thread": None, "text": "What does it say?", "model": "fake-chat"} | fields
        answer = alices_browser.post("/composer/measure/", body, **JSON)
        assert answer.status_code == 200, answer.content
        return int(answer.json()["most_source_tokens"])

    assert most() == 0
    assert most(documents=[str(hidden.pk)]) == 0
    assert most(documents=[str(long.pk)]) == most(asks_more=True) == prompts.MAX_SOURCES_TOKENS
    assert 300 < most(documents=[str(short.pk)]) < 800
    assert most(documents=[str(long.pk)], text="Summarise it") > prompts.MAX_SOURCES_TOKENS
    assert most(asks_more=True, text="word " * 5800) < 400


@pytest.mark.django_db
def test_bad_measures(alices_browser: Client, bob: Employee, monkeypatch: pytest.MonkeyPatch) -> None:
    make_model()
    body = {"thread": None, "text": "Hello", "model": "fake-chat"}
    for fields, status in (
        ({"model": "other"}, 400),
        ({"text": "x" * (limits.MAX_DRAFT_CHARS + 1)}, 400),
        ({"thread": str(make_thread(bob).pk)}, 404),
        ({"thread": str(uuid.uuid4())}, 404),
        ({"thread": "x"}, 400),
        ({"documents": [1]}, 400),
        ({"documents": ["x"]}, 404),
        ({"documents": [str(uuid.uuid4())] * (limits.MAX_DOCUMENTS_PER_THREAD + 1)}, 400),
        ({"asks_more": "yes"}, 400),
    ):
        assert alices_browser.post("/composer/measure/", body | fields, **JSON).status_code == status
    monkeypatch.setitem(limits.LIMITS, "measure.employee", limits.Limit(5, 60))
    assert alices_browser.post("/composer/measure/", body, **JSON).status_code == 429


@pytest.mark.django_db
def test_an_engine_that_is_away_is_no_mistake_of_the_writer(alices_browser: Client, settings: object) -> None:
    settings.HEARTH_INFERENCE_URL = "http://127.0.0.1:9"  # type: ignore[attr-defined]
    make_model()
    body = {"thread": None, "text": "Hello", "model": "fake-chat"}
    assert alices_browser.post("/composer/measure/", body, **JSON).status_code == 503
