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

pytestmark = [pytest.mark.browser, pytest.mark.model, pytest.mark.timeout(180)]


def begin_thread(person: Person, question: str) -> None:
    person.open("/")
    person.ask(question)
    person.stop()
    expect(person.page.locator(".threads__row[data-current]")).to_have_count(1)


def search(person: Person, words: str) -> None:
    person.page.keyboard.press("Control+K")
    person.page.keyboard.type(words)


def test_threads_are_found_by_what_was_said(alice: Person) -> None:
    """From the keyboard alone, with the words marked; Enter opens the first."""
    begin_thread(alice, "Tell me in one sentence what a " + "very " * 20 + "old lighthouse needs.")
    address = alice.page.url
    begin_thread(alice, "Write one sentence about tea.")
    search(alice, "lighthou")
    hit = alice.page.locator(".threads__row").filter(has=alice.page.locator("mark"))
    expect(hit.locator("mark").first).to_have_text("lighthouse")
    expect(alice.page.locator(".threads__row")).to_have_count(1)
    alice.page.keyboard.press("Enter")
    expect(alice.page).to_have_url(address)
    search(alice, "xylophone")
    expect(alice.page.locator("thread-list")).to_contain_text("Nothing has these words.")


def test_threads_are_pinned_archived_and_saved(alice: Person) -> None:
    begin_thread(alice, "Write one sentence about tea.")
    alice.page.locator(".threads__row").first.hover()
    alice.page.locator(".threads__more").first.click()
    alice.page.get_by_role("menuitem", name="Pin").click()
    expect(alice.page.locator("thread-list h2")).to_have_text("Pinned")
    alice.page.reload()
    expect(alice.page.locator("thread-list h2")).to_have_text("Pinned")
    with alice.page.expect_download() as download:
        alice.choose_in_menu_of("", "Save as JSON")
    saved = json.loads(Path(download.value.path()).read_text())
    assert saved["messages"][0]["text"] == "Write one sentence about tea."
    alice.choose_in_menu_of("", "Archive")
    expect(alice.page.locator(".threads__row")).to_have_count(0)
    alice.page.locator("thread-list").get_by_role("button", name="Archive").click()
    expect(alice.page.locator(".threads__row")).to_have_count(1)
    alice.choose_in_menu_of("", "Out of the archive")
    alice.page.get_by_role("button", name="All threads").click()
    expect(alice.page.locator(".threads__row")).to_have_count(1)


def test_an_interrupted_answer_says_so_and_goes_on(alice: Person, hearth: RunningStack) -> None:
    """As after a loss of the engine: the text stays, the reason is said, and Continue writes the rest."""
    alice.ask("Write a long story about a lighthouse keeper, at least ten paragraphs.")
    alice.wait_for_words()
    begun = alice.stop()
    with psycopg.connect(hearth.database_url, autocommit=True) as connection:
        connection.execute(
            "UPDATE chat_message SET status = 'failed', error_code = 'interrupted', "
            "error_sentence = 'The light went out.' WHERE thread_id = %s AND role = 'assistant'",
            [alice.page.url.rstrip("/").rpartition("/")[2]],
        )
    alice.page.reload()
    expect(alice.answer.get_by_role("alert")).to_contain_text("Interrupted. The light went out.")
    expect(alice.answer_text).to_contain_text(begun[:40])
    alice.answer.get_by_role("button", name="Continue").click()
    expect(alice.answer.get_by_role("alert")).to_have_count(0)
    expect(alice.answer_text).to_have_text(re.compile(f".{{{len(begun) + 20},}}", re.S), timeout=ANSWER_MS)
    alice.stop()
