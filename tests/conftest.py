"""The cast: Alice asks, Bob must see nothing, Carol administers. And a front end that need not be built."""

from __future__ import annotations

from collections.abc import Iterator

import hypothesis
import pytest
from django.conf import settings
from django.test import Client, TransactionTestCase
from django.test.utils import override_settings

from chat.models import Employee
from tests import cleaning
from tests.factories import browser_of, make_employee

# An example that took long says that the machine was busy, and nothing about the code.
# The same examples every time, so that a change is judged by what it changes. New ones are looked for by hand, with
# `bin/test tests/inference --hypothesis-profile exploring`: what that finds becomes an @example.
hypothesis.settings.register_profile(
    "exploring", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.register_profile("steady", hypothesis.settings.get_profile("exploring"), derandomize=True)
hypothesis.settings.load_profile("steady")


@pytest.fixture(scope="session", autouse=True)
def quick_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Pages name static files by their plain names, so that their tests need no build; hashing costs nothing.

    The folder of built files is an empty one: WhiteNoise looks at each file in it for every new client (60 ms).
    """
    with override_settings(
        STORAGES=settings.STORAGES
        | {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}},
        STATIC_ROOT=tmp_path_factory.mktemp("static"),
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    ):
        yield


@pytest.fixture(scope="session", autouse=True)
def quick_cleaning() -> Iterator[None]:
    """Behind a test with real transactions only the rows go that are there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", cleaning.delete_all_rows)
        yield


@pytest.fixture
def alice(db: None) -> Employee:
    return make_employee("alice@example.com", name="Alice Example")


@pytest.fixture
def bob(db: None) -> Employee:
    return make_employee("bob@example.com", name="Bob Example")


@pytest.fixture
def carol(db: None) -> Employee:
    return make_employee("carol@example.com", name="Carol Example", is_admin=True)


@pytest.fixture
def alices_browser(alice: Employee) -> Client:
    return browser_of(alice)


@pytest.fixture
def bobs_browser(bob: Employee) -> Client:
    return browser_of(bob)


@pytest.fixture
def carols_browser(carol: Employee) -> Client:
    return browser_of(carol)
