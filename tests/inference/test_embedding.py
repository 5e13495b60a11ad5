"""The loop of embedding models."""

from __future__ import annotations

import queue
from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from inference.config import EngineConfig
from inference.embedding import LEAST_STEP_TOKENS, STEP_SECONDS, EmbeddingLoop, Job
from inference.fake import FakeEmbedder


class CountingEmbedder(FakeEmbedder):
    """Remembers the shape of every evaluation."""

    def __init__(self, seconds_per_token: float = 0.001) -> None:
        super().__init__(EngineConfig(context_length=512))
        self.batches: list[list[int]] = []
        self.now = 0.0
        self._seconds_per_token = seconds_per_token

    def embed(self, rows: Sequence[Sequence[int]]) -> list[bytes]:
        self.batches.append([len(row) for row in rows])
        self.now += sum(map(len, rows)) * self._seconds_per_token
        return [bytes(str(list(row)), "ascii") for row in rows]


def make_loop(seconds_per_token: float = 0.001) -> tuple[EmbeddingLoop, CountingEmbedder, list[Any]]:
    embedder, answers = CountingEmbedder(seconds_per_token), []  # type: ignore[var-annotated]  # filled by the loop
    return EmbeddingLoop(embedder, queue.SimpleQueue(), answers.append, lambda: embedder.now), embedder, answers


@given(st.lists(st.lists(st.integers(1, 500), min_size=1, max_size=5), min_size=1, max_size=6))
def test_every_text_gets_its_own_vector(lengths: list[list[int]]) -> None:
    """However texts of many callers are mixed into evaluations, each gets its own, in its order, within the bounds."""
    loop, embedder, answers = make_loop()
    jobs = [Job(n, [[n] * length for length in row]) for n, row in enumerate(lengths)]
    for job in jobs:
        loop.submit(job)
    while len(answers) < len(jobs):
        loop.step()
    for _, number, vectors, num_tokens in answers:
        assert vectors == [bytes(str(row), "ascii") for row in jobs[number].rows]
        assert num_tokens == sum(lengths[number])
    for batch in embedder.batches:
        assert len(batch) == 1 or sum(batch) <= LEAST_STEP_TOKENS
        assert len(batch) <= embedder.max_sequences


def test_a_question_goes_before_a_document() -> None:
    """A person's query is in the next evaluation although a large document came first."""
    loop, _, answers = make_loop()
    loop.submit(Job(1, [[1] * 200] * 20, "background"))
    loop.step()
    loop.submit(Job(2, [[2] * 10], "interactive"))
    loop.step()
    assert [answer[1] for answer in answers] == [2]


def test_many_callers_share_one_evaluation() -> None:
    """Short texts of different callers go together."""
    loop, embedder, answers = make_loop()
    for number in range(10):
        loop.submit(Job(number, [[number] * 10]))
    loop.step()
    assert len(answers) == 10
    assert len(embedder.batches) == 1


def test_a_fast_device_is_given_more_at_once() -> None:
    """As much as keeps an evaluation short, and no more than one may hold."""
    for seconds_per_token, most in ((0.001, LEAST_STEP_TOKENS), (0.0001, STEP_SECONDS / 0.0001), (0.00001, 512)):
        loop, embedder, answers = make_loop(seconds_per_token)
        loop.submit(Job(1, [[1] * 20] * 2000))
        while not answers:
            loop.step()
        assert max(map(sum, embedder.batches)) <= most
        assert sum(embedder.batches[50]) > most - 21 or len(embedder.batches[50]) == embedder.max_sequences


def test_a_cancelled_job_costs_nothing_more() -> None:
    """Its texts are no longer evaluated."""
    loop, embedder, answers = make_loop()
    loop.submit(Job(1, [[1] * 200] * 20))
    loop.submit(Job(2, [[2] * 10]))
    loop.cancel(1)
    loop.step()
    assert [answer[1] for answer in answers] == [2]
    assert embedder.batches == [[10]]
