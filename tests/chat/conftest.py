"""The workbench of chat: the fake inference process, a turn worker in the test's own loop, sockets of real browsers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import SyncToAsync
from django.db import connections

from chat import valkey
from tests.chat.running_door import door, door_processes  # noqa: F401  (the fixtures of /v1)
from tests.inference.serve import RunningInference, running_inference


@pytest.fixture(scope="session", autouse=True)
def connections_given_back(django_db_setup: None) -> Iterator[None]:
    """Asynchronous tests use the database on asgiref's one thread, whose connection would outlive the database."""
    yield
    SyncToAsync.single_thread_executor.submit(connections.close_all).result()


@pytest.fixture(autouse=True)
def empty_valkey() -> Iterator[None]:
    """No test inherits another's attempts, sessions or logs. The run has a Valkey number of its own."""
    yield
    valkey.client().flushdb()


@pytest.fixture(autouse=True)
def own_uploads_folder(settings: Any, tmp_path: Path) -> None:
    settings.HEARTH_UPLOADS_DIR = tmp_path / "uploads"


@pytest.fixture(scope="session")
def fake_inference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningInference]:
    with running_inference("fake", models_dir=tmp_path_factory.mktemp("models")) as running:
        yield running


@pytest.fixture
def inference(settings: Any, fake_inference: RunningInference) -> RunningInference:
    """The fake inference service is the one that settings name."""
    settings.HEARTH_INFERENCE_URL = fake_inference.url
    settings.HEARTH_INFERENCE_SECRET = fake_inference.secret
    return fake_inference


@pytest.fixture(scope="session")
def slow_fake_inference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningInference]:
    models_dir = tmp_path_factory.mktemp("models")
    with running_inference("fake", models_dir=models_dir, HEARTH_FAKE_TOKENS_PER_SECOND="60") as running:
        yield running


@pytest.fixture
def slow_inference(settings: Any, slow_fake_inference: RunningInference) -> RunningInference:
    """Some words a second: time to do something in the middle of an answer."""
    settings.HEARTH_INFERENCE_URL = slow_fake_inference.url
    settings.HEARTH_INFERENCE_SECRET = slow_fake_inference.secret
    return slow_fake_inference
