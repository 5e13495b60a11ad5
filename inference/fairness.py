"""Whose turn it is. Pure.

Classes go interactive, api, background, and each `age_seconds` of waiting lifts a request by one class, so nothing
starves. Within a class the person with the smallest virtual token counter is next (Sheng et al., OSDI'24: a prompt
token read costs 1, a token written 2; who returns after a pause starts at the least active counter).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from inference.request import Generation

_PREFILL_COST, _DECODE_COST = 1.0, 2.0
_MOST_IDLE_COUNTERS = 4096


class Fairness:
    def __init__(self, age_seconds: float) -> None:
        self._age_seconds = age_seconds
        self._counters: dict[str, float] = {}

    def arrive(self, key: str, active: set[str]) -> None:
        """A request of this person comes in while these have some."""
        floor = min((self._counters[name] for name in active), default=0.0)
        if key not in active:
            self._counters[key] = max(self._counters.get(key, 0.0), floor)
        if len(self._counters) > _MOST_IDLE_COUNTERS:
            kept = active | {key}
            self._counters = {name: value for name, value in self._counters.items() if name in kept or value > floor}

    def charge(self, key: str, num_tokens: int) -> None:
        self._counters[key] += _DECODE_COST if num_tokens == 1 else _PREFILL_COST * num_tokens

    def to_admit(self, waiting: Iterable[Generation], now: float) -> list[Generation]:
        """In the order in which they get a place."""
        return sorted(waiting, key=lambda g: (self.lifted_rank(g, now), self._counters[g.fairness_key], g.arrived_at))

    def to_read(self, running: Sequence[Generation], now: float) -> list[Generation]:
        """Those whose prompts are being read: fewest missing tokens first. Having waited makes a prompt look shorter;
        every other request of the same person makes it look longer by its own length, and a lower class four times
        longer."""
        num_of_person = Counter(g.fairness_key for g in running)

        def length(generation: Generation) -> float:
            share = num_of_person[generation.fairness_key] * float(4**generation.rank)
            return generation.num_missing * share / (1.0 + self._waited(generation, now))

        return sorted((g for g in running if not g.is_decoding), key=length)

    def to_give_way(
        self, running: Sequence[Generation], waiting: Sequence[Generation], now: float
    ) -> Generation | None:
        """Somebody with nothing running waits while another person has many places: the latest of those."""
        num_of_person = Counter(g.fairness_key for g in running)
        newcomers = [g for g in waiting if g.fairness_key not in num_of_person]
        if not newcomers:
            return None
        rank = min(self.lifted_rank(g, now) for g in newcomers)
        greedy = [g for g in running if num_of_person[g.fairness_key] > 1 and self.lifted_rank(g, now) >= rank]
        return max(greedy, key=lambda g: (num_of_person[g.fairness_key], g.admitted_at, g.id), default=None)

    def lifted_rank(self, generation: Generation, now: float) -> int:
        return max(0, generation.rank - int(self._waited(generation, now)))

    def _waited(self, generation: Generation, now: float) -> float:
        """In units of age_seconds."""
        return (now - generation.arrived_at) / self._age_seconds
