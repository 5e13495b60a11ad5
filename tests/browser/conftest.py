"""All of Hearth with the starter models, and people who sit before a real Chromium."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from launch import browser
from tests.browser.person import Person
from tests.services import RunningStack, running_stack

ARGUMENTS = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync"]  # fmt: skip
ADMIN_PASSWORD = "ember-and-paper-42"

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
    arguments = [*ARGUMENTS, "--no-sandbox"] if os.getuid() == 0 else ARGUMENTS
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(program), args=arguments)
        yield chromium
        chromium.close()


@pytest.fixture
def sit(chromium: Browser, hearth: RunningStack) -> Iterator[Sit]:
    """Somebody new opens a browser of their own. At the end nobody's page may have complained or asked elsewhere."""
    people: list[Person] = []

    def sit_down(**options: object) -> Person:
        people.append(Person(chromium, hearth.url, **options))
        return people[-1]

    yield sit_down
    for person in people:
        person.leave()
    assert [complaint for person in people for complaint in person.complaints] == []


@pytest.fixture(scope="session")
def admin_state(hearth: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cookies of the first admin, who has chosen a password."""
    return tmp_path_factory.mktemp("browser") / "admin.json"


@pytest.fixture
def admin(sit: Sit, hearth: RunningStack, admin_state: Path) -> Person:
    if admin_state.exists():
        person = sit(storage_state=str(admin_state))
        person.open("/")
        return person
    person = sit()
    person.open("/")
    person.sign_in(hearth.admin_email, hearth.admin_password)
    person.choose_password(hearth.admin_password, ADMIN_PASSWORD)
    person.page.context.storage_state(path=str(admin_state))
    return person


@pytest.fixture
def alice(sit: Sit, admin: Person, request: pytest.FixtureRequest) -> Person:
    """An employee whom the admin has invited for this test."""
    name = request.node.originalname.removeprefix("test_").replace("_", "-")[:40]
    link = admin.invite(f"{name}-{os.urandom(3).hex()}@example.com")
    person = sit(**getattr(request, "param", {}))
    person.accept(link, "Alice Example", "a-warm-place-to-ask")
    return person
