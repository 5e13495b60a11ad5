"""One fake service per session, because most promises need no weights, and a clean client per test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from inference.client import Client
from tests.inference.serve import RunningInference, running_inference


@pytest.fixture(scope="session")
def fake_service() -> Iterator[RunningInference]:
    with running_inference("fake") as running:
        yield running


@pytest.fixture
def client(fake_service: RunningInference) -> Iterator[Client]:
    with Client(fake_service.url, fake_service.secret, timeout_seconds=30.0) as client:
        yield client
