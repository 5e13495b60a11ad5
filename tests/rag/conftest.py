"""The cast and the workbench of document tests: a real database, a real reading child, the fake embedding model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from rag import spaces
from tests.inference.serve import RunningInference, running_inference


@pytest.fixture(scope="session")
def inference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningInference]:
    """One inference process with fake-embed for all tests of documents."""
    with running_inference(backend="fake", models_dir=tmp_path_factory.mktemp("models")) as running:
        yield running


@pytest.fixture(autouse=True)
def uploads_dir(settings: Any, tmp_path: Path) -> Path:
    """Every test has an uploads folder of its own."""
    settings.HEARTH_UPLOADS_DIR = tmp_path / "uploads"
    return settings.HEARTH_UPLOADS_DIR


@pytest.fixture(autouse=True)
def no_broker(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[object, ...]]]:
    """Bells ring into a list: tests drive the steps themselves, and the pipeline must not need the bells."""
    rung: list[tuple[str, tuple[object, ...]]] = []
    for module in ("arrivals", "ingest", "shards", "scans", "indexing", "embedding", "spaces", "maintenance"):
        monkeypatch.setattr(f"rag.{module}.ring", lambda task, *args: rung.append((task, args)))
    monkeypatch.setattr("rag.doorbell.ring", lambda task, *args: rung.append((task, args)))
    return rung


@pytest.fixture
def alice(db: None) -> Any:
    """She uploads and asks."""
    return get_user_model().objects.create_employee("alice@example.com", name="Alice")


@pytest.fixture
def bob(db: None) -> Any:
    """He must see nothing of hers."""
    return get_user_model().objects.create_employee("bob@example.com", name="Bob")


@pytest.fixture
def space(db: None, settings: Any, inference: RunningInference) -> Any:
    """The fake embedding model is in force."""
    settings.HEARTH_INFERENCE_URL = inference.url
    settings.HEARTH_INFERENCE_SECRET = inference.secret
    return spaces.activate("fake-embed")
