"""The loop of an embedding model: texts of all callers share evaluations.

A person's question goes before a document being ingested, and evaluations are kept short so that it never waits long.
Texts of similar length go together. When callers came in numbers a moment ago, the next batch waits 2 ms for
company; a lone question never waits. Left out: padding (llama.cpp needs none).
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from inference.backends import Embedder
from inference.request import PRIORITIES
from inference.wire import Priority

WINDOW_SECONDS = 0.002
# A query waits for one evaluation at most. In less time a fast device is not filled; on a slow one this is less than
# the least, beyond which tokens get dearer again: all texts of an evaluation attend over each other, masked (one
# core: 16, 64, 128, 256, 512 tokens cost 652, 441, 451, 465, 506 µs each).
STEP_SECONDS = 0.03
LEAST_STEP_TOKENS = 128
_SMOOTHING = 0.2


@dataclass(slots=True, eq=False)
class Job:
    """One request: several texts as tokens, each getting its vector."""

    id: int
    rows: list[list[int]]
    priority: Priority = "background"
    vectors: dict[int, bytes] = field(default_factory=dict)

    @property
    def rank(self) -> int:
        return PRIORITIES.index(self.priority)


class EmbeddingLoop:
    """Feed it jobs through `inbox`; None there ends it. It answers through `emit` with
    ["embedded", id, [vector bytes], num_tokens]."""

    def __init__(
        self,
        embedder: Embedder,
        inbox: queue.SimpleQueue[Any],
        emit: Callable[[Any], None],
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._embedder = embedder
        self._inbox = inbox
        self._emit = emit
        self._jobs: dict[int, Job] = {}
        self._waiting: list[tuple[Job, int]] = []
        self._was_shared = False
        self._clock = clock
        self._seconds_per_token = STEP_SECONDS / LEAST_STEP_TOKENS
        self.num_steps = 0

    @property
    def is_busy(self) -> bool:
        return bool(self._jobs)

    def run(self) -> None:
        while self._collect():
            if self._waiting:
                self.step()

    def submit(self, job: Job) -> None:
        self._jobs[job.id] = job
        self._waiting += [(job, index) for index in range(len(job.rows))]

    def cancel(self, job_id: int) -> None:
        if self._jobs.pop(job_id, None) is not None:
            self._waiting = [(job, index) for job, index in self._waiting if job.id != job_id]

    def step(self) -> None:
        """Evaluate one batch and answer the jobs that it completes."""
        chosen = self._choose()
        self.num_steps += 1
        rows = [job.rows[index] for job, index in chosen]
        began = self._clock()
        vectors = self._embedder.embed(rows)
        self._observe(sum(map(len, rows)), self._clock() - began)
        self._was_shared = len({job.id for job, _ in chosen}) > 1
        for (job, index), vector in zip(chosen, vectors, strict=True):
            job.vectors[index] = vector
            if len(job.vectors) == len(job.rows):
                del self._jobs[job.id]
                vectors_in_order = [job.vectors[place] for place in range(len(job.rows))]
                self._emit(["embedded", job.id, vectors_in_order, sum(map(len, job.rows))])

    def _observe(self, num_tokens: int, seconds: float) -> None:
        """Learn from evaluations that are large enough to tell."""
        if num_tokens >= LEAST_STEP_TOKENS // 2:
            self._seconds_per_token += _SMOOTHING * (seconds / num_tokens - self._seconds_per_token)

    def _step_tokens(self) -> int:
        affordable = int(STEP_SECONDS / max(self._seconds_per_token, 1e-9))
        return min(max(LEAST_STEP_TOKENS, affordable), self._embedder.max_tokens)

    def _choose(self) -> list[tuple[Job, int]]:
        """The most urgent class, shortest texts first, up to the size of one evaluation."""
        rank = min(job.rank for job, _ in self._waiting)
        ordered = sorted(
            (item for item in self._waiting if item[0].rank == rank),
            key=lambda item: len(item[0].rows[item[1]]),
        )
        most = self._step_tokens()
        chosen: list[tuple[Job, int]] = []
        num_tokens = 0
        for item in ordered:
            length = len(item[0].rows[item[1]])
            if chosen and (num_tokens + length > most or len(chosen) >= self._embedder.max_sequences):
                break
            chosen.append(item)
            num_tokens += length
        taken = {(job.id, index) for job, index in chosen}
        self._waiting = [(job, index) for job, index in self._waiting if (job.id, index) not in taken]
        return chosen

    def _collect(self) -> bool:
        """Take in what has arrived; block only when there is nothing to do. False at the end."""
        for command in self._arrivals():
            if command is None:
                return False
            kind, value = command
            if kind == "embed":
                self.submit(value)
            else:
                self.cancel(value)
        return True

    def _arrivals(self) -> Iterator[Any]:
        if not self._waiting:
            yield self._inbox.get()
            if self._was_shared:
                try:
                    yield self._inbox.get(timeout=WINDOW_SECONDS)
                except queue.Empty:
                    self._was_shared = False
        while not self._inbox.empty():
            yield self._inbox.get()
