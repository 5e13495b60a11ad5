"""Pages: what they hold, what their headers say, and how many queries they cost."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test import Client

from chat.models import Employee, Message
from rag.models import Citation
from tests.factories import browser_of, make_document, make_model, make_thread, make_turn

pytestmark = pytest.mark.django_db

PAGE = {"headers": {"accept": "text/html"}}
CSP = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob:",
    "font-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-src 'self'",
    "frame-ancestors 'none'",
    "object-src 'none'",
    "manifest-src 'self'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
}


def state_of(page: Any) -> dict[str, Any]:
    """The data block that scripts read."""
    found = re.search(r'<script id="page-state" type="application/json">(.*?)</script>', page.content.decode(), re.S)
    assert found
    state: dict[str, Any] = json.loads(found[1])
    return state


@pytest.mark.parametrize(
    "path",
    ["/", "/documents/", "/account/", "/account/password/", "/account/keys/", "/manage/models/", "/manage/employees/"],
)
def test_pages_come_with_strict_headers(carols_browser: Client, path: str) -> None:
    """The policy of the contract to the letter, nothing cached, nothing inline."""
    page = carols_browser.get(path, **PAGE)
    assert page.status_code == 200
    assert {part.strip() for part in page["Content-Security-Policy"].split(";")} == CSP
    assert page["Cache-Control"] == "no-store"
    assert page["X-Content-Type-Options"] == "nosniff"
    assert page["X-Frame-Options"] == "DENY"
    assert page["Cross-Origin-Opener-Policy"] == "same-origin"
    assert page["Cross-Origin-Resource-Policy"] == "same-origin"
    html = page.content.decode()
    assert not re.search(r"<script(?![^>]*(src=|application/json))", html)
    assert not re.search(r"\s(on\w+|style)=", html)
    assert not re.search(r"(src|href)=\"(https?:)?//", html)


@pytest.mark.parametrize("path", ["/nothing/", "/threads/00000000-0000-0000-0000-000000000007/", "/account/keys/1/x/"])
def test_missing_pages_say_so(alices_browser: Client, path: str) -> None:
    """A page for people, JSON for scripts; never a hint whether it exists for somebody else."""
    page = alices_browser.get(path, **PAGE)
    assert page.status_code == 404
    assert "<html" in page.content.decode()
    assert alices_browser.get(path).json()["error"]["code"] == "not_found"


def test_a_form_that_is_too_old_can_be_loaded_again(alice: Employee) -> None:
    """Nothing is sent, and the page says what to do instead of that one has no right."""
    client = Client(enforce_csrf_checks=True, HTTP_ACCEPT="text/html")
    response = client.post("/signin/", {"email": alice.email, "password": "x"})
    page = response.content.decode()
    assert response.status_code == 403
    assert "This page was open for too long" in page
    assert 'href="/signin/"' in page


def test_a_thread_page_shows_its_messages_and_tells_scripts_what_runs(alice: Employee, alices_browser: Client) -> None:
    """Question and answer in the markup, the running turn and the documents in the state."""
    thread = make_thread(alice, model=make_model())
    thread.documents.add(make_document(alice))
    turn = make_turn(thread, "How much is <b>a hotel</b>?", answer="It is ")
    page = alices_browser.get(f"/threads/{thread.id}/", **PAGE)
    html = page.content.decode()
    assert "How much is &lt;b&gt;a hotel&lt;/b&gt;?" in html
    state = state_of(page)
    assert state["running_turns"] == [{"id": str(turn.id), "answer": str(turn.answer_id)}]
    assert state["thread"]["model"] == "fake-chat"
    assert [document["title"] for document in state["thread"]["documents"]] == ["Travel policy"]


def test_the_sidebar_holds_ones_own_threads_only(alice: Employee, bob: Employee, alices_browser: Client) -> None:
    make_thread(alice, "Hers")
    make_thread(bob, "His own")
    make_thread(alice, "Gone").delete_softly()
    html = alices_browser.get("/", **PAGE).content.decode()
    assert "Hers" in html
    assert "His own" not in html
    assert "Gone" not in html


@pytest.mark.parametrize("is_anybody", [True, False])
def test_while_the_database_is_away_it_says_so(alices_browser: Client, is_anybody: bool) -> None:
    """A page for people, a sentence for scripts, and when to try again; whether it fails early or late."""

    def away(execute: Any, sql: str, *rest: Any) -> Any:
        if is_anybody and "chat_employee" in sql:
            return execute(sql, *rest)
        raise OperationalError("connection refused")

    with connection.execute_wrapper(away):
        page, answer = alices_browser.get("/documents/", **PAGE), alices_browser.get("/threads/")
    for said in (page, answer):
        assert (said.status_code, said["Retry-After"]) == (503, "5")
        assert "not available at the moment" in said.content.decode()
        assert "refused" not in said.content.decode()
    assert page.content.decode().startswith("<!doctype html>")


def test_only_enabled_models_are_offered(alice: Employee, alices_browser: Client) -> None:
    """Enabled, of the right kind, with its file there; the default says that it is."""
    make_model("good", title="Good", is_default=True)
    make_model("off", is_enabled=False)
    make_model("gone", is_present=False)
    make_model("embed", kind="embedding")
    assert [(m["name"], m["is_default"]) for m in state_of(alices_browser.get("/", **PAGE))["models"]] == [
        ("good", True)
    ]


def test_sources_of_a_deleted_document_lose_their_text(alice: Employee, alices_browser: Client) -> None:
    """What one may no longer read is no longer shown, also in an old answer."""
    document, thread = make_document(alice), make_thread(alice)
    turn = make_turn(thread, answer="180 EUR [1]", message_status="complete", status="finished")
    source = {"n": 1, "document": str(document.pk), "title": document.title, "quote": "Hotels: 180 EUR", "page": 0}
    Message.objects.filter(pk=turn.answer_id).update(sources={"sources": [source]})
    assert "Hotels: 180 EUR" in alices_browser.get(f"/threads/{thread.id}/", **PAGE).content.decode()
    document.delete_for_everyone()
    assert "Hotels: 180 EUR" not in alices_browser.get(f"/threads/{thread.id}/", **PAGE).content.decode()
    assert not Citation.objects.exists()


def test_a_long_thread_costs_as_many_queries_as_a_short_one(
    alice: Employee, alices_browser: Client, django_assert_max_num_queries: Any
) -> None:
    make_model()
    thread = make_thread(alice)
    for n in range(30):
        make_turn(thread, f"Question {n}", answer="Answer", message_status="complete", status="finished")
    alices_browser.get("/", **PAGE)
    with django_assert_max_num_queries(13):
        assert alices_browser.get(f"/threads/{thread.id}/", **PAGE).status_code == 200


@pytest.mark.parametrize(("language", "word"), [("de-DE,de;q=0.9", 'lang="de"'), ("fr,en;q=0.5", 'lang="en"')])
def test_the_browser_chooses_the_language(alice: Employee, language: str, word: str) -> None:
    client = browser_of(alice, HTTP_ACCEPT_LANGUAGE=language)
    assert word in client.get("/", **PAGE).content.decode()


def test_ones_own_choice_of_language_wins(alice: Employee) -> None:
    client = browser_of(alice, HTTP_ACCEPT_LANGUAGE="en")
    assert client.post("/account/", {"name": "Alice", "language": "de"}).status_code == 302
    assert 'lang="de"' in client.get("/", **PAGE).content.decode()


def test_no_migration_is_missing() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)
