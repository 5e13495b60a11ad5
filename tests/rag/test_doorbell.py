"""Bells: rung on commit, harmless when lost, and each with somebody to hear it."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from celery import current_app
from kombu.exceptions import OperationalError

from rag.doorbell import ring
from rag.schedule import BEAT


def test_beat_rings_tasks_that_exist() -> None:
    """A misspelt name would be silence."""
    for entry in BEAT.values():
        assert entry["task"] in current_app.tasks
    for name in ("probe", "extract", "chunk", "embed"):
        assert f"rag.{name}" in current_app.tasks


def test_a_bell_rings_on_commit_and_never_before(
    db: None, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    """A worker never looks for a row that is not there yet."""
    rung: list[tuple[object, ...]] = []
    monkeypatch.setattr(current_app.tasks["rag.probe"], "apply_async", lambda args, **options: rung.append(args))
    with django_capture_on_commit_callbacks(execute=True):
        ring("probe", 7)
        assert rung == []
    assert rung == [(7,)]


def test_a_broker_that_is_away_fails_nothing(
    db: None,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The upload is stored; the next sweep finds it."""

    def away(args: object, **options: object) -> None:
        raise OperationalError("no broker")

    monkeypatch.setattr(current_app.tasks["rag.probe"], "apply_async", away)
    with caplog.at_level(logging.WARNING), django_capture_on_commit_callbacks(execute=True):
        ring("probe", 7)
    assert "next sweep" in caplog.text
