"""The composer as one uses it: Enter that waits for a file, prompts, models and documents by a sign, a queue."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from tests.browser import papers
from tests.browser.person import ANSWER_MS
from tests.browser.quick import Seat, quick_hearth, quick_office, reader_state, seat  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def test_enter_is_remembered_while_a_file_is_on_its_way(seat: Seat, tmp_path: Path) -> None:
    """Pressed before the document of "Ask about this" is there, it sends the message with the document."""
    reader = seat()
    row = reader.upload(papers.travel_policy(tmp_path))
    expect(row).to_contain_text("Ready", timeout=ANSWER_MS)
    held: list[Route] = []
    reader.page.route("**/documents/*/", lambda route: held.append(route))
    row.get_by_role("link", name="Ask about this").click()
    reader.composer.fill("What is the limit in Norway?")
    reader.composer.press("Enter")
    expect(reader.page.locator(".composer__hint")).to_have_text("Is sent when the file is there")
    expect(reader.page.locator("article.question")).to_have_count(0)
    for route in held:
        route.continue_()
    expect(reader.page.locator("article.question")).to_contain_text("Norway")
    reader.wait_for_end()
    expect(reader.answer.locator(".answer__head")).to_contain_text("document")
