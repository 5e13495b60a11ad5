"""The trash and the temporary thread: what is gone, when, and what goes with it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from chat import deleting, valkey
from chat.models import Draft, Employee, Message, Share, Thread, Turn
from chat.turns import log
from rag.models import Citation
from tests.factories import make_document, make_thread, make_turn

pytestmark = pytest.mark.django_db


def test_the_trash_shows_what_was_deleted(alice: Employee, bob: Employee, alices_browser: Client) -> None:
    """Last deleted first, and nobody else's."""
    make_thread(alice, "Kept")
    for owner, title in ((alice, "First"), (alice, "Second"), (bob, "Bob's")):
        make_thread(owner, title).delete_softly()
    shown = alices_browser.get("/threads/trash/").json()["threads"]
    assert [thread["title"] for thread in shown] == ["Second", "First"]
    assert all(thread["deleted"] for thread in shown)


def test_one_thread_for_ever(alice: Employee, alices_browser: Client) -> None:
    """With everything that hung on it: messages, turns, drafts, links, citations, the log of its answer."""
    thread = make_thread(alice)
    turn = make_turn(thread, answer="180 EUR")
    document = make_document(alice)
    Citation.objects.create(
        message_id=turn.answer_id, n=1, document=document, version=document.newest_version,
        page_no=0, char_start=0, char_end=1, quote="H",
    )  # fmt: skip
    Draft.keep(alice, thread, "and")
    Share.make(thread, [])
    valkey.client().xadd(log.key_of(turn.pk), {"e": "{}"})
    thread.delete_softly()
    assert alices_browser.delete(f"/threads/trash/{thread.pk}/").status_code == 204
    assert not valkey.client().exists(log.key_of(turn.pk))
    for model in (Thread, Message, Turn, Draft, Share, Citation):
        assert not model.objects.exists(), model


def test_only_what_is_in_the_trash_is_deleted_for_ever(alice: Employee, alices_browser: Client) -> None:
    thread = make_thread(alice)
    assert alices_browser.delete(f"/threads/trash/{thread.pk}/").status_code == 404
    assert Thread.objects.filter(pk=thread.pk).exists()


def test_emptying(alice: Employee, bob: Employee, alices_browser: Client) -> None:
    for owner in (alice, alice, bob):
        make_thread(owner).delete_softly()
    make_thread(alice, "Kept")
    assert alices_browser.delete("/threads/trash/").json() == {"num_deleted": 2}
    assert Thread.objects.count() == 2


def test_thirty_days(alice: Employee) -> None:
    """Beat deletes what has been in the trash for longer, and nothing before."""
    for days in (29, 31):
        make_thread(alice, f"{days} days", deleted_at=timezone.now() - timedelta(days=days))
    assert deleting.expire() == 1
    assert Thread.objects.get().title == "29 days"


def test_a_temporary_thread_is_in_no_list_and_no_search(alice: Employee, alices_browser: Client) -> None:
    thread = make_thread(alice, "Budget", is_temporary=True)
    make_turn(thread, "budget", answer="budget", message_status="complete")
    assert alices_browser.get("/threads/").json()["threads"] == []
    assert alices_browser.get("/threads/archive/").json()["threads"] == []
    assert alices_browser.get("/threads/search/?q=budget").json()["threads"] == []
    assert alices_browser.get(f"/threads/{thread.pk}/").status_code == 200


def test_a_temporary_thread_is_gone_when_it_is_left(alice: Employee, alices_browser: Client) -> None:
    """Its trash is nowhere."""
    thread = make_thread(alice, is_temporary=True)
    answer = alices_browser.delete(f"/threads/{thread.pk}/")
    assert answer.json()["thread"] | {"id": str(thread.pk), "deleted": True} == answer.json()["thread"]
    assert not Thread.objects.exists()


def test_a_temporary_thread_that_was_left_open_goes_by_itself(alice: Employee) -> None:
    for hours in (11, 13):
        make_thread(alice, f"{hours}", is_temporary=True, updated_at=timezone.now() - timedelta(hours=hours))
    assert deleting.expire() == 1
    assert Thread.objects.get().title == "11"


def test_the_dot(alice: Employee, alices_browser: Client) -> None:
    """An answer is unread until its owner looks, in whatever tab."""
    thread = make_thread(alice)
    assert not thread.is_unread
    thread.note_answer()
    assert alices_browser.get("/threads/").json()["threads"][0]["unread"]
    assert alices_browser.put(f"/threads/{thread.pk}/seen/").status_code == 204
    assert not alices_browser.get("/threads/").json()["threads"][0]["unread"]
    thread.note_answer()
    alices_browser.get(f"/threads/{thread.pk}/")
    assert not alices_browser.get("/threads/").json()["threads"][0]["unread"]
