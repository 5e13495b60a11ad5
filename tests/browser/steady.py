"""The same for tests that do something in the middle of an answer: slow enough for it. One Hearth for all of them."""

from __future__ import annotations

import os

import pytest

from tests.browser.office import Office
from tests.services import RunningStack


@pytest.fixture(scope="module")
def quick_hearth(steady_hearth: RunningStack) -> RunningStack:
    return steady_hearth


@pytest.fixture(scope="module")
def quick_office(steady_office: Office) -> Office:
    return steady_office


@pytest.fixture(scope="module")
def reader_state(steady_office: Office) -> dict[str, object]:
    return steady_office.hire(f"reader-{os.urandom(3).hex()}@example.com")
