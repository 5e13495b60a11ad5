"""Drafts follow the person: written in one browser, there in another."""

from __future__ import annotations

import pytest
from django.test import Client

from chat import limits
from chat.models import Draft, Employee
from tests.factories import browser_of, make_thread

pytestmark = pytest.mark.django_db
JSON = {"content_type": "application/json"}


def test_a_draft_is_there_on_another_device(alice: Employee, alices_browser: Client) -> None:
    """The last one written counts, each thread has its own, and so has the new one."""
    thread = make_thread(alice)
    for text in ("Dear", "Dear colleagues"):
        assert alices_browser.put(f"/threads/{thread.pk}/draft/", {"text": text}, **JSON).status_code == 204
    alices_browser.put("/threads/draft/", {"text": "What is"}, **JSON)
    phone = browser_of(alice)
    assert phone.get(f"/threads/{thread.pk}/").context["page_state"]["draft"] == "Dear colleagues"
    assert phone.get("/").context["page_state"]["draft"] == "What is"
    assert Draft.objects.count() == 2


def test_an_empty_draft_is_none(alice: Employee, alices_browser: Client) -> None:
    alices_browser.put("/threads/draft/", {"text": "What is"}, **JSON)
    alices_browser.put("/threads/draft/", {"text": "  "}, **JSON)
    assert not Draft.objects.exists()


@pytest.mark.parametrize("body", [{}, {"text": 7}, {"text": "x" * (limits.MAX_DRAFT_CHARS + 1)}, {"text": "a\x00"}])
def test_bad_drafts(alices_browser: Client, body: dict[str, object]) -> None:
    answer = alices_browser.put("/threads/draft/", body, **JSON)
    assert answer.status_code == 400
    assert answer.json()["error"]["sentence"]
