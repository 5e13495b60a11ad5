"""Every page on a phone and on a desk, in both languages, and from the keyboard alone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Sit
from tests.browser.person import Person
from tests.services import RunningStack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

PAGES = (
    "/",
    "/documents/",
    "/account/",
    "/account/password/",
    "/account/keys/",
    "/manage/models/",
    "/manage/employees/",
)
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.mark.parametrize("width", [360, 1280])
def test_no_page_is_wider_than_its_window(admin: Person, width: int) -> None:
    """Nothing has to be scrolled sideways, at 360 px neither."""
    admin.page.set_viewport_size({"width": width, "height": 720})
    for path in PAGES:
        admin.open(path)
        expect(admin.page.locator("main")).to_be_visible()
        assert admin.page.evaluate(OVERFLOW) <= 0, path


def test_a_german_browser_gets_german_pages(sit: Sit, hearth: RunningStack) -> None:
    """The language comes from the browser, on the page and in what scripts add."""
    person = sit(locale="de-DE")
    person.open("/signin/")
    assert person.page.locator("html").get_attribute("lang") == "de"
    expect(person.page.get_by_role("button", name="Anmelden")).to_be_visible()


def test_the_keyboard_reaches_everything(admin: Person) -> None:
    """New thread, finding threads, the models and the way back, without a mouse."""
    admin.open("/documents/")
    admin.page.keyboard.press("Control+Shift+O")
    expect(admin.page).to_have_url(re.compile(r"/$"))
    expect(admin.composer).to_be_focused()
    admin.page.keyboard.press("Control+K")
    expect(admin.page.locator("[name=thread-filter]")).to_be_focused()
    admin.page.keyboard.press("Escape")
    admin.page.locator(".pick").focus()
    admin.page.keyboard.press("Enter")
    expect(admin.page.get_by_role("menu", name="Models")).to_be_visible()
    admin.page.keyboard.press("Escape")
    expect(admin.page.get_by_role("menu", name="Models")).to_be_hidden()


def test_an_empty_message_is_not_sent_and_a_long_one_says_so(admin: Person) -> None:
    """Nothing typed is lost: a message over 32,000 characters stays in the box with a sentence beside it."""
    admin.open("/")
    admin.composer.fill("   ")
    admin.composer.press("Enter")
    expect(admin.page.locator("article.question")).to_have_count(0)
    admin.composer.fill("x" * 1_000_000)
    admin.composer.press("Enter")
    expect(admin.page.locator("main")).to_contain_text("968,000 characters too many")
    assert len(admin.composer.input_value()) == 1_000_000
    expect(admin.page.locator("article.question")).to_have_count(0)
