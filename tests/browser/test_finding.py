"""Finding a thread again: by its words, pinned, archived, as a file; and an answer that was interrupted."""

from __future__ import annotations

import json
import re
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import expect

from tests.browser.person import ANSWER_MS, Person
from tests.services import RunningStack

pytestmark = [pytest.mark.browser, pytest.mark.model, pytest.mark.timeout(400)]


def begin_thread(person: Person, question: str) -> None:
    person.open("/")
    person.ask(question)
    person.stop()
    expect(person.page.locator(".threads__row[data-current]")).to_have_count(1)


def search(person: Person, words: str) -> None:
    person.page.keyboard.press("Control+K")
    person.page.keyboard.type(words)


def test_threads_are_found_by_what_was_said(newcomer: Person) -> None:
    """From the keyboard alone, with the words marked; Enter opens the first."""
    begin_thread(newcomer, "Tell me in one sentence what a " + "very " * 20 + "old lighthouse needs.")
    address = newcomer.page.url
    begin_thread(newcomer, "Write one sentence about tea.")
    search(newcomer, "lighthou")
    hit = newcomer.page.locator(".threads__row").filter(has=newcomer.page.locator("mark"))
    expect(hit.locator("mark").first).to_have_text("lighthouse")
    expect(newcomer.page.locator(".threads__row")).to_have_count(1)
    newcomer.page.keyboard.press("Enter")
    expect(newcomer.page).to_have_url(address)
    search(newcomer, "xylophone")
    expect(newcomer.page.locator("thread-list")).to_contain_text("Nothing has these words.")


def test_threads_are_pinned_archived_and_saved(newcomer: Person) -> None:
    begin_thread(newcomer, "Write one sentence about tea.")
    newcomer.page.locator(".threads__row").first.hover()
    newcomer.page.locator(".threads__more").first.click()
    newcomer.page.get_by_role("menuitem", name="Pin").click()
    expect(newcomer.page.locator("thread-list h2")).to_have_text("Pinned")
    newcomer.page.reload()
    expect(newcomer.page.locator("thread-list h2")).to_have_text("Pinned")
    with newcomer.page.expect_download() as download:
        newcomer.choose_in_menu_of("", "Save as JSON")
    saved = json.loads(Path(download.value.path()).read_text())
    assert saved["messages"][0]["text"] == "Write one sentence about tea."
    newcomer.choose_in_menu_of("", "Archive")
    expect(newcomer.page.locator(".threads__row")).to_have_count(0)
    newcomer.page.locator("thread-list").get_by_role("button", name="Archive").click()
    expect(newcomer.page.locator(".threads__row")).to_have_count(1)
    newcomer.choose_in_menu_of("", "Out of the archive")
    newcomer.page.get_by_role("button", name="All threads").click()
    expect(newcomer.page.locator(".threads__row")).to_have_count(1)


def test_an_interrupted_answer_says_so_and_goes_on(newcomer: Person, hearth: RunningStack) -> None:
    """As after a loss of the engine: the text stays, the reason is said, and Continue writes the rest."""
    newcomer.ask("Write a long story about a lighthouse keeper, at least ten paragraphs.")
    newcomer.wait_for_words()
    begun = newcomer.stop()
    with psycopg.connect(hearth.database_url, autocommit=True) as connection:
        connection.execute(
            "UPDATE chat_message SET status = 'failed', error_code = 'interrupted', "
            "error_sentence = 'The light went out.' WHERE thread_id = %s AND role = 'assistant'",
            [newcomer.page.url.rstrip("/").rpartition("/")[2]],
        )
    newcomer.page.reload()
    expect(newcomer.answer.get_by_role("alert")).to_contain_text("Interrupted. The light went out.")
    expect(newcomer.answer_text).to_contain_text(begun[:40])
    newcomer.answer.get_by_role("button", name="Continue").click()
    expect(newcomer.answer.get_by_role("alert")).to_have_count(0)
    expect(newcomer.answer_text).to_have_text(re.compile(f".{{{len(begun) + 20},}}", re.S), timeout=ANSWER_MS)
    newcomer.stop()
