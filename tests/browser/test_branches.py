"""Editing, answering again, going on, forking, and a second tab: as people do it, with a real model."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.person import ANSWER_MS, Person

pytestmark = [pytest.mark.browser, pytest.mark.model, pytest.mark.timeout(400)]

LONG = "Write a long story about a lighthouse keeper, at least ten paragraphs."


def edit(person: Person, old: str, new: str) -> None:
    question = person.page.locator("article.question").filter(has_text=old)
    question.hover()
    question.get_by_role("button", name="Edit the question").click()
    person.page.locator(".question__field").fill(new)
    person.page.keyboard.press("Enter")


def test_an_edited_question_keeps_the_old_one_on_its_branch(alice: Person) -> None:
    """‹ 2/2 › leads back, and what is shown last is what a reload shows."""
    alice.ask("Write one sentence about tea.")
    alice.stop()
    edit(alice, "Write one sentence about tea.", "Write one sentence about coffee.")
    expect(alice.page.locator("article.question")).to_have_count(1)
    alice.stop()
    question = alice.page.locator("article.question")
    expect(question.locator(".branches")).to_contain_text("2/2")
    alice.page.reload()
    expect(question).to_contain_text("Write one sentence about coffee.")
    question.get_by_role("button", name="Previous version").click()
    expect(question).to_contain_text("Write one sentence about tea.")
    alice.page.reload()
    expect(question).to_contain_text("Write one sentence about tea.")
    expect(question.locator(".branches")).to_contain_text("1/2")
    alice.ask("And now in French.")
    alice.stop()
    expect(question).to_have_count(2)


def test_an_answer_is_given_again_and_the_first_one_stays(alice: Person) -> None:
    alice.ask("Write one sentence about tea.")
    first = alice.wait_for_end()
    alice.answer.get_by_role("button", name="Answer again").click()
    expect(alice.answer.locator(".answer__foot")).to_have_count(0)
    alice.stop()
    expect(alice.answer.locator(".branches")).to_contain_text("2/2")
    alice.answer.get_by_role("button", name="Previous version").click()
    expect(alice.answer_text).to_have_text(first)


def test_a_stopped_answer_goes_on(alice: Person) -> None:
    """From its last word, in the same place."""
    alice.ask(LONG)
    alice.wait_for_words()
    begun = alice.stop()
    alice.answer.get_by_role("button", name="Continue").click()
    expect(alice.answer_text).to_contain_text(re.compile(re.escape(begun[:40])), timeout=ANSWER_MS)
    alice.page.wait_for_function(
        "length => document.querySelector('article.answer .answer__text').innerText.length > length + 20",
        arg=len(begun), timeout=ANSWER_MS,
    )  # fmt: skip
    ended = alice.stop()
    assert ended.startswith(begun[: len(begun) - 5])
    assert alice.page.locator("article.answer").count() == 1


def test_what_is_asked_in_one_tab_appears_in_the_other(alice: Person) -> None:
    """Without a reload, and word by word."""
    alice.ask("Write one sentence about tea.")
    alice.stop()
    other = alice.another_tab()
    expect(other.page.locator("article.question")).to_have_count(1)
    alice.ask(LONG)
    expect(other.page.locator("article.question")).to_have_count(2)
    other.wait_for_words()
    ended = other.stop()
    expect(alice.answer_text).to_have_text(ended)


def test_a_fork_is_a_thread_of_its_own(newcomer: Person) -> None:
    newcomer.ask("Write one sentence about tea.")
    newcomer.stop()
    address = newcomer.page.url
    newcomer.answer.get_by_role("button", name="Fork into a new thread").click()
    newcomer.page.wait_for_url(lambda url: url != address)
    expect(newcomer.page.locator("article.question")).to_contain_text("Write one sentence about tea.")
    expect(newcomer.page.locator(".threads__row")).to_have_count(2)
