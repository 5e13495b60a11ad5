"""A thread shared inside the company: a snapshot, read by whoever has the link, copied, revoked."""

from __future__ import annotations

import uuid

import pytest
from django.test import Client

from chat.models import Employee, Message, Share, Thread
from tests.factories import browser_of, make_document, make_thread, make_turn

pytestmark = pytest.mark.django_db


def _shared(owner: Employee, browser: Client, thread: Thread | None = None) -> str:
    if thread is None:
        thread = make_thread(owner, "Travel")
        make_turn(thread, "How much?", answer="180 EUR [1].", message_status="complete")
    answer = browser.post(f"/threads/{thread.pk}/shares/")
    assert answer.status_code == 201
    share_id: str = answer.json()["share"]["id"]
    return share_id


def test_a_colleague_reads_it(alice: Employee, bob: Employee, alices_browser: Client) -> None:
    share_id = _shared(alice, alices_browser)
    page = browser_of(bob).get(f"/shared/{share_id}/")
    assert [message["text"] for message in page.context["shared_messages"]] == ["How much?", "180 EUR [1]."]
    assert "Alice" in page.content.decode()


def test_it_is_a_snapshot(alice: Employee, bob: Employee, alices_browser: Client) -> None:
    """What is written afterwards stays the owner's."""
    share_id = _shared(alice, alices_browser)
    make_turn(Thread.objects.get(), "And my salary?", answer="A lot.", message_status="complete")
    page = browser_of(bob).get(f"/shared/{share_id}/")
    assert len(page.context["shared_messages"]) == 2


def test_a_document_is_not_shared_with_it(alice: Employee, bob: Employee, alices_browser: Client) -> None:
    """A reader does not even learn its title; its owner sees it."""
    document = make_document(alice, "Salaries.pdf")
    thread = make_thread(alice)
    turn = make_turn(thread, answer="180 [1]", message_status="complete")
    source = {"n": 1, "document": str(document.pk), "title": "Salaries.pdf", "quote": "Alice earns 180", "label": "4"}
    Message.objects.filter(pk=turn.answer_id).update(sources={"sources": [source]})
    share_id = _shared(alice, alices_browser, thread)
    mine = alices_browser.get(f"/shared/{share_id}/").context["shared_messages"][1]
    assert (mine["sources"][0]["title"], mine["num_hidden"]) == ("Salaries.pdf", 0)
    assert "Alice earns" not in str(Share.objects.get().messages)
    theirs = browser_of(bob).get(f"/shared/{share_id}/")
    assert (theirs.context["shared_messages"][1]["sources"], theirs.context["shared_messages"][1]["num_hidden"]) == (
        [],
        1,
    )
    assert b"Salaries" not in theirs.content


def test_going_on_with_a_copy(alice: Employee, bob: Employee, alices_browser: Client) -> None:
    """The copy is the reader's: the owner does not see it, and revoking does not take it away."""
    share_id = _shared(alice, alices_browser)
    bobs_browser = browser_of(bob)
    thread_id = bobs_browser.post(f"/shared/{share_id}/copies/").json()["thread"]["id"]
    alices_browser.delete(f"/shared/{share_id}/")
    page = bobs_browser.get(f"/threads/{thread_id}/")
    assert [message.text for message in page.context["thread_messages"]] == ["How much?", "180 EUR [1]."]
    assert alices_browser.get(f"/threads/{thread_id}/").status_code == 404


def test_revoking(alice: Employee, bob: Employee, alices_browser: Client) -> None:
    """The link is dead at once, for its owner too, and the text is gone."""
    share_id = _shared(alice, alices_browser)
    assert alices_browser.delete(f"/shared/{share_id}/").status_code == 204
    for browser in (alices_browser, browser_of(bob)):
        assert browser.get(f"/shared/{share_id}/").status_code == 404
        assert browser.post(f"/shared/{share_id}/copies/").status_code == 404
    assert alices_browser.delete(f"/shared/{share_id}/").status_code == 404
    assert Share.objects.get().messages == []
    assert alices_browser.get("/shared/").json() == {"shares": []}


@pytest.mark.parametrize("how", ["trash", "deactivate"])
def test_a_link_is_dead_while_its_thread_or_owner_is_away(
    alice: Employee, bob: Employee, alices_browser: Client, how: str
) -> None:
    share_id = _shared(alice, alices_browser)
    if how == "trash":
        Thread.objects.get().delete_softly()
    else:
        alice.deactivate()
    assert browser_of(bob).get(f"/shared/{share_id}/").status_code == 404


def test_nothing_to_share(alice: Employee, alices_browser: Client) -> None:
    """An empty thread, and one that is to leave nothing behind."""
    temporary = make_thread(alice, is_temporary=True)
    make_turn(temporary, answer="180", message_status="complete")
    for thread in (make_thread(alice), temporary):
        answer = alices_browser.post(f"/threads/{thread.pk}/shares/")
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "nothing_to_share")
    assert alices_browser.get(f"/shared/{uuid.uuid4()}/").status_code == 404
