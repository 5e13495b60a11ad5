"""For everybody: axe finds nothing in any state of a page. Pages as they open are test_look's."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import WebSocketRoute, expect

from tests.browser import papers
from tests.browser.axe import complaints, use_axe
from tests.browser.office import Office
from tests.browser.person import ANSWER_MS
from tests.browser.quick import Seat, asked_about, quick_hearth, quick_office, reader_state, seat  # noqa: F401

pytestmark = [pytest.mark.thorough, pytest.mark.browser, pytest.mark.timeout(400)]


class Line:
    """The tab's socket. Once it is `cut_ends`, the page never hears that an answer has ended."""

    cut_ends = False

    def between(self, socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def told(frame: str | bytes) -> None:
            if not (self.cut_ends and json.loads(frame)["type"] == "answer.finished"):
                socket.send(frame)

        server.on_message(told)


def test_axe_finds_nothing_in_any_state(seat: Seat, quick_office: Office, tmp_path: Path) -> None:  # noqa: F811
    """Menus, dialogs, an answer with sources, the page beside the chat, a search, an answer that is being written."""
    admin = seat(quick_office.admin_state)
    admin.open("/manage/models/")
    admin.page.get_by_label(re.compile("think is enabled")).check(force=True)
    reader = seat()
    page = reader.page
    use_axe(page)
    line = Line()
    page.route_web_socket(re.compile("."), line.between)
    found = []

    def look(where: str) -> None:
        found.extend(complaints(page, where))

    def look_and_close(where: str) -> None:
        look(where)
        page.keyboard.press("Escape")

    words = ("Hotels in Norway: NOK 2,400.[^1]", "| a | b |\n|-|-|\n| 1 | 2 |", "[^1]: A note.")
    asked_about(reader, papers.travel_policy(tmp_path), "say: " + "\n\n".join(words))
    expect(page.locator("h1")).to_have_count(1)
    look("an answer with sources")
    page.locator(".answer__source").first.click()
    expect(page.locator("source-pane")).to_be_visible()
    look_and_close("the page beside the chat")
    page.locator("[data-rate=good]").click()
    page.locator(".rate--comment").click()
    look_and_close("a comment on an answer")
    page.locator("[data-action=regenerate]").click()
    expect(page.get_by_role("menuitem", name="With fake think")).to_be_visible()
    look_and_close("how to answer again")
    page.locator("article.question [data-action=edit]").click()
    look_and_close("a question that is edited")
    for name in ("thread-settings", "show-shortcuts"):
        if name == "show-shortcuts":
            page.locator(".sidebar__me").click()
            look("the account's menu")
        page.locator(f"[data-action={name}]").click()
        expect(page.get_by_role("dialog")).to_be_visible()
        look_and_close(name)
    page.locator(".composer__scope").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    look_and_close("what to ask")
    page.locator(".threads__row").first.hover()
    page.locator(".threads__more").first.click()
    look("a thread's menu")
    page.get_by_role("menuitem", name="Share").click()
    page.get_by_role("button", name="Make a link").click()
    expect(page.locator(".shares__link")).to_be_visible()
    link = page.locator(".shares__link").get_attribute("href")
    look_and_close("a share")
    reader.composer.fill("/")
    look("what / offers")
    reader.composer.fill("x" * 33_000)
    look("a message that is too long")
    reader.composer.fill("")
    page.keyboard.press("Control+K")
    page.keyboard.type("norway")
    expect(page.locator(".threads__snippet")).to_be_visible(timeout=ANSWER_MS)
    look("threads that were found")
    for path, button in (
        ("/documents/", "New collection"),
        ("/assistants/", "New assistant"),
        ("/prompts/", "New prompt"),
    ):
        reader.open(path)
        page.get_by_role("button", name=button).click()
        look_and_close(button)
    reader.open(str(link))
    look("a shared thread")
    reader.open("/")
    page.locator(".pick").click()
    page.get_by_role("menuitem", name="Compare with").click()
    page.get_by_role("menuitemcheckbox", name="think").click()
    look_and_close("models to compare")
    reader.ask("say: Two of us say so.")
    expect(page.get_by_role("button", name="Keep this one")).to_have_count(2, timeout=ANSWER_MS)
    look("answers side by side")
    reader.open("/")
    line.cut_ends = True
    reader.ask("say: This answer has no end.")
    reader.wait_for_words()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    look("an answer that is being written")
    assert found == []
