"""A thread's title: first words at once, the model's words later, the employee's for good."""

from __future__ import annotations

from typing import Any

import pytest

from chat import doorbell, titles
from chat.models import Employee
from chat.models.thread import FROM_MODEL
from tests.factories import make_thread, make_turn
from tests.inference.serve import RunningInference

pytestmark = pytest.mark.django_db


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    heard: list[dict[str, Any]] = []
    monkeypatch.setattr(doorbell, "thread_changed", lambda employee_id, summary: heard.append(summary))
    return heard


def test_the_model_names_the_thread(alice: Employee, inference: RunningInference, rung: list[dict[str, Any]]) -> None:
    """And every tab hears of it."""
    thread = make_thread(alice, "say: Hotel costs")
    make_turn(thread, "say: Hotel costs", answer="180 euros", message_status="complete", status="finished")
    titles.write(thread.pk)
    thread.refresh_from_db()
    assert (thread.title, thread.title_source) == ("Hotel costs", FROM_MODEL)
    assert [summary["title"] for summary in rung] == ["Hotel costs"]


def test_a_title_that_alice_wrote_stays(
    alice: Employee, inference: RunningInference, rung: list[dict[str, Any]]
) -> None:
    thread = make_thread(alice, "say: Hotel costs")
    make_turn(thread, "say: Hotel costs", answer="180 euros", message_status="complete", status="finished")
    thread.rename("Mine")
    titles.write(thread.pk)
    thread.refresh_from_db()
    assert thread.title == "Mine"
    assert not rung


def test_without_an_answer_or_a_service_the_first_words_stay(alice: Employee, settings: Any) -> None:
    """A thread whose answer failed, a deleted one, and an inference service that is away."""
    settings.HEARTH_INFERENCE_URL = "http://127.0.0.1:9"
    unanswered, deleted, answered = (make_thread(alice, "First words") for _ in range(3))
    make_turn(unanswered, message_status="failed", status="failed")
    make_turn(deleted, answer="x", message_status="complete", status="finished")
    deleted.delete_softly()
    make_turn(answered, answer="x", message_status="complete", status="finished")
    for thread in (unanswered, deleted, answered):
        titles.write(thread.pk)
        thread.refresh_from_db()
        assert thread.title == "First words"
