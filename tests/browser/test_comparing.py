"""Several models side by side, as one asks and chooses: from the keyboard, in two tabs, on a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.axe import complaints, use_axe
from tests.browser.office import Office
from tests.browser.person import ANSWER_MS, Person
from tests.browser.quick import Seat, seat  # noqa: F401
from tests.browser.steady import quick_hearth, quick_office, reader_state  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

WORDS = " ".join(f"word{n}" for n in range(40))


@pytest.fixture(autouse=True)
def two_models(quick_office: Office) -> None:  # noqa: F811
    quick_office.enable("fake-think", "fake think, whose name is long")


def columns(person: Person) -> Locator:
    return person.page.locator("answer-columns .answer")


def test_two_models_are_compared_and_one_is_kept(seat: Seat) -> None:  # noqa: F811
    """Chosen from the keyboard; each has its own state and stop, in both tabs, over a reload; the kept answer is the
    branch everywhere, the other is behind ‹ 1/2 ›, and both are compared again.
    axe finds nothing in the menu and in the columns."""
    reader = seat()
    page = reader.page
    use_axe(page)
    reader.open("/")
    page.locator(".pick").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitemcheckbox", name="fake chat")).to_have_attribute("aria-checked", "true")
    page.get_by_role("menuitemcheckbox", name="fake think").press("Enter")
    found = complaints(page, "who answers")
    page.keyboard.press("Escape")
    expect(page.locator(".composer__models")).to_contain_text("Side by side")
    reader.ask(f"say: {WORDS}")
    expect(page.locator(".composer__models")).to_be_hidden()
    expect(columns(reader)).to_have_count(2)
    page.wait_for_url("**/threads/**")
    other = reader.another_tab()
    expect(columns(other)).to_have_count(2)
    for answer in (*columns(reader).all(), *columns(other).all()):
        expect(answer.locator(".answer__text")).to_contain_text("word1", timeout=ANSWER_MS)
    page.get_by_role("button", name="Stop fake think").click()
    expect(columns(reader).nth(1).locator(".column__state")).to_have_text("stopped")
    expect(columns(reader).nth(0).locator(".answer__text")).to_have_text(WORDS, timeout=ANSWER_MS)
    page.reload()
    expect(columns(reader).locator(".column__state")).to_have_text(["done", "stopped"])
    assert [*found, *complaints(page, "answers side by side")] == []
    columns(reader).nth(1).get_by_role("button", name="Continue").click()
    expect(columns(reader).nth(1).locator(".answer__text")).to_have_text(WORDS, timeout=ANSWER_MS)
    columns(reader).nth(1).get_by_role("button", name="Keep this one").click()
    for tab in (reader, other):
        expect(columns(tab)).to_have_count(0)
        expect(tab.answer.locator(".branches")).to_contain_text("2/2")
        expect(tab.answer).to_contain_text("fake think")
    assert complaints(page, "one answer was kept") == []
    reader.answer.get_by_role("button", name="Compare again").click()
    expect(columns(reader)).to_have_count(2)
    expect(columns(other)).to_have_count(2)
    columns(reader).nth(1).get_by_role("button", name="Keep this one").click()
    expect(reader.answer.locator(".branches")).to_contain_text("2/2")
    reader.answer.get_by_role("button", name="Previous version").click()
    expect(reader.answer.locator(".branches")).to_contain_text("1/2")
    expect(other.answer.locator(".branches")).to_contain_text("1/2")


def test_signs_compare_on_a_phone_and_asking_on_keeps_the_first(seat: Seat) -> None:  # noqa: F811
    """Each @ adds a model; tabs lead to the columns; nothing is wider than the window."""
    reader = seat(viewport={"width": 360, "height": 720})
    page = reader.page
    reader.open("/")
    for name in ("chat", "think"):
        reader.composer.press_sequentially(f"@{name}")
        reader.composer.press("Enter")
    expect(page.locator(".composer__once")).to_have_count(2)
    reader.ask("say: an answer")
    expect(columns(reader).locator(".column__state")).to_have_text(["done", "done"], timeout=ANSWER_MS)
    tabs = page.get_by_role("group", name="Side by side").locator(".columns__tab")
    expect(tabs.nth(0)).to_have_attribute("aria-pressed", "true")
    tabs.nth(1).click()
    expect(tabs.nth(1)).to_have_attribute("aria-pressed", "true")
    expect(columns(reader).nth(1).get_by_role("button", name="Keep this one")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    expect(page.locator(".columns__note")).to_contain_text("fake chat")
    reader.ask("say: and on")
    expect(columns(reader)).to_have_count(0)
    expect(page.locator("article.answer")).to_have_count(2)
    expect(page.locator("article.answer").first.locator(".branches")).to_contain_text("1/2", timeout=ANSWER_MS)


def test_an_edited_question_takes_signs_too(seat: Seat) -> None:  # noqa: F811
    """@ in the question that is being edited puts it to that model; the composer's own choice stays as it is."""
    reader = seat()
    page = reader.page
    reader.open("/")
    reader.ask("say: once")
    reader.wait_for_end()
    question = page.locator("article.question")
    question.hover()
    question.get_by_role("button", name="Edit the question").click()
    field = page.locator(".question__field")
    field.press_sequentially(" @think")
    expect(question.get_by_role("listbox", name="Models").get_by_role("option")).to_have_count(1)
    field.press("Enter")
    expect(field).to_have_value("say: once ")
    expect(question.locator(".composer__once")).to_contain_text("This message with fake think")
    field.press("Enter")
    expect(question.locator(".branches")).to_contain_text("2/2")
    expect(reader.answer).to_contain_text("fake think", timeout=ANSWER_MS)


def test_an_answer_is_given_again_by_another_model(seat: Seat) -> None:  # noqa: F811
    """Chosen in a menu under the answer; the thread keeps its model, and the first answer is behind ‹ 1/2 ›."""
    reader = seat()
    page = reader.page
    reader.open("/")
    reader.ask("say: again")
    reader.wait_for_end()
    expect(reader.answer).to_contain_text("fake chat")
    reader.answer.get_by_role("button", name="Answer again").click()
    page.get_by_role("menuitem", name="With fake think").click()
    expect(reader.answer.locator(".branches")).to_contain_text("2/2", timeout=ANSWER_MS)
    expect(reader.answer.locator(".answer__foot")).to_contain_text("fake think")
    expect(page.locator(".pick__title")).to_have_text("fake chat")
    reader.answer.get_by_role("button", name="Previous version").click()
    expect(reader.answer.locator(".answer__foot")).to_contain_text("fake chat")
