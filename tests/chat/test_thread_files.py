"""Files of one thread: seen in it alone, gone with it, back with it; and what else a thread asks."""

from __future__ import annotations

import uuid

import pytest
from django.test import Client

from chat import deleting, forking
from chat.models import Employee, Thread
from chat.turns import asking
from rag import collections, principals
from rag.models import Document
from tests.factories import EMPTY_PDF, browser_of, make_model, make_thread, make_turn

pytestmark = pytest.mark.django_db
JSON = {"content_type": "application/json"}


def attach(client: Client, **place: object) -> str:
    body = {"name": "a.pdf", "size_bytes": len(EMPTY_PDF)} | place
    url = client.post("/documents/", body, **JSON).json()["upload"]["url"]
    sent = client.patch(url, EMPTY_PDF, content_type="application/octet-stream", headers={"Upload-Offset": "0"})
    document: str = sent.json()["document"]["id"]
    return document


def status(client: Client, document: str) -> int:
    return client.get(f"/documents/{document}/").status_code


def test_a_file_of_a_thread_is_on_no_shelf(alice: Employee, alices_browser: Client) -> None:
    thread = make_thread(alice)
    document = attach(alices_browser, thread=str(thread.pk))
    assert [str(each.pk) for each in thread.documents.all()] == [document]
    listed = alices_browser.get("/documents/").json()
    assert (listed["documents"], listed["shelves"]["num_own"]) == ([], 0)
    assert status(alices_browser, document) == 200


def test_a_file_may_come_before_its_thread(alice: Employee, alices_browser: Client) -> None:
    """Attached beside a first question; from then on it belongs to the thread that the question made."""
    make_model()
    document = attach(alices_browser, for_thread=True)
    sent = asking.send(alice, asking.Question(uuid.uuid4(), None, "How much?", document_ids=(uuid.UUID(document),)))
    assert Document.objects.get(pk=document).thread_id == sent.thread.pk
    other = make_thread(alice)
    assert alices_browser.put(f"/threads/{other.pk}/documents/{document}/").status_code == 400


def test_it_goes_with_the_thread_and_comes_back_with_it(alice: Employee, alices_browser: Client) -> None:
    thread = make_thread(alice)
    document = attach(alices_browser, thread=str(thread.pk))
    alices_browser.delete(f"/threads/{thread.pk}/")
    assert status(alices_browser, document) == 404
    alices_browser.post(f"/threads/{thread.pk}/restoration/")
    assert status(alices_browser, document) == 200
    thread.refresh_from_db()
    thread.delete_softly()
    deleting.forever(thread)
    assert Document.objects.get(pk=document).deleted_at is not None


def test_a_fork_keeps_the_files(alice: Employee, alices_browser: Client) -> None:
    """When the thread that they came with ends, they belong to the fork."""
    thread = make_thread(alice)
    document = attach(alices_browser, thread=str(thread.pk))
    forked = forking.fork(thread, make_turn(thread, answer="180 EUR").answer)
    alices_browser.delete(f"/threads/{thread.pk}/")
    assert status(alices_browser, document) == 200
    deleting.forever(Thread.objects.get(pk=thread.pk))
    assert status(alices_browser, document) == 200
    alices_browser.delete(f"/threads/{forked.pk}/")
    assert status(alices_browser, document) == 404


def test_a_file_that_is_taken_off_and_named_nowhere_is_gone(alice: Employee, alices_browser: Client) -> None:
    thread = make_thread(alice)
    document = attach(alices_browser, thread=str(thread.pk))
    assert alices_browser.delete(f"/threads/{thread.pk}/documents/{document}/").status_code == 204
    assert status(alices_browser, document) == 404


def test_a_thread_asks_only_collections_that_are_open(alice: Employee, bob: Employee, alices_browser: Client) -> None:
    """And says so again when the right has gone."""
    thread, shelf = make_thread(alice), collections.make(bob, "Rules")
    body = {"collections": [str(shelf.pk)]}
    assert alices_browser.patch(f"/threads/{thread.pk}/", body, **JSON).status_code == 400
    collections.give(shelf, principals.ensure_for(alice), "reader")
    assert alices_browser.patch(f"/threads/{thread.pk}/", body, **JSON).status_code == 200
    assert list(thread.collections.all()) == [shelf]
    assert browser_of(bob).patch(f"/threads/{thread.pk}/", body, **JSON).status_code == 404
