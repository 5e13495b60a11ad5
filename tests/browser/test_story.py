"""The whole way, as people go it: signing in, chatting with a real model, asking a real PDF."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser import papers
from tests.browser.conftest import Sit
from tests.browser.person import ANSWER_MS, Person
from tests.services import RunningStack

pytestmark = [pytest.mark.browser, pytest.mark.model, pytest.mark.timeout(400)]

LONG = "Write a long story about a lighthouse keeper, at least ten paragraphs."


def test_an_invited_employee_signs_in_again_with_the_password_they_chose(sit: Sit, admin: Person) -> None:
    """From the admin's page over the link to the chat page, out, and in again."""
    link = admin.invite("newcomer@example.com")
    person = sit()
    person.accept(link, "New Comer", "a-warm-place-to-ask")
    person.page.get_by_role("button", name="New Comer").click()
    person.page.get_by_role("menuitem", name="Sign out").click()
    person.sign_in("newcomer@example.com", "a-warm-place-to-ask")
    expect(person.composer).to_be_visible()


def test_an_employee_chats_and_the_thread_gets_a_title(alice: Person) -> None:
    """The answer streams into a new thread, which has an address, a title and a place in the list."""
    alice.ask("What is the capital of France? Answer in one short sentence.")
    alice.wait_for_words()
    alice.wait_for_end()
    expect(alice.page).to_have_url(re.compile(r"/threads/[0-9a-f-]{36}/$"))
    expect(alice.page.locator(".threads__row[data-current]")).to_have_count(1)
    expect(alice.page.locator(".threads__row[data-current] .threads__link")).not_to_be_empty()
    expect(alice.answer.locator(".answer__foot")).to_contain_text("tokens/s")


def test_a_reload_in_mid_answer_neither_loses_nor_doubles_a_character(alice: Person) -> None:
    """What the page shows after a reload, and after another, is the text that the server has."""
    alice.ask(LONG)
    alice.wait_for_words()
    begun = alice.answer_text.inner_text()
    alice.page.reload()
    alice.wait_for_words()
    ended = alice.stop()
    assert ended.startswith(begun[:40])
    alice.page.reload()
    assert alice.wait_for_end() == ended


def test_stop_ends_the_answer_and_the_next_question_is_answered(alice: Person) -> None:
    """Send becomes Stop while an answer is written; what was written stays."""
    alice.ask(LONG)
    alice.wait_for_words()
    alice.stop()
    expect(alice.answer.locator(".answer__foot")).to_contain_text("Stopped")
    alice.ask("And then?")
    alice.wait_for_words()
    assert alice.page.locator("article.answer").count() == 2
    alice.stop()


def test_threads_are_renamed_deleted_and_taken_back(alice: Person) -> None:
    """From the list, without leaving the page; a deletion can be undone."""
    alice.ask("Say hello.")
    alice.wait_for_words()
    alice.stop()
    alice.page.locator(".threads__row").first.hover()
    alice.page.locator(".threads__more").first.click()
    alice.page.get_by_role("menuitem", name="Rename").click()
    name = alice.page.locator(".threads__rename")
    name.fill("Greetings of mine")
    name.press("Enter")
    expect(alice.thread_row("Greetings of mine")).to_be_visible()
    alice.choose_in_menu_of("Greetings of mine", "Delete")
    expect(alice.thread_row("Greetings of mine")).to_have_count(0)
    alice.page.get_by_role("button", name="Undo").click()
    expect(alice.thread_row("Greetings of mine")).to_be_visible()
    alice.thread_row("Greetings of mine").locator("a").click()
    expect(alice.page.locator("article.question")).to_contain_text("Say hello.")


def test_a_real_pdf_is_asked_and_the_mark_opens_its_page(alice: Person, tmp_path: Path) -> None:
    """Upload, watch it being read, ask, and see the sentence marked on the page that the answer names."""
    row = alice.upload(papers.travel_policy(tmp_path))
    expect(row).to_contain_text("Ready", timeout=ANSWER_MS)
    row.get_by_role("link", name="Ask about this").or_(row.get_by_role("button", name="Ask about this")).click()
    alice.ask("What is the limit for a hotel night in Norway?")
    alice.wait_for_end()
    expect(alice.answer.locator(".answer__head")).to_contain_text("Searched the documents")
    # The starter model may say something that rests on no passage; then the sources that it read stand below.
    named = alice.answer.locator(".answer__text .cite").or_(alice.answer.locator(".answer__source", has_text="page 2"))
    named.first.click()
    pane = alice.page.locator("source-pane")
    expect(pane).to_contain_text("travel policy")
    expect(pane).to_contain_text("page 2")
    expect(pane.locator(".source__page[data-drawn='1']")).to_be_visible()
    expect(pane.locator(".source__marks rect").first).to_be_visible()
    pane.get_by_role("button", name="Next page").click()
    expect(pane.locator(".source__page[data-drawn='2']")).to_be_visible()
    expect(pane).to_contain_text("3 of 3")


def test_files_that_cannot_be_read_say_why_and_lose_nothing(alice: Person, tmp_path: Path) -> None:
    """A file that is no PDF whatever its name, and a broken one."""
    alice.open("/documents/")
    chooser = alice.page.locator("document-list input[type=file][accept]")
    chooser.set_input_files(papers.not_a_pdf(tmp_path))
    expect(alice.page.locator("main")).to_contain_text(re.compile("cannot be read, whatever its name says"))
    chooser.set_input_files(papers.broken(tmp_path))
    expect(alice.page.locator(".documents")).to_contain_text(
        re.compile("damaged|broken|could not be read", re.I), timeout=ANSWER_MS
    )


def test_what_an_admin_switches_counts_at_once(alice: Person, admin: Person) -> None:
    """Alice's open page follows without a reload: a disabled model leaves her picker, and comes back."""
    admin.open("/manage/models/")
    row = admin.page.locator("tr[data-model^=SmolLM2]")
    title = row.locator("input.input-quiet")
    expect(alice.page.locator(".pick__title")).to_contain_text("SmolLM2")
    alice.ask(LONG)
    alice.wait_for_words()
    try:
        row.get_by_role("switch").click()
        expect(alice.page.locator(".pick__title")).not_to_contain_text("SmolLM2", timeout=ANSWER_MS)
        begun = alice.answer_text.inner_text()
        expect(alice.answer_text).not_to_have_text(begun, timeout=ANSWER_MS)
        alice.stop()
    finally:
        row.get_by_role("switch").click()
    expect(row.get_by_role("switch")).to_be_checked()
    old = title.input_value()
    title.fill("House model")
    title.press("Enter")
    expect(alice.page.locator(".pick__title")).to_contain_text("House model", timeout=ANSWER_MS)
    expect(title).to_have_value("House model")
    title.fill(old)
    title.press("Enter")
    expect(alice.page.locator(".pick__title")).to_contain_text(old, timeout=ANSWER_MS)


def test_a_key_is_shown_once_and_works(alice: Person, hearth: RunningStack) -> None:
    """An employee makes a key on a page of their own; the official client uses it."""
    import openai

    alice.open("/account/keys/")
    alice.page.get_by_label("Name of the new key").fill("report script")
    alice.page.get_by_role("button", name="Create key").click()
    key = alice.page.locator(".key-list__fresh .secret code").inner_text()
    client = openai.OpenAI(base_url=f"{hearth.url}/v1", api_key=key)
    models = [model.id for model in client.models.list()]
    answer = client.chat.completions.create(
        model=next(name for name in models if name.startswith("SmolLM2")),
        messages=[{"role": "user", "content": "Say hello."}],
        max_tokens=8,
    )
    assert answer.choices[0].message.content
    alice.page.reload()
    assert key not in alice.page.content()


def test_a_wrong_password_gets_the_same_answer_as_an_unknown_name(sit: Sit, hearth: RunningStack) -> None:
    """Nobody learns who works here."""
    person = sit()
    answers = []
    for email in (hearth.admin_email, "nobody@example.com"):
        person.open("/signin/")
        person.sign_in(email, "not the password")
        answers.append(person.page.get_by_role("alert").inner_text())
    assert answers[0] == answers[1] != ""
