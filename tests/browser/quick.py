"""A Hearth whose model says what it is told to ("say: …"), for what depends on the words of an answer.

One for all modules; each has a reader of its own, so nobody finds another's threads and documents.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.office import Office
from tests.browser.person import ANSWER_MS, Person
from tests.services import RunningStack

Seat = Callable[..., Person]


@pytest.fixture(scope="module")
def quick_hearth(hurried_hearth: RunningStack) -> RunningStack:
    return hurried_hearth


@pytest.fixture(scope="module")
def quick_office(hurried_office: Office) -> Office:
    return hurried_office


@pytest.fixture(scope="module")
def reader_state(quick_office: Office) -> dict[str, object]:
    return quick_office.hire(f"reader-{os.urandom(3).hex()}@example.com")


@pytest.fixture
def seat(chromium: Browser, quick_hearth: RunningStack, reader_state: dict[str, object]) -> Iterator[Seat]:
    """The reader before another browser. At the end no page may have complained or asked elsewhere."""
    people: list[Person] = []

    def sit_down(state: dict[str, object] | None = None, **options: object) -> Person:
        people.append(Person(chromium, quick_hearth.url, state or reader_state, **options))
        return people[-1]

    yield sit_down
    for person in people:
        person.leave()
    assert [complaint for person in people for complaint in person.complaints] == []


def asked_about(person: Person, path: Path, question: str) -> str:
    """Upload the file, ask about it, wait for the end. Returns the address of the thread."""
    row = person.upload(path)
    expect(row).to_contain_text("Ready", timeout=ANSWER_MS)
    row.get_by_role("link", name="Ask about this").or_(row.get_by_role("button", name="Ask about this")).click()
    expect(person.page.locator(".composer__files")).to_contain_text(path.stem)
    person.ask(question)
    person.wait_for_end()
    return person.page.url
