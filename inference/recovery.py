"""What the death of a child means: for its model, and for the requests that were aboard.

Every request aboard is sent again with what it already has. The third death within ten minutes in which no answer
came to its end puts the model off until its file changes or an admin lifts it: one that answers between its deaths is
worth the pauses, and was perhaps killed from outside. But a request may itself be what kills: one that was aboard at
two deaths in a row and got nowhere between them is a suspect. Of several suspects the newest goes first and alone,
then twice as many at a time, while everybody else waits; a death with one suspect aboard convicts it, and the deaths
are no longer held against the model. Pure: it keeps no time and starts nothing.
Left out: a lone request on a model. Nobody can tell then which of the two it is, and the model goes.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import msgpack

from inference.jobs import Job

MAX_DEATHS = 3
DEATH_WINDOW_SECONDS = 600.0
MAX_TRIAL_DEATHS = 12
_MAX_KNOWN = 256
# More than this many tokens since the death before: it went on, so what killed was something else.
_STEPS_OF_NO_PROGRESS = 1
_NOT_WHAT_IS_ASKED = ("priority", "fairness_key", "cache_salt", "wants_progress")


class Recovery:
    def __init__(self) -> None:
        self._deaths: list[float] = []
        self._suspects: list[Job] = []
        self._on_trial: list[Job] = []
        self._next_size = 1
        self._num_trial_deaths = 0
        self._convicted: OrderedDict[bytes, float] = OrderedDict()

    @property
    def is_trying(self) -> bool:
        return bool(self._suspects or self._on_trial)

    def forgive(self) -> None:
        """Another file, or an admin's word: the past does not count."""
        self._deaths.clear()
        self._convicted.clear()
        self._num_trial_deaths = 0

    def worked(self) -> None:
        """An answer came to its end: whatever ended the process before, the model is not what is broken."""
        self._deaths.clear()

    def died(self, now: float, aboard: Sequence[Job]) -> tuple[list[Job], bool]:
        """(requests to refuse for good, whether the model is to be put off)."""
        for job in aboard:
            is_stuck = job.num_stuck_deaths > 0 and job.num_tokens - job.num_tokens_at_death <= _STEPS_OF_NO_PROGRESS
            job.num_stuck_deaths = job.num_stuck_deaths + 1 if is_stuck else 1
            job.num_tokens_at_death = job.num_tokens
        tried = [job for job in self._on_trial if job in aboard]
        if tried and self._num_trial_deaths < MAX_TRIAL_DEATHS:
            return self._died_in_trial(now, tried), False
        self._deaths = [at for at in self._deaths if now - at < DEATH_WINDOW_SECONDS] + [now]
        if len(self._deaths) >= MAX_DEATHS:
            self._end_trial()
            return [], True
        stuck = [job for job in aboard if job.num_stuck_deaths > 1]
        if len(aboard) > 1 and stuck:
            for job in stuck:
                job.is_acquitted = False
            self._suspects = sorted(stuck, key=lambda job: (job.was_prepared, -job.number))
            self._on_trial, self._next_size = [], 1
        # Twice the only one that did not even become tokens: it must not take others along.
        unprepared = [job for job in stuck if not job.was_prepared]
        return (unprepared if len(aboard) == 1 else []), False

    def allows(self, job: Job) -> bool:
        """Whether the job may be sent now. Call `next_group` first."""
        return not self.is_trying or job in self._on_trial or job.is_acquitted

    def next_group(self) -> bool:
        """Move on when those on trial have ended or got past where they died. True when others may be sent now."""
        if not self.is_trying:
            return False
        passed = [job for job in self._on_trial if job.is_over or job.num_tokens - job.num_tokens_at_death > 1]
        for job in passed:
            job.is_acquitted = True
        self._on_trial = [job for job in self._on_trial if job not in passed]
        if self._on_trial:
            return False
        self._suspects = [job for job in self._suspects if not job.is_over]
        self._on_trial, self._suspects = self._suspects[: self._next_size], self._suspects[self._next_size :]
        self._next_size *= 2
        if not self._on_trial:
            self._end_trial()
        return True

    def is_convicted(self, now: float, body: dict[str, Any]) -> bool:
        """Whether the same has been asked before and killed its process."""
        at = self._convicted.get(_fingerprint(body)) if self._convicted else None
        return at is not None and now - at < DEATH_WINDOW_SECONDS

    def _died_in_trial(self, now: float, tried: list[Job]) -> list[Job]:
        self._num_trial_deaths += 1
        self._next_size = 1
        if len(tried) > 1:
            others = [job for job in self._suspects if job not in tried]
            self._suspects, self._on_trial = tried + others, []
            return []
        self._convicted[_fingerprint(tried[0].body)] = now
        while len(self._convicted) > _MAX_KNOWN:
            self._convicted.popitem(last=False)
        self._deaths.clear()
        self._num_trial_deaths = 0
        self._on_trial = []
        return tried

    def _end_trial(self) -> None:
        self._suspects, self._on_trial, self._next_size = [], [], 1


def _fingerprint(body: dict[str, Any]) -> bytes:
    asked = {key: value for key, value in body.items() if key not in _NOT_WHAT_IS_ASKED}
    return hashlib.blake2b(msgpack.packb(asked), digest_size=16).digest()
