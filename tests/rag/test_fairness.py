"""Whose file is next: nobody's five hundred files stand before somebody's one."""

from __future__ import annotations

from typing import Any

import pytest

from rag import embedding, fairness, ingest
from rag.models import Batch, Version
from tests.rag.workbench import HANDBOOK, pdf, upload

pytestmark = pytest.mark.django_db


def steps_until_searchable(version: Version, most: int = 40) -> int:
    for number in range(1, most):
        ingest.read_something()
        version.refresh_from_db()
        if version.searchable_at is not None:
            return number
    raise AssertionError("never searchable")


def test_one_file_does_not_wait_for_another_persons_many(alice: Any, bob: Any) -> None:
    """Bob's single file needs three steps and waits for at most one of Alice's before each."""
    for number in range(12):
        upload(alice, pdf([[f"{number} Rules", f"Rule {number} is to be kept."]]), f"{number}.pdf")
    version = upload(bob, pdf(HANDBOOK)).newest_version
    assert version is not None
    assert steps_until_searchable(version) <= 7


def test_one_persons_files_are_finished_in_order(alice: Any) -> None:
    """The first can be searched while the others wait, instead of all of them being looked at first."""
    first = upload(alice, pdf(HANDBOOK), "first.pdf").newest_version
    for number in range(6):
        upload(alice, pdf([[f"{number}", f"Rule {number}."]]), f"{number}.pdf")
    assert first is not None
    assert steps_until_searchable(first) == 3


def test_vectors_are_made_in_turn(alice: Any, bob: Any, space: Any) -> None:
    """Of the batches that wait, the next one is of whoever was served longest ago."""
    for owner in (alice, alice, bob):
        version = upload(owner, pdf([*HANDBOOK, [str(Version.objects.count()), "More."]])).newest_version
        assert version is not None
        steps_until_searchable(version)
    waiting = Batch.objects.order_by(fairness.BY_TURN, "number", "id").first()
    assert waiting is not None
    assert waiting.version.document.owner_id == alice.pk
    fairness.note_turn(waiting.version)
    embedding.embed()
    assert not Batch.objects.filter(is_done=False).exists()


def test_excerpts_wait_until_no_chunk_does(alice: Any, bob: Any, space: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody's documents are ready before anybody's are ranked better."""
    for owner in (alice, bob):
        version = upload(owner, pdf([*HANDBOOK, [owner.name, "More."]])).newest_version
        assert version is not None
        steps_until_searchable(version)
    taken: list[bool] = []
    claim = embedding._claim_batch

    def watched() -> Batch | None:
        batch = claim()
        if batch is not None:
            taken.append(batch.is_of_excerpts)
        return batch

    monkeypatch.setattr(embedding, "_claim_batch", watched)
    embedding.embed()
    assert taken == sorted(taken)
    assert set(taken) == {False, True}
