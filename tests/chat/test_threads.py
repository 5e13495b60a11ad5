"""Threads over HTTP: list, rename, model, trash and undo, documents."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.test import Client

from chat import limits
from chat.errors import Conflict
from chat.models import Employee
from chat.models.thread import FROM_MODEL, first_words
from chat.turns import asking
from tests.factories import EMPTY_PDF, make_document, make_model, make_thread

pytestmark = pytest.mark.django_db

JSON = {"content_type": "application/json"}


def test_the_list_is_newest_first(alice: Employee, alices_browser: Client) -> None:
    make_thread(alice, "Old")
    new = make_thread(alice, "New")
    new.touch()
    assert [row["title"] for row in alices_browser.get("/threads/").json()["threads"]] == ["New", "Old"]


def test_rename(alice: Employee, alices_browser: Client) -> None:
    """One line; and the model's title that comes later does not undo it."""
    thread = make_thread(alice, "say hello")
    answer = alices_browser.patch(f"/threads/{thread.id}/", {"title": "  Travel\n costs "}, **JSON)
    assert answer.json()["thread"]["title"] == "Travel costs"
    assert thread.rename("Hello", FROM_MODEL) is False
    thread.refresh_from_db()
    assert thread.title == "Travel costs"


@pytest.mark.parametrize("title", ["", "  ", "x" * 121, 7, None, "a\x00b", "a\ud800b"])
def test_bad_titles(alice: Employee, alices_browser: Client, title: Any) -> None:
    thread = make_thread(alice, "Kept")
    answer = alices_browser.patch(f"/threads/{thread.id}/", {"title": title}, **JSON)
    assert answer.status_code == 400
    assert answer.json()["error"]["sentence"]
    thread.refresh_from_db()
    assert thread.title == "Kept"


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"x"', b"\xff\xfe", b"[" * 100_000])
def test_bodies_that_are_no_object(alice: Employee, alices_browser: Client, body: bytes) -> None:
    thread = make_thread(alice)
    answer = alices_browser.generic("PATCH", f"/threads/{thread.id}/", body, "application/json")
    assert answer.status_code == (200 if body == b"" else 400)


def test_choosing_a_model(alice: Employee, alices_browser: Client) -> None:
    """Only one that is enabled; a refused model changes the title neither."""
    make_model("good")
    make_model("off", is_enabled=False)
    thread = make_thread(alice, "Kept")
    assert alices_browser.patch(f"/threads/{thread.id}/", {"model": "good"}, **JSON).status_code == 200
    answer = alices_browser.patch(f"/threads/{thread.id}/", {"title": "New", "model": "off"}, **JSON)
    assert answer.json()["error"]["code"] == "unknown_model"
    thread.refresh_from_db()
    assert (thread.title, thread.model.name if thread.model else "") == ("Kept", "good")


def test_delete_and_undo(alice: Employee, alices_browser: Client) -> None:
    """A deleted thread is missing everywhere until it is restored."""
    thread = make_thread(alice)
    url = f"/threads/{thread.id}/"
    assert alices_browser.delete(url).json()["thread"]["deleted"] is True
    assert alices_browser.get(url).status_code == 404
    assert alices_browser.patch(url, {"title": "x"}, **JSON).status_code == 404
    assert alices_browser.get("/threads/").json()["threads"] == []
    assert alices_browser.post(f"{url}restoration/").json()["thread"]["deleted"] is False
    assert alices_browser.get(url).status_code == 200


def test_documents_are_attached_once_and_detached(alice: Employee, alices_browser: Client) -> None:
    thread, document = make_thread(alice), make_document(alice)
    url = f"/threads/{thread.id}/documents/{document.pk}/"
    assert alices_browser.put(url).json()["document"]["title"] == "Travel policy"
    assert alices_browser.put(url).status_code == 200
    assert list(thread.documents.all()) == [document]
    assert alices_browser.delete(url).status_code == 204
    assert alices_browser.delete(url).status_code == 404


def test_a_thread_has_a_bounded_number_of_documents(
    alice: Employee, alices_browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever way they come: attached, uploaded into it, or sent along with a question."""
    monkeypatch.setattr(limits, "MAX_DOCUMENTS_PER_THREAD", 1)
    make_model()
    thread = make_thread(alice)
    first, second = make_document(alice), make_document(alice)
    url = f"/threads/{thread.id}/documents"
    assert alices_browser.put(f"{url}/{first.pk}/").status_code == 200
    assert alices_browser.put(f"{url}/{first.pk}/").status_code == 200
    assert alices_browser.put(f"{url}/{second.pk}/").json()["error"]["code"] == "too_many_documents"
    question = asking.Question(uuid.uuid4(), thread.id, "Hello", document_ids=(second.pk,))
    with pytest.raises(Conflict):
        asking.send(alice, question)
    begun = {"name": "a.pdf", "size_bytes": len(EMPTY_PDF), "thread": str(thread.id)}
    upload = alices_browser.post("/documents/", begun, **JSON).json()["upload"]
    piece = {"content_type": "application/octet-stream", "headers": {"Upload-Offset": "0"}}
    assert alices_browser.patch(upload["url"], EMPTY_PDF, **piece).status_code == 409
    assert list(thread.documents.all()) == [first]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("How much is a hotel?", "How much is a hotel?"),
        ("  two\n lines ", "two lines"),
        ("word " * 30, ("word " * 12).strip()),
        ("x" * 200, "x" * 60),
    ],
)
def test_the_first_title_is_the_questions_first_words(text: str, title: str) -> None:
    assert first_words(text) == title
