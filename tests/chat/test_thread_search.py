"""Finding threads by their words, the archive, pins and exports."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from chat import thread_search
from chat.models import Employee, Folder, Message, Thread
from tests.factories import make_document, make_thread, make_turn

pytestmark = pytest.mark.django_db

JSON = {"content_type": "application/json"}


def found(browser: Client, words: str) -> list[dict[str, Any]]:
    threads: list[dict[str, Any]] = browser.get("/threads/search/", {"q": words}).json()["threads"]
    return threads


def said(owner: Employee, title: str, question: str, answer: str = "") -> Thread:
    thread = make_thread(owner, title)
    make_turn(thread, question, answer, status="finished", message_status="complete")
    return thread


def test_threads_are_found_by_title_and_by_what_was_said(alice: Employee, alices_browser: Client) -> None:
    """The title first; a snippet says where the words stand. All words, as beginnings, in any case and script."""
    told = said(alice, "Money", "What does it cost?", "The travel budget for Zürich is 4,000 euros a year.")
    titled = said(alice, "Travel", "Hello")
    titled.updated_at = timezone.now() - timedelta(days=9)
    titled.save()
    said(alice, "Other", "Nothing of that")
    assert [row["title"] for row in found(alices_browser, "TRAV")] == ["Travel", "Money"]
    (hit,) = found(alices_browser, "zürich budg")
    assert hit["id"] == str(told.id)
    assert "".join(text for text, _is_hit in hit["snippet"]) == "The travel budget for Zürich is 4,000 euros a year."
    assert [text for text, is_hit in hit["snippet"] if is_hit] == ["budget", "Zürich"]
    assert found(alices_browser, "zürich hotel") == []


def test_a_snippet_begins_with_a_word_and_says_what_it_left_out(alice: Employee, alices_browser: Client) -> None:
    """An ellipsis stands where the text goes on; the hit is near the beginning, and nothing is cut inside a word."""
    sentence = "Colleagues who travel by train over the mountains in winter reserve the observation car early. "
    said(alice, "Long", "Where?", sentence * 3 + "The lighthouse keeper has a key. " + sentence * 3)
    (hit,) = found(alices_browser, "lighth")
    text = "".join(text for text, _is_hit in hit["snippet"])
    assert text.startswith("…")
    assert text.endswith("…")
    assert text.strip("…").split()[0] in [*sentence.split(), "The"]
    assert text.index("lighthouse") <= thread_search.MAX_LEAD_CHARS + 1
    said(alice, "Short", "A beacon.")
    (hit,) = found(alices_browser, "beacon")
    assert hit["snippet"] == [["A ", False], ["beacon", True], [".", False]]


def test_bob_finds_nothing_of_alices(alice: Employee, bobs_browser: Client, alices_browser: Client) -> None:
    """Neither by title nor by message; and what is in the trash is found by nobody."""
    thread = said(alice, "Secret plan", "Where is the treasure?", "Under the oak.")
    assert found(bobs_browser, "secret") == found(bobs_browser, "treasure") == found(bobs_browser, "oak") == []
    assert len(found(alices_browser, "oak")) == 1
    thread.delete_softly()
    assert found(alices_browser, "oak") == found(alices_browser, "secret") == []


@pytest.mark.parametrize(
    "words", ["", " ", "'", "a' | 'b", ":*", "!!", "\\", "((", "x" * 5000, "& | !", "a\x00b", "😀"]
)
def test_any_words_may_be_asked(alices_browser: Client, words: str) -> None:
    """Nothing that is typed is a query language."""
    assert alices_browser.get("/threads/search/", {"q": words}).status_code == 200


def test_marks_in_a_text_break_nothing(alice: Employee) -> None:
    """Line ends are spaces, and a text may hold the marks themselves."""
    said(alice, "Odd", "Where?", "before \x03 the\n\n\x02 needle \x02 after")
    (hit,) = thread_search.search(alice, "needle")
    assert "needle" in "".join(text for text, _ in hit.snippet)


def test_searching_uses_the_indexes(alice: Employee) -> None:
    """The expressions in the queries are those of the indexes, which PostgreSQL compares to the letter."""
    query = thread_search.SearchQuery("'x':*", config="simple", search_type="raw")
    messages = Message.objects.exclude(status="pending").annotate(words=thread_search.MESSAGE_WORDS)
    threads = Thread.objects.annotate(words=thread_search.TITLE_WORDS)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert "message_words" in messages.filter(words=query).explain()
    assert "thread_words" in threads.filter(words=query).explain()


def test_a_pinned_thread_stays_on_top(alice: Employee, alices_browser: Client) -> None:
    old, new = make_thread(alice, "Old"), make_thread(alice, "New")
    new.touch()
    summary = alices_browser.patch(f"/threads/{old.id}/", {"pinned": True}, **JSON).json()["thread"]
    assert summary["pinned"] is True
    assert [row["title"] for row in alices_browser.get("/threads/").json()["threads"]] == ["Old", "New"]
    alices_browser.patch(f"/threads/{old.id}/", {"pinned": False}, **JSON)
    assert [row["title"] for row in alices_browser.get("/threads/").json()["threads"]] == ["New", "Old"]


def test_an_archived_thread_is_kept_aside(alice: Employee, alices_browser: Client) -> None:
    """Out of the list, in the archive, found by searching, and readable as ever."""
    thread = said(alice, "Old things", "Where?")
    url = f"/threads/{thread.id}/"
    assert alices_browser.patch(url, {"archived": True}, **JSON).json()["thread"]["archived"] is True
    assert alices_browser.get("/threads/").json()["threads"] == []
    assert [row["title"] for row in alices_browser.get("/threads/archive/").json()["threads"]] == ["Old things"]
    assert found(alices_browser, "things")[0]["archived"] is True
    assert alices_browser.get(url).status_code == 200
    assert alices_browser.patch(url, {"archived": "yes"}, **JSON).status_code == 400
    alices_browser.patch(url, {"archived": False}, **JSON)
    assert len(alices_browser.get("/threads/").json()["threads"]) == 1


def test_a_thread_is_exported(alice: Employee, alices_browser: Client) -> None:
    """Markdown holds the shown branch, JSON all of the tree."""
    thread = said(alice, "Reise: Köln/Bonn", "How much?", "180 EUR [1]")
    answer = Message.objects.get(role="assistant")
    source = {"n": 1, "document": "00000000-0000-0000-0000-000000000007", "title": "Policy", "page": 1, "label": "2"}
    answer.sources = {"sources": [source | {"heading": "Hotels", "quote": "secret quote"}]}
    answer.save()
    Message.objects.create(thread=thread, role="user", text="Another beginning")
    thread.show(answer)
    response = alices_browser.get(f"/threads/{thread.id}/thread.md")
    text = response.content.decode()
    assert text.startswith("# Reise: Köln/Bonn\n\n")
    assert "## You\n\nHow much?\n\n## fake-chat\n\n180 EUR [1]" in text
    # The document is not Alice's any more: its name and words are not handed out either.
    assert "- [1] Source no longer available" in text
    assert "Another beginning" not in text
    assert "secret quote" not in text
    assert response["Content-Disposition"].startswith("attachment; ")
    assert response["X-Content-Type-Options"] == "nosniff"
    body = json.loads(alices_browser.get(f"/threads/{thread.id}/thread.json").content)
    assert [message["text"] for message in body["messages"]] == ["How much?", "180 EUR [1]", "Another beginning"]
    assert (body["format"], body["tip"]) == ("hearth.thread.1", str(answer.pk))
    assert body["messages"][1]["parent"] == body["messages"][0]["id"]
    assert body["messages"][1]["sources"][0]["quote"] == ""


def test_filters(alice: Employee, bob: Employee, alices_browser: Client) -> None:
    """Each narrows down what the words find, and alone it lists; nobody else's threads, whatever is asked."""
    old = make_thread(alice, "Old hotel", updated_at=datetime(2025, 5, 5, tzinfo=UTC), tags=["Trips"])
    new = make_thread(alice, "New hotel", folder=Folder.make(alice, "Q3 plans"))
    asked = make_thread(alice, "Asked hotel")
    asked.attach([make_document(alice)])
    make_turn(new, "hotel", answer="hotel", message_status="complete")
    make_thread(bob, "Bob's hotel", tags=["Trips"])
    for query, titles in {
        "tag:trips": ["Old hotel"],
        "before:2026 hotel": ["Old hotel"],
        "after:2025-05-05 hotel": ["Asked hotel", "New hotel"],
        "after:2025-05 in:q3": ["New hotel"],
        "has:document": ["Asked hotel"],
        "model:fake": ["New hotel"],
        "model:fake nothing": [],
        "tag:tri%": [],
        "before:soon": [],
    }.items():
        found = alices_browser.get("/threads/search/", {"q": query}).json()["threads"]
        assert sorted(thread["title"] for thread in found) == titles, query
    assert old.tags == ["Trips"]
