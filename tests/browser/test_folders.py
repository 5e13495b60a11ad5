"""Putting threads in order: folders, tags, the trash, a temporary thread, a draft on another device, sharing."""

from __future__ import annotations

import re
import time

import psycopg
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Sit
from tests.browser.office import Office
from tests.browser.person import Person
from tests.services import RunningStack

pytestmark = [pytest.mark.browser, pytest.mark.model, pytest.mark.timeout(400)]


def test_a_folder_holds_threads_and_is_found_by_its_name(newcomer: Person) -> None:
    """Made from the thread's own menu; a thread begun in it lies in it; the filter finds it."""
    page = newcomer.page
    newcomer.ask("Write one sentence about tea.")
    newcomer.stop()
    newcomer.choose_in_menu_of("", "Move to folder")
    page.get_by_role("dialog").get_by_role("button", name="New folder").click()
    page.get_by_label("Name of the folder").fill("Drinks")
    page.keyboard.press("Enter")
    folder = page.locator(".folder__name")
    expect(folder).to_contain_text(re.compile("Drinks.*1", re.S))
    page.reload()
    expect(page.locator(".folder + .threads .threads__row")).to_have_count(1)
    page.locator(".folder").hover()
    page.get_by_role("button", name="Actions for the folder Drinks").click()
    page.get_by_role("menuitem", name="New thread here").click()
    expect(page.get_by_text("In the folder Drinks")).to_be_visible()
    newcomer.ask("Write one sentence about milk.")
    newcomer.stop()
    expect(folder).to_contain_text(re.compile("Drinks.*2", re.S))
    page.keyboard.press("Control+K")
    page.keyboard.type("in:drinks milk")
    expect(page.locator(".threads__row mark").first).to_have_text("milk")
    expect(page.locator(".threads__row")).to_have_count(1)


def test_the_trash_gives_back_and_forgets(newcomer: Person) -> None:
    page = newcomer.page
    newcomer.ask("Write one sentence about tea.")
    newcomer.stop()
    newcomer.choose_in_menu_of("", "Delete")
    expect(page).to_have_url(re.compile(r"^http://[^/]+/$"))  # the thread that was open is gone
    page.get_by_role("button", name="Trash").click()
    expect(page.locator("thread-list")).to_contain_text("after 30 days")
    newcomer.choose_in_menu_of("", "Restore")
    expect(page.locator("thread-list")).to_contain_text("The trash is empty.")
    page.get_by_role("button", name="All threads").click()
    newcomer.choose_in_menu_of("", "Delete")
    page.get_by_role("button", name="Trash").click()
    newcomer.choose_in_menu_of("", "Delete for ever")
    page.get_by_role("dialog").get_by_role("button", name="Delete for ever").click()
    expect(page.locator("thread-list")).to_contain_text("The trash is empty.")


def num_temporary(hearth: RunningStack) -> int:
    with psycopg.connect(hearth.database_url, autocommit=True) as connection:
        (num,) = connection.execute("SELECT count(*) FROM chat_thread WHERE is_temporary").fetchone() or (0,)
        return int(num)


def test_a_temporary_thread_leaves_nothing_behind(newcomer: Person, hearth: RunningStack) -> None:
    """Not in the list while it is written, and gone when the page is left."""
    page = newcomer.page
    page.get_by_role("link", name="Begin a temporary thread").click()
    newcomer.ask("Write one sentence about tea.")
    newcomer.stop()
    expect(page.locator(".threads__row")).to_have_count(0)
    assert num_temporary(hearth) == 1
    page.get_by_role("link", name="Temporary").click()
    expect(page.get_by_role("link", name="Begin a temporary thread")).to_be_visible()
    deadline = time.monotonic() + 60
    while num_temporary(hearth) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert num_temporary(hearth) == 0


def test_a_draft_is_there_on_another_device(newcomer: Person) -> None:
    with newcomer.page.expect_response(re.compile("/threads/draft/$")):
        newcomer.composer.fill("Half a thought")
    phone = newcomer.another_device()
    expect(phone.composer).to_have_value("Half a thought")


def test_a_shared_thread_is_read_copied_and_revoked(newcomer: Person, sit: Sit, office: Office) -> None:
    page = newcomer.page
    newcomer.ask("Write one sentence about tea.")
    newcomer.stop()
    newcomer.choose_in_menu_of("", "Share")
    page.get_by_role("button", name="Make a link").click()
    address = page.locator(".shares__link").get_attribute("href") or ""
    colleague = sit(office.hire("colleague@example.com"))
    colleague.open(address)
    expect(colleague.page.locator("article.question")).to_contain_text("Write one sentence about tea.")
    colleague.page.get_by_role("button", name="Continue as my copy").click()
    expect(colleague.composer).to_be_visible()
    expect(colleague.page.locator("article.question")).to_contain_text("Write one sentence about tea.")
    page.get_by_role("button", name="Revoke").click()
    expect(page.locator("dialog")).to_contain_text("Not shared yet.")
    colleague.open(address)
    expect(colleague.page.get_by_text("There is nothing here")).to_be_visible()
