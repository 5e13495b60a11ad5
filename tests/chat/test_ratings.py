"""Thumbs and comments: given, changed, taken back; what admins see of them and what they never see."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from chat import limits
from chat.models import Employee, Message, Rating
from chat.models.turn import STOPPED
from tests.factories import make_model, make_thread, make_turn

pytestmark = pytest.mark.django_db

JSON = {"content_type": "application/json"}


def make_answer(owner: Employee, **fields: Any) -> Message:
    turn = make_turn(make_thread(owner), answer="180 EUR", status=STOPPED, message_status="stopped", **fields)
    return turn.answer


def test_a_thumb_from_giving_to_taking_back(alice: Employee, alices_browser: Client) -> None:
    """It stands on the page and in the branch until it is taken back; a second one takes the place of the first."""
    answer = make_answer(alice)
    url = f"/messages/{answer.pk}/rating/"
    given = alices_browser.put(url, {"good": True}, **JSON)
    assert given.json() == {"rating": {"good": True, "comment": "", "for_admins": False}}
    changed = alices_browser.put(url, {"good": False, "comment": " Too dear. ", "for_admins": True}, **JSON).json()
    assert changed["rating"] == {"good": False, "comment": "Too dear.", "for_admins": True}
    branch = alices_browser.get(f"/threads/{answer.thread_id}/branch/").json()["messages"]
    assert branch[1]["rating"] == changed["rating"]
    page = alices_browser.get(f"/threads/{answer.thread_id}/", headers={"Accept": "text/html"})
    assert "Too dear." in page.content.decode()
    for _ in range(2):
        assert alices_browser.delete(url).status_code == 204
    assert not Rating.objects.exists()


def test_only_ended_answers_are_rated(alice: Employee, alices_browser: Client) -> None:
    turn = make_turn(make_thread(alice))
    for message_id in (turn.answer_id, turn.question_id):
        assert alices_browser.put(f"/messages/{message_id}/rating/", {"good": True}, **JSON).status_code == 404


@pytest.mark.parametrize(
    "body", [{}, {"good": 1}, {"good": None}, {"good": True, "comment": 7}, {"good": True, "comment": "a\x00"}]
)
def test_bad_ratings(alice: Employee, alices_browser: Client, body: dict[str, Any]) -> None:
    url = f"/messages/{make_answer(alice).pk}/rating/"
    assert alices_browser.put(url, body, **JSON).status_code == 400
    assert not Rating.objects.exists()


def test_a_comment_has_an_end(alice: Employee, alices_browser: Client) -> None:
    url = f"/messages/{make_answer(alice).pk}/rating/"
    long = alices_browser.put(url, {"good": True, "comment": "x" * (limits.MAX_COMMENT_CHARS + 1)}, **JSON)
    assert (long.status_code, long.json()["error"]["code"]) == (400, "comment_too_long")


def test_admins_count_and_read_only_what_they_may(
    alice: Employee, bob: Employee, alices_browser: Client, bobs_browser: Client, carols_browser: Client
) -> None:
    """Numbers of every model; a comment only with its writer's permission, without a name, and not out of the trash."""
    make_model(title="The <fake>")
    open_answer, private, trashed = make_answer(alice), make_answer(alice), make_answer(bob)
    allowed = {"good": False, "comment": "Wrong <b>sum</b>", "for_admins": True}
    alices_browser.put(f"/messages/{open_answer.pk}/rating/", allowed, **JSON)
    alices_browser.put(f"/messages/{private.pk}/rating/", {"good": False, "comment": "My salary"}, **JSON)
    gone = {"good": True, "comment": "In the trash", "for_admins": True}
    bobs_browser.put(f"/messages/{trashed.pk}/rating/", gone, **JSON)
    trashed.thread.delete_softly()
    page = carols_browser.get("/manage/ratings/").content.decode()
    assert "The &lt;fake&gt;" in page
    assert '<td data-label="Good">1</td>' in page
    assert '<td data-label="Bad">2</td>' in page
    assert "Wrong &lt;b&gt;sum" in page
    assert not any(word in page for word in ("My salary", "In the trash", "alice@", "Alice", "180 EUR"))


def test_an_answer_takes_its_rating_along(alice: Employee, alices_browser: Client) -> None:
    answer = make_answer(alice)
    alices_browser.put(f"/messages/{answer.pk}/rating/", {"good": True}, **JSON)
    alices_browser.delete(f"/threads/{answer.thread_id}/")
    alices_browser.delete(f"/threads/trash/{answer.thread_id}/")
    assert not Rating.objects.exists()
