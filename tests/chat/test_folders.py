"""Folders and tags: made, named, filled, emptied; instructions that reach the model."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.test import Client

from chat import limits
from chat.models import Employee, Folder, Thread
from tests.factories import make_thread

pytestmark = pytest.mark.django_db

JSON = {"content_type": "application/json"}


def test_a_folder_from_its_making_to_its_end(alice: Employee, alices_browser: Client) -> None:
    """Its threads outlive it."""
    made = alices_browser.post("/folders/", {"name": " Travel  costs ", "instructions": "Use EUR."}, **JSON)
    folder = made.json()["folder"]
    assert (made.status_code, folder["name"], folder["instructions"]) == (201, "Travel costs", "Use EUR.")
    thread = make_thread(alice)
    put = alices_browser.patch(f"/threads/{thread.id}/", {"folder": folder["id"]}, **JSON)
    assert put.json()["thread"]["folder"] == folder["id"]
    alices_browser.patch(f"/folders/{folder['id']}/", {"name": "Trips"}, **JSON)
    assert [f["name"] for f in alices_browser.get("/folders/").json()["folders"]] == ["Trips"]
    assert alices_browser.delete(f"/folders/{folder['id']}/").status_code == 204
    thread.refresh_from_db()
    assert thread.folder_id is None


def test_a_thread_goes_only_into_a_folder_of_its_owner(alice: Employee, bob: Employee, alices_browser: Client) -> None:
    """Somebody else's folder is missing, as one that never was; and nothing else of the body happens."""
    thread = make_thread(alice, "Kept")
    for folder_id in (Folder.make(bob, "Bob's").pk, uuid.uuid4()):
        answer = alices_browser.patch(f"/threads/{thread.id}/", {"title": "New", "folder": str(folder_id)}, **JSON)
        assert answer.status_code == 404
    thread.refresh_from_db()
    assert (thread.folder_id, thread.title) == (None, "Kept")


def test_out_of_a_folder(alice: Employee, alices_browser: Client) -> None:
    thread = make_thread(alice, folder=Folder.make(alice, "Plans"))
    assert alices_browser.patch(f"/threads/{thread.id}/", {"folder": None}, **JSON).json()["thread"]["folder"] is None


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": "  "}, "empty_title"),
        ({"name": "x" * 61}, "title_too_long"),
        ({}, "bad_field"),
        ({"name": "Plans", "instructions": "x" * (limits.MAX_INSTRUCTIONS_CHARS + 1)}, "instructions_too_long"),
    ],
)
def test_bad_folders(alices_browser: Client, body: dict[str, Any], code: str) -> None:
    answer = alices_browser.post("/folders/", body, **JSON)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


def test_not_endlessly_many(alice: Employee, alices_browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_FOLDERS_PER_EMPLOYEE", 1)
    Folder.make(alice, "Only")
    assert alices_browser.post("/folders/", {"name": "More"}, **JSON).status_code == 429


def test_tags(alice: Employee, alices_browser: Client) -> None:
    """As one writes them, each once; an empty list takes them away."""
    thread = make_thread(alice)
    answer = alices_browser.patch(f"/threads/{thread.id}/", {"tags": ["Q3", " for  Bob ", "Q3"]}, **JSON)
    assert answer.json()["thread"]["tags"] == ["Q3", "for Bob"]
    assert alices_browser.patch(f"/threads/{thread.id}/", {"tags": []}, **JSON).json()["thread"]["tags"] == []


@pytest.mark.parametrize(
    "tags", [[""], ["x" * 41], [7], [None], ["a\x00"], ["a\ud800"], [str(n) for n in range(21)], "Q3"]
)
def test_bad_tags(alice: Employee, alices_browser: Client, tags: Any) -> None:
    thread = make_thread(alice, tags=["kept"])
    assert alices_browser.patch(f"/threads/{thread.id}/", {"tags": tags}, **JSON).status_code == 400
    assert Thread.objects.get(pk=thread.pk).tags == ["kept"]
