"""The loop: take commands, plan, evaluate, sample, deliver. One thread runs it and owns the context.

It delivers through `emit`, once a step, with the events of all requests; each event is a list that fits a frame:
    ["accepted", id, num_prompt_tokens]            ["queued", id, position, wait_seconds]
    ["reading", id, num_prompt, num_done, cached]  ["delta", id, text, [tokens], [logprobs]?]
    ["finished", id, reason, usage, timings]       ["error", id, error object]
Tokens travel beside the text so that a successor of this process can go on exactly where it stopped.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Sequence
from typing import Any

from inference import errors, wire
from inference.backends import Backend, Batch, BatchRefused, MemoryFull
from inference.config import EngineConfig
from inference.request import Generation
from inference.scheduler import Plan, Scheduler, Work

Event = list[Any]
_QUEUE_NEWS_SECONDS = 0.5


class Engine:
    def __init__(
        self,
        backend: Backend,
        config: EngineConfig,
        emit: Callable[[list[Event]], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.scheduler = Scheduler(
            config, can_share=backend.can_share, can_offload=backend.can_offload, can_mix=backend.can_mix
        )
        self.num_steps = 0
        self._backend = backend
        self._emit = emit
        self._clock = clock
        self._generations: dict[int, Generation] = {}
        self._events: list[Event] = []
        self._has_news = False  # for the figures that go out with the events
        self._queue_news_at = 0.0

    @property
    def is_idle(self) -> bool:
        return not self._generations

    def submit(self, generation: Generation) -> None:
        generation.arrived_at = self._clock()
        try:
            self.scheduler.submit(generation)
        except errors.QueueFull as error:
            self._events.append(["error", generation.id, error.to_wire()])
            return
        self._generations[generation.id] = generation
        self._events.append(["accepted", generation.id, generation.num_prompt])
        self._replay(generation)

    def cancel(self, generation_id: int) -> None:
        """Nothing more is delivered for it. Unknown ids are those that have just ended."""
        generation = self._generations.get(generation_id)
        if generation is not None:
            self._forget(generation)
            self._has_news = True

    def lend(self, num_tokens: int) -> None:
        """So many tokens of idle sequences may lie in ordinary memory from now on; what is over that goes at once."""
        if self._backend.can_offload:
            self._backend.apply(self.scheduler.cache.limit_offloaded(num_tokens))
            self._has_news = True

    def step(self) -> None:
        """Evaluate one batch and deliver. With nothing to do it only delivers what is left over."""
        started = self._clock()
        self._tell_queue(started)
        plan = self.scheduler.plan(started)
        self._backend.apply(plan.operations)
        if plan.works and self._evaluate(plan):
            self.num_steps += 1
            for row, work in self._rows(plan):
                self.scheduler.evaluated(work)
                self._advance(row, work)
            self.scheduler.observe(plan, self._clock() - started)
        self.flush()

    def flush(self) -> None:
        if self._events or self._has_news:
            events, self._events, self._has_news = self._events, [], False
            self._emit(events)

    def _evaluate(self, plan: Plan) -> bool:
        """False when nothing was evaluated: the next step tries again with less."""
        try:
            self._backend.evaluate(_batch(plan))
        except MemoryFull:
            if not self.scheduler.set_back(plan):
                self._fail(plan, "The model's memory is full.")
            return False
        except BatchRefused:
            self._fail(plan, "The engine refused the request.")
            return False
        return True

    @staticmethod
    def _rows(plan: Plan) -> list[tuple[int, Work]]:
        rows, end = [], 0
        for work in plan.works:
            end += work.count
            rows.append((end - 1, work))
        return rows

    def _advance(self, row: int, work: Work) -> None:
        """After its tokens were evaluated: choose the next one, or say how far the reading is."""
        generation = work.generation
        if not work.wants_output or generation.num_generated == 0:
            self._tell_reading(generation)
        if not work.wants_output:
            return
        if generation.sampler is None:
            written = generation.tokens[generation.num_prompt :]
            generation.sampler = self._backend.sampler(generation.params, written)
        token = self._backend.sample(row, generation.sequence, generation.sampler)
        generation.first_token_at = generation.first_token_at or self._clock()
        if token is None:
            self._fail_one(generation, "The model found no word that fits the form asked for.")
            return
        if self._backend.vocab.is_end(token):
            self._finish(generation, "stop")
            return
        generation.tokens.append(token)
        text = generation.text.push(self._piece(generation, token))
        self._deliver(generation, text, [token], self._logprobs(generation, row, token))
        self._finish_if_over(generation)

    def _replay(self, generation: Generation) -> None:
        """Bring the text up to the tokens that a former process wrote, without saying it again."""
        self._deliver(generation, generation.opening, [])
        for token in generation.tokens[generation.num_prompt :]:
            self._deliver(generation, generation.text.push(self._piece(generation, token)), [])
        self._finish_if_over(generation)

    def _piece(self, generation: Generation, token: int) -> bytes:
        return generation.shown.get(token) or self._backend.vocab.piece(token)

    def _logprobs(self, generation: Generation, row: int, token: int) -> list[Any]:
        """[[bytes, logprob] of the token, then of the likeliest ones], if anybody wants to know."""
        wanted = generation.params.num_logprobs
        if wanted is None:
            return []
        found = self._backend.logprobs(row, token, wanted)
        return [[[self._piece(generation, each), logprob] for each, logprob in found]]

    def _deliver(self, generation: Generation, text: str, tokens: list[int], logprobs: Sequence[Any] = ()) -> None:
        known = min(generation.num_chars_known, len(text))
        generation.num_chars_known -= known
        if tokens or text[known:]:
            self._events.append(["delta", generation.id, text[known:], tokens, *([logprobs] if logprobs else [])])

    def _finish_if_over(self, generation: Generation) -> None:
        if generation.text.is_stopped:
            self._finish(generation, "stop")
        elif generation.num_left <= 0:
            self._finish(generation, "length")

    def _finish(self, generation: Generation, reason: str) -> None:
        self._deliver(generation, generation.text.finish(), [])
        now = self._clock()
        usage = wire.Usage(generation.num_prompt, generation.num_generated, generation.num_cached)
        timings = _timings(generation, now)
        event = ["finished", generation.id, reason, usage.to_json(), timings.to_json()]
        self._events.append(event)
        if generation.admitted_at:
            self.scheduler.observe_request(now - generation.admitted_at)
        self._forget(generation)

    def _fail(self, plan: Plan, sentence: str) -> None:
        for work in plan.works:
            self._fail_one(work.generation, sentence)

    def _fail_one(self, generation: Generation, sentence: str) -> None:
        self._events.append(["error", generation.id, errors.EngineError(sentence).to_wire()])
        self._forget(generation)

    def _forget(self, generation: Generation) -> None:
        self._generations.pop(generation.id, None)
        self.scheduler.remove(generation)
        if generation.sampler is not None:
            generation.sampler.close()
            generation.sampler = None

    def _tell_reading(self, generation: Generation) -> None:
        if generation.wants_progress:
            done = min(generation.num_computed, generation.num_prompt)
            cached = min(generation.num_cached, done)
            self._events.append(["reading", generation.id, generation.num_prompt, done, cached])

    def _tell_queue(self, now: float) -> None:
        if not self.scheduler.waiting or now - self._queue_news_at < _QUEUE_NEWS_SECONDS:
            return
        if len(self.scheduler.running) == 0:  # they are about to be taken
            return
        self._queue_news_at = now
        for generation, position, wait_seconds in self.scheduler.queue(now):
            if generation.wants_progress and generation.last_position != position:
                generation.last_position = position
                self._events.append(["queued", generation.id, position, wait_seconds])


def _batch(plan: Plan) -> Batch:
    batch = Batch(array("i"), array("i"), array("i"), [])
    for work in plan.works:
        generation = work.generation
        batch.tokens.extend(generation.tokens[work.start : work.start + work.count])
        batch.positions.extend(range(work.start, work.start + work.count))
        batch.sequences.extend(array("i", [generation.sequence]) * work.count)
        if work.wants_output:
            batch.outputs.append(len(batch.tokens) - 1)
            batch.samplers.append(generation.sampler)
    return batch


def _timings(generation: Generation, now: float) -> wire.Timings:
    admitted = generation.admitted_at or now
    first = generation.first_token_at or now
    seconds = now - first
    # The first token belongs to reading; the others are what the clock after it saw.
    num_later = max(0, generation.num_generated - 1)
    return wire.Timings(
        queue_ms=(admitted - generation.arrived_at) * 1000,
        prompt_ms=(first - admitted) * 1000,
        predicted_ms=seconds * 1000,
        predicted_per_second=num_later / seconds if seconds > 0 else 0.0,
    )
