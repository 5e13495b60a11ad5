"""What an answer looks like: reasoning folded above it, formulas drawn, words of it quoted in the next question."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.office import Office
from tests.browser.person import Person
from tests.browser.quick import Seat, quick_hearth, quick_office, reader_state, seat  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
MATH = (
    r"say: Energy is $E = mc^2$ and \(a_1 + b_1\). It costs $5 and $10." "\n\n"
    r"$$" "\n" r"\frac{x}{2}" "\n" r"+ \bf{y}" "\n" r"$$" "\n\n" r"But $\frac{a$ is none."
)  # fmt: skip


@pytest.fixture
def reader(seat: Seat) -> Person:  # noqa: F811
    person = seat()
    person.open("/")
    return person


def select_words(person: Person) -> None:
    person.page.evaluate(
        """() => {
          const range = document.createRange();
          range.selectNodeContents(document.querySelector("article.answer .answer__text p"));
          getSelection().removeAllRanges();
          getSelection().addRange(range);
        }"""
    )


def test_formulas_are_drawn_and_money_is_not(reader: Person) -> None:
    """As MathML; a formula with a mistake shows its source. The policy of the page has nothing to complain about."""
    reader.ask(MATH)
    reader.wait_for_end()
    text = reader.answer.locator(".answer__text")
    expect(text.locator("math")).to_have_count(3)
    expect(text.locator("math[display=block] mfrac")).to_have_count(1)
    expect(text).to_contain_text("It costs $5 and $10.")
    expect(text.locator(".math__source")).to_have_text(r"$\frac{a$")
    reader.page.set_viewport_size({"width": 360, "height": 720})
    assert reader.page.evaluate(OVERFLOW) <= 0


def test_words_of_an_answer_are_quoted(reader: Person) -> None:
    """By the button beside the selection, and by the keyboard; the message has the focus and keeps what it had."""
    reader.ask("say: Parcels go to gate nineteen.")
    reader.wait_for_end()
    select_words(reader)
    reader.page.get_by_role("button", name="Quote", exact=True).click()
    expect(reader.composer).to_have_value("> Parcels go to gate nineteen.\n\n")
    expect(reader.composer).to_be_focused()
    reader.composer.fill("Why?")
    select_words(reader)
    reader.page.keyboard.press("Alt+q")
    expect(reader.composer).to_have_value("Why?\n\n> Parcels go to gate nineteen.\n\n")


def test_a_formula_is_quoted_as_it_was_written(reader: Person) -> None:
    """What is drawn has one letter a line."""
    reader.ask("say: The area is $a^2$ in all.")
    reader.wait_for_end()
    expect(reader.answer.locator("math")).to_be_visible()
    select_words(reader)
    reader.page.keyboard.press("Alt+q")
    expect(reader.composer).to_have_value("> The area is $a^2$ in all.\n\n")


def test_reasoning_is_folded_above_the_answer(seat: Seat, quick_office: Office) -> None:  # noqa: F811
    """It says how long the model thought, opens on Enter, and is there after a reload."""
    admin = seat(quick_office.admin_state)
    admin.open("/manage/models/")
    admin.page.get_by_label(re.compile("think is enabled")).check(force=True)
    reader = seat()
    reader.open("/")
    reader.page.locator(".pick").click()
    reader.page.get_by_role("menuitemradio", name=re.compile("think")).click()
    reader.ask("think: Forty and two make the number. say: It is 42.")
    reader.wait_for_end()
    fold = reader.answer.locator("details.thought")
    for _ in range(2):
        expect(reader.answer.locator(".answer__text")).to_have_text("It is 42.")
        expect(fold.locator("summary")).to_have_text(re.compile("Thought (briefly|for)"))
        expect(fold.locator(".thought__text")).to_be_hidden()
        fold.locator("summary").focus()
        reader.page.keyboard.press("Enter")
        expect(fold.locator(".thought__text")).to_have_text("Forty and two make the number.")
        reader.page.reload()
