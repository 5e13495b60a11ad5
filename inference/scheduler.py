"""Who is in the next batch. Pure: knows requests, tokens and cells, never a model.

One step: a token for everybody whose answer is being written, then prompts in chunks under a budget that keeps the
step short. A waiting reader notices 50 ms, a new one does not; so decode comes first. Where a batch that does both is
dearer than two (`can_mix` says so), steps of the two kinds take turns.

Whose turn it is says `fairness`; where a request's tokens lie, `cache`. A request that does not fit is skipped, not
waited for; and nobody keeps all places for himself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from inference import errors
from inference.beginnings import shared_length
from inference.cache import Operation, SequenceCache
from inference.config import EngineConfig
from inference.fairness import Fairness
from inference.request import NO_SEQUENCE, Generation

# Room kept for each newcomer's answer; beyond it, holders are evicted and at last somebody is set back.
_RESERVED_TOKENS = 64
# Wait for a prompt that is being read right now if it saves at least so many tokens.
_WORTH_WAITING_TOKENS = 32
_SMOOTHING = 0.2
_MOST_CROWDING = 2.5
_READING_SHARE = 4  # of the time, over that of writing
# A step costs 10 ms before its first token and 6 ms for each (135M, one core): smaller pieces waste a twentieth.
_LEAST_CHUNK = 32
_SHORT_PROMPT = 1.5  # steps: what takes no longer, a follow-up, is read in one


@dataclass(frozen=True, slots=True)
class Work:
    """Evaluate tokens[start : start + count]; a next token is wanted when that reaches the end."""

    generation: Generation
    start: int
    count: int

    @property
    def wants_output(self) -> bool:
        return self.start + self.count == len(self.generation.tokens)


@dataclass(slots=True)
class Plan:
    """One step: apply `operations` to the memory in order, then evaluate `works` in one batch."""

    operations: list[Operation] = field(default_factory=list)
    works: list[Work] = field(default_factory=list)
    num_prefill: int = 0
    has_whole_prompt: bool = False  # somebody's reading ends in this step


class Scheduler:
    def __init__(
        self, config: EngineConfig, *, can_share: bool = True, can_offload: bool = True, can_mix: bool = True
    ) -> None:
        num_offloaded = config.num_offloaded if can_offload else 0
        self.cache = SequenceCache(config.num_sequences, config.num_cells, num_offloaded, can_share=can_share)
        self._can_share, self._can_mix = can_share, can_mix
        self._reading_seconds = 0.0  # left of the readers' turn, before those who write are next
        self.waiting: list[Generation] = []
        self.running: list[Generation] = []
        self._config = config
        self._fairness = Fairness(config.age_seconds)
        self._seconds_per_token = 0.002
        self._seconds_per_decode = 0.0
        self._seconds_per_request = 5.0
        self._pending: list[Operation] = []

    def submit(self, generation: Generation) -> None:
        """Queue it. Raises QueueFull; one person may fill at most half of the queue."""
        key, most = generation.fairness_key, self._config.max_waiting
        num_own = sum(other.fairness_key == key for other in self.waiting)
        num_places = self._config.max_running - len(self.running)  # the next step takes so many at once
        if len(self.waiting) >= most + num_places or num_own >= max(1, most // 2) + num_places:
            raise errors.QueueFull(self._wait_seconds(len(self.waiting) + 1))
        self._fairness.arrive(key, {other.fairness_key for other in (*self.running, *self.waiting)})
        self.waiting.append(generation)

    def remove(self, generation: Generation) -> None:
        """It ended, for whatever reason; its sequence becomes a holder. Unknown ones are ignored."""
        if generation in self.waiting:
            self.waiting.remove(generation)
        if generation in self.running:
            self.running.remove(generation)
        if generation.sequence != NO_SEQUENCE:
            self.cache.release(generation.sequence)
            generation.sequence = NO_SEQUENCE

    def plan(self, now: float) -> Plan:
        plan = Plan(operations=self._pending)
        self._pending = []
        self._make_place(now)
        if self._can_mix or self._reading_seconds < _LEAST_CHUNK / 2 * self._seconds_per_token:
            self._decode(plan)
        # Newcomers first get a place and then compete: a short question must not wait until a book has been read.
        self._admit(plan, now)
        if self._can_mix or not plan.works:
            self._read_prompts(plan, now)
        if not plan.works:  # it was the turn of prompts, and there is none
            self._decode(plan)
        if not plan.num_prefill:
            self._reading_seconds = self._turn_of_reading()
        if plan.works:
            plan.operations += self.cache.offload_idle()
        return plan

    def evaluated(self, work: Work) -> None:
        """The backend did it: the cells exist now."""
        generation = work.generation
        self.cache.append(generation.sequence, generation.tokens[work.start : work.start + work.count])
        generation.num_computed += work.count
        self._fairness.charge(generation.fairness_key, work.count)

    def set_back(self, plan: Plan) -> bool:
        """The memory was full after all: evict a holder, else set one request back. False if nothing can be done."""
        operations = self.cache.evict(self.cache.num_free + 1)
        if not operations and not self._preempt(plan):
            return False
        self._pending += operations
        return True

    def observe(self, plan: Plan, seconds: float) -> None:
        """Learn prices: of reading from steps that mostly read, of writing from those that only write."""
        num_tokens = sum(work.count for work in plan.works)
        if plan.num_prefill:
            self._reading_seconds -= seconds
        if plan.num_prefill == 0:
            self._seconds_per_decode += _SMOOTHING * (seconds - self._seconds_per_decode)
        elif plan.num_prefill >= num_tokens // 2 and num_tokens >= 16:
            self._seconds_per_token += _SMOOTHING * (seconds / num_tokens - self._seconds_per_token)

    def observe_request(self, seconds: float) -> None:
        self._seconds_per_request += _SMOOTHING * (seconds - self._seconds_per_request)

    def queue(self, now: float) -> list[tuple[Generation, int, float]]:
        """(request, position from 1, estimated wait in seconds) in the order they would be taken."""
        ordered = self._fairness.to_admit(self.waiting, now)
        return [(g, place, self._wait_seconds(place)) for place, g in enumerate(ordered, start=1)]

    def _decode(self, plan: Plan) -> None:
        decoding = [g for g in self.running if g.is_decoding]
        plan.operations += self.cache.evict(len(decoding))
        while self.cache.num_free < len(decoding) and self._preempt(plan):
            plan.operations += self._take_pending()
            decoding = [g for g in self.running if g.is_decoding]
        plan.works += [Work(g, g.num_computed, 1) for g in decoding]

    def _read_prompts(self, plan: Plan, now: float) -> None:
        reading = self._fairness.to_read(self.running, now)
        budget = self._budget(plan, reading)
        for generation in reading:
            # The first word of a prompt that ends here would wait for what others read in the same step.
            if plan.has_whole_prompt and generation.num_missing > budget:
                continue
            budget -= self._read(plan, generation, budget)

    def _read(self, plan: Plan, generation: Generation, budget: int) -> int:
        """Put a chunk of the prompt into the plan; returns its size."""
        count = min(generation.num_missing, budget)
        if count <= 0:
            return 0
        planned = sum(work.count for work in plan.works)
        plan.operations += self.cache.evict(planned + count)
        count = min(count, self.cache.num_free - planned)
        if count <= 0:
            return 0
        plan.works.append(Work(generation, generation.num_computed, count))
        plan.num_prefill += count
        plan.has_whole_prompt |= count == generation.num_missing
        return count

    def _make_place(self, now: float) -> None:
        """Who gives way goes back into the queue. What it read stays as a holder, so it goes on from there at no cost
        unless cells run out."""
        if len(self.running) < self._config.max_running or not self.waiting or not self._can_share:
            return
        victim = self._fairness.to_give_way(self.running, self.waiting, now)
        if victim is not None:
            self.cache.release(victim.sequence)
            victim.sequence, victim.num_computed = NO_SEQUENCE, 0
            self.running.remove(victim)
            self.waiting.append(victim)

    def _admit(self, plan: Plan, now: float) -> None:
        if len(self.running) >= self._config.max_running:
            return
        for generation in self._fairness.to_admit(self.waiting, now):
            if len(self.running) >= self._config.max_running:
                return
            if self._is_better_later(generation):
                continue
            reserved = sum(min(g.num_left, _RESERVED_TOKENS) + g.num_missing for g in self.running)
            reserved += min(generation.num_left, _RESERVED_TOKENS)
            if not self.running:
                reserved = 0
            placement = self.cache.place(generation.tokens, generation.cache_salt, reserved, generation.num_public)
            if placement is None:
                continue
            plan.operations += placement.operations
            generation.sequence = placement.sequence
            generation.num_computed = placement.num_cached
            if not generation.admitted_at:
                generation.num_cached, generation.admitted_at = placement.num_cached, now
            self.waiting.remove(generation)
            self.running.append(generation)

    def _is_better_later(self, generation: Generation) -> bool:
        """Somebody is reading the same beginning at the moment: let them finish, then share it."""
        if not self._can_share:
            return False
        for other in self.running:
            if other.is_decoding:
                continue
            shared = shared_length(generation.tokens[:-1], other.tokens)
            if other.cache_salt != generation.cache_salt:
                shared = min(shared, other.num_public, generation.num_public)
            if shared - other.num_computed >= _WORTH_WAITING_TOKENS:
                return True
        return False

    def _preempt(self, plan: Plan) -> bool:
        """Set the least urgent, latest request back into the queue; it is read again later, nothing is lost."""
        if len(self.running) < 2:
            return False
        victim = max(self.running, key=lambda g: (g.rank, g.admitted_at, g.id))
        self._pending.append(self.cache.drop(victim.sequence))
        victim.sequence, victim.num_computed = NO_SEQUENCE, 0
        self.running.remove(victim)
        self.waiting.append(victim)
        plan.works = [work for work in plan.works if work.generation is not victim]
        return True

    def _take_pending(self) -> list[Operation]:
        taken, self._pending = self._pending, []
        return taken

    def _turn_of_reading(self) -> float:
        """How long prompts are read before those who write are next, in seconds.

        Readers wait for all of it, so it is short. But the fewer write at the same time, the dearer is each word,
        so those who wait should soon write too: the sum of both is least where it goes with the square root of how
        many wait over how many read. And reading gets its share of the time, lest a crowd of readers keeps newcomers
        out."""
        num_decoding = sum(g.is_decoding for g in self.running)
        crowding = math.sqrt(max(1.0, len(self.running) / max(1, num_decoding) - 1))
        seconds = self._config.decode_step_seconds * min(crowding, _MOST_CROWDING)
        return max(seconds, _READING_SHARE * self._seconds_per_decode)

    def _budget(self, plan: Plan, reading: Sequence[Generation]) -> int:
        """Tokens of prompts in this step. A turn of reading is several steps, so that a follow-up which arrives
        meanwhile waits for one of them only."""
        step = self._config.decode_step_seconds
        if len(reading) == len(self.running):
            seconds = self._config.prefill_step_seconds
        elif self._can_mix:
            seconds = self._turn_of_reading()
        else:
            seconds = self._reading_seconds / max(1, round(self._reading_seconds / step))
        budget = self._affordable(seconds)
        if reading and reading[0].num_missing <= self._affordable(_SHORT_PROMPT * step):
            budget = max(budget, reading[0].num_missing)
        return min(budget, self._config.batch_tokens - len(plan.works))

    def _affordable(self, seconds: float) -> int:
        return max(_LEAST_CHUNK, int(seconds / max(self._seconds_per_token, 1e-6)))

    def _wait_seconds(self, position: int) -> float:
        rounds = -(-position // self._config.max_running)
        return round(rounds * self._seconds_per_request, 1)
