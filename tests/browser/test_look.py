"""Every page on a phone and on a desk, in both languages, and from the keyboard alone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.axe import complaints, use_axe
from tests.browser.conftest import Sit
from tests.browser.person import Person
from tests.services import RunningStack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

PAGES = (
    "/",
    "/?temporary=1",
    "/documents/",
    "/assistants/",
    "/prompts/",
    "/account/",
    "/account/password/",
    "/account/imports/",
    "/account/privacy/",
    "/account/keys/",
    "/manage/models/",
    "/manage/groups/",
    "/manage/employees/",
    "/manage/ratings/",
    "/nothing-is-here/",
)
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.mark.parametrize("width", [360, 1280])
def test_no_page_is_wider_than_its_window(admin: Person, width: int) -> None:
    """Nothing has to be scrolled sideways, at 360 px neither."""
    admin.page.set_viewport_size({"width": width, "height": 720})
    for path in PAGES:
        admin.open(path)
        expect(admin.page.locator("h1")).to_have_count(1)
        assert admin.page.evaluate(OVERFLOW) <= 0, path


def test_axe_finds_nothing_on_any_page(admin: Person, sit: Sit) -> None:
    """Every page that has an address, on a phone, in light and dark; the door too."""
    found = []
    stranger = sit()
    for person, paths in ((admin, PAGES), (stranger, ("/signin/", "/invitations/no-such-invitation/"))):
        person.page.set_viewport_size({"width": 360, "height": 740})
        use_axe(person.page)
        for path in paths:
            person.open(path)
            found += complaints(person.page, path)
    assert found == []


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
    admin.page.locator("#thread").focus()
    admin.page.keyboard.press("Control+Shift+O")
    admin.page.keyboard.type("at once")
    expect(admin.composer).to_have_value("at once")
    admin.composer.fill("")
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


def test_the_keyboard_comes_back_from_what_was_open(admin: Person) -> None:
    """Esc closes a menu or a dialog, and the focus is on the button that opened it."""
    admin.open("/")
    for button in (".pick", ".sidebar__me", "[data-action=thread-settings]", ".composer__scope"):
        opener = admin.page.locator(button)
        opener.focus()
        admin.page.keyboard.press("Enter")
        expect(admin.page.locator("dialog[open], .menu:popover-open")).to_have_count(1)
        expect(opener).not_to_be_focused()
        admin.page.keyboard.press("Escape")
        expect(admin.page.locator("dialog[open], .menu:popover-open")).to_have_count(0)
        expect(opener).to_be_focused()


def test_the_help_sheet_tells_the_truth(admin: Person) -> None:
    """Ctrl / opens it once, nothing else happens behind it, and what it says of the page's own keys is so."""
    page = admin.page
    admin.open("/account/")
    page.keyboard.press("Control+/")
    page.keyboard.press("Control+/")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_have_count(1)
    page.keyboard.press("Control+Shift+O")
    expect(page).to_have_url(re.compile("/account/$"))
    page.keyboard.press("Escape")
    page.keyboard.press("Control+Shift+S")
    expect(page.locator("#sidebar")).to_be_hidden()
    page.keyboard.press("Control+K")
    expect(page.locator("[name=thread-filter]")).to_be_focused()
    page.keyboard.press("Control+Shift+O")
    expect(admin.composer).to_be_focused()
    page.locator("#thread").focus()
    page.keyboard.press("Shift+Escape")
    expect(admin.composer).to_be_focused()
