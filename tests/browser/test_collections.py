"""Sharing documents: a group, a collection, a folder of files, a new version, and losing all of it at once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Route, expect

from tests.browser.conftest import Sit
from tests.browser.office import Office
from tests.browser.person import Person

pytestmark = [pytest.mark.thorough, pytest.mark.browser, pytest.mark.model, pytest.mark.timeout(400)]

READ_MS = 60_000


@pytest.fixture(scope="module")
def bob_state(office: Office) -> dict[str, Any]:
    return office.hire("bob.sales@example.com")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files, one of them in a folder further down."""
    inner = tmp_path / "Handbooks" / "Travel"
    inner.mkdir(parents=True)
    note(inner / "Hotels.txt", "Hotel rates above 180 EUR need an approval.")
    note(tmp_path / "Handbooks" / "Laptops.txt", "Every laptop is encrypted.")
    return tmp_path / "Handbooks"


def note(path: Path, text: str) -> Path:
    path.write_text(f"{text}\n")
    return path


def shelf(person: Person, name: str) -> Locator:
    return person.page.locator(".shelves__link").filter(has_text=name)


def row(person: Person, title: str) -> Locator:
    return person.page.locator("[data-document]").filter(has_text=title)


def act(person: Person, title: str, item: str) -> None:
    row(person, title).get_by_role("button", name=re.compile("^Actions for")).click()
    person.page.get_by_role("menuitem", name=item).click()


def make_collection(person: Person, name: str) -> None:
    person.open("/documents/")
    person.page.get_by_role("button", name="New collection").click()
    person.page.get_by_label("Name of the collection").fill(name)
    person.page.keyboard.press("Enter")
    expect(person.page.get_by_role("heading", name=re.compile(name))).to_be_visible()


def add_member(person: Person, name: str) -> None:
    person.page.locator(".shelf").get_by_role("button", name="People").click()
    dialog = person.page.get_by_role("dialog")
    dialog.get_by_label("Add a person or a group").fill(name)
    dialog.get_by_role("button", name=re.compile(name)).first.click()
    expect(dialog.locator(".members__row").filter(has_text=name)).to_be_visible()
    dialog.get_by_role("button", name="Close").click()


def test_a_group_reads_a_collection_and_loses_it(
    admin: Person, alice: Person, sit: Sit, bob_state: dict[str, Any], folder: Path
) -> None:
    """What Alice puts there appears in front of Bob by itself, and is gone when she hides it or the admin says so."""
    admin.open("/manage/groups/")
    admin.page.get_by_label("Name of the new group").fill("Sales team")
    admin.page.keyboard.press("Enter")
    group = admin.page.locator("tr[data-group]").filter(has=admin.page.locator("input[value='Sales team']"))
    group.get_by_role("button", name="0 people").click()
    admin.page.get_by_role("dialog").get_by_text("bob.sales@example.com").click()
    admin.page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(group.get_by_role("button", name="1 person")).to_be_visible()

    bob = sit(bob_state)
    bob.open("/documents/")
    make_collection(alice, "Company rules")
    add_member(alice, "Sales team")
    expect(shelf(bob, "Company rules")).to_be_visible()
    alice.page.locator("input[webkitdirectory]").set_input_files(folder)
    expect(row(alice, "Handbooks/Travel/Hotels")).to_be_visible(timeout=READ_MS)
    expect(shelf(bob, "Company rules")).to_contain_text("2", timeout=READ_MS)
    shelf(bob, "Company rules").click()
    expect(row(bob, "Handbooks/Travel/Hotels").get_by_text("Ready")).to_be_visible(timeout=READ_MS)
    expect(bob.page.locator(".drop")).to_be_hidden()

    act(alice, "Handbooks/Laptops", "Exceptions")
    dialog = alice.page.get_by_role("dialog")
    dialog.get_by_label("Hidden from").first.fill("bob.sales")
    dialog.get_by_role("button", name=re.compile("bob.sales")).first.click()
    dialog.get_by_role("button", name="Save").click()
    expect(row(bob, "Handbooks/Laptops")).to_have_count(0)
    expect(shelf(bob, "Company rules")).to_contain_text("1")

    group.get_by_role("button", name="1 person").click()
    admin.page.get_by_role("dialog").get_by_text("bob.sales@example.com").click()
    admin.page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(shelf(bob, "Company rules")).to_have_count(0)
    expect(bob.page.get_by_role("heading", name="My documents")).to_be_visible()


def test_the_same_file_again_and_a_new_version(newcomer: Person, tmp_path: Path) -> None:
    """A file that is there already is said to be; its new version takes its place when it can be searched."""
    first = note(tmp_path / "Rules.txt", "A day has eight hours of work.")
    newcomer.upload(first)
    expect(row(newcomer, "Rules").get_by_text("Ready")).to_be_visible(timeout=READ_MS)
    files = newcomer.page.locator("document-list input[type=file][accept]")
    files.set_input_files(first)
    expect(newcomer.page.get_by_text("You have this file already: Rules").first).to_be_visible()
    newcomer.page.get_by_role("button", name="Show it").click()
    expect(newcomer.page.locator("[data-document] :focus")).to_be_visible()
    newcomer.page.get_by_role("button", name="Remove").click()
    second = note(tmp_path / "Rules 2.txt", "A day has seven hours of work.")
    with newcomer.page.expect_file_chooser() as chooser:
        act(newcomer, "Rules", "Upload a new version")
    chooser.value.set_files(second)
    expect(row(newcomer, "Rules")).to_contain_text("version 2", timeout=READ_MS)
    expect(row(newcomer, "Rules").get_by_text("Ready")).to_be_visible(timeout=READ_MS)
    expect(row(newcomer, "Rules")).to_have_count(1)


def test_an_overtaken_list_does_not_turn_a_document_back(newcomer: Person, tmp_path: Path) -> None:
    """The list of documents, read before the last event and arrived after it, changes nothing that the event said."""
    held: list[Route] = []
    newcomer.open("/documents/")
    newcomer.page.route("**/documents/?shelf=own", lambda route: held.append(route))
    shelf(newcomer, "My documents").click()
    newcomer.page.locator("document-list input[type=file][accept]").set_input_files(
        note(tmp_path / "Leave.txt", "Thirty days of leave a year.")
    )
    ready = row(newcomer, "Leave").get_by_text("Ready")
    expect(ready).to_be_visible(timeout=READ_MS)
    answer = held[0].fetch()
    early = answer.json()
    early["documents"][0] |= {"status": "embedding", "is_ready": False, "num_chunks_embedded": 0}
    with newcomer.page.expect_response("**/documents/?shelf=own"):
        held[0].fulfill(response=answer, json=early)
    newcomer.page.wait_for_timeout(100)
    expect(ready).to_be_visible(timeout=1)
    newcomer.page.unroute("**/documents/?shelf=own")


def test_a_thread_asks_a_collection(alice: Person, tmp_path: Path) -> None:
    """Chosen beside the message, before there is a thread; the answer names the page, and the choice stays."""
    make_collection(alice, "Hotels only")
    paper = note(tmp_path / "Hotel rules.txt", "Hotel rates above 180 EUR need an approval.")
    alice.page.locator("document-list input[type=file][accept]").set_input_files(paper)
    expect(row(alice, "Hotel rules").get_by_text("Ready")).to_be_visible(timeout=READ_MS)
    alice.open("/")
    alice.page.locator(".composer__scope").click()
    alice.page.get_by_role("dialog").get_by_text("Hotels only").click()
    alice.page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(alice.page.locator(".composer__scope")).to_contain_text("Hotels only")
    alice.ask("Which hotel rates need an approval?")
    alice.wait_for_end()
    expect(alice.page.locator(".answer__sources").first).to_contain_text("Hotel rules")
    alice.page.reload()
    expect(alice.page.locator(".composer__scope")).to_contain_text("Hotels only")
