"""All of Hearth with the starter models, and people who sit before a real Chromium."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from launch import browser
from tests.browser.office import Office
from tests.browser.person import Person
from tests.services import RunningStack, running_stack

ARGUMENTS = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync"]  # fmt: skip

# Nobody waits that long on a quiet machine; a busy one may take its time.
WAIT_MS = 30_000

Sit = Callable[..., Person]


@pytest.fixture(scope="session")
def hearth() -> Iterator[RunningStack]:
    with running_stack() as stack:
        yield stack


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One a module: Playwright's loop must not run while other modules run theirs."""
    program = browser.find()
    assert program, "bin/test installs Chromium"
    expect.set_options(timeout=WAIT_MS)
    arguments = [*ARGUMENTS, "--no-sandbox"] if os.getuid() == 0 else ARGUMENTS
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(program), args=arguments)
        yield chromium
        chromium.close()


@pytest.fixture
def sit(chromium: Browser, hearth: RunningStack) -> Iterator[Sit]:
    """Somebody new opens a browser of their own. At the end nobody's page may have complained or asked elsewhere."""
    people: list[Person] = []

    def sit_down(state: dict[str, Any] | None = None, **options: object) -> Person:
        people.append(Person(chromium, hearth.url, state, **options))
        return people[-1]

    yield sit_down
    for person in people:
        person.leave()
    assert [complaint for person in people for complaint in person.complaints] == []


@pytest.fixture(scope="session")
def office(hearth: RunningStack) -> Iterator[Office]:
    office = Office(hearth)
    yield office
    office.close()


@pytest.fixture
def admin(sit: Sit, office: Office) -> Person:
    return sit(office.admin_state)


@pytest.fixture(scope="session")
def alice_state(office: Office) -> dict[str, Any]:
    return office.hire("alice@example.com")


@pytest.fixture
def alice(sit: Sit, alice_state: dict[str, Any]) -> Person:
    """An employee before an empty chat page; her list may hold threads of other tests."""
    person = sit(alice_state)
    person.open("/")
    return person


@pytest.fixture
def newcomer(sit: Sit, office: Office) -> Person:
    """An employee who has no thread yet. Invitations from one address are counted, so only where that matters."""
    person = sit(office.hire(f"{os.urandom(3).hex()}@example.com"))
    person.open("/")
    return person


@pytest.fixture(scope="session")
def steady_hearth() -> Iterator[RunningStack]:
    """Without weights, at the pace of a reader: see tests.browser.steady."""
    with running_stack(HEARTH_BACKEND="fake", HEARTH_FAKE_TOKENS_PER_SECOND="60") as stack:
        yield stack


@pytest.fixture(scope="session")
def steady_office(steady_hearth: RunningStack) -> Iterator[Office]:
    office = Office(steady_hearth)
    yield office
    office.close()


@pytest.fixture(scope="session")
def hurried_hearth() -> Iterator[RunningStack]:
    """Without weights, as fast as it can: see tests.browser.quick."""
    with running_stack(HEARTH_BACKEND="fake") as stack:
        yield stack


@pytest.fixture(scope="session")
def hurried_office(hurried_hearth: RunningStack) -> Iterator[Office]:
    office = Office(hurried_hearth)
    yield office
    office.close()
