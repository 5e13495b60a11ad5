"""The jobs of one model, from being asked for to their end, through any number of its processes.

What waits is handed to whichever process is there; a process that dies gives its jobs back, and `recovery` says which
of them may go on at once, which on trial, and which never. Left out: when processes start and end (`served`).
"""

from __future__ import annotations

import logging
import time
from typing import Any

from inference import errors
from inference.histogram import TOKEN_SECONDS, Histogram
from inference.jobs import Job
from inference.process import Process
from inference.recovery import Recovery

log = logging.getLogger(__name__)


class ServedJobs:
    def __init__(self) -> None:
        self.num_refused = 0
        self.token_gaps = Histogram(TOKEN_SECONDS)
        self._jobs: dict[int, Job] = {}
        self._last_number = 1
        self._recovery = Recovery()

    def __bool__(self) -> bool:
        return bool(self._jobs)

    def next_number(self) -> int:
        self._last_number += 1
        return self._last_number

    def waiting(self) -> list[Job]:
        return [job for job in self._jobs.values() if job.process is None]

    def add(self, job: Job) -> bool:
        """False, and told so, when the same has ended processes before."""
        if self._recovery.is_convicted(time.monotonic(), job.body):
            job.fail(_refused())
            return False
        self._jobs[job.number] = job
        return True

    def remove(self, job: Job) -> bool:
        """It is over, or nobody wants the rest. False when that was known."""
        if self._jobs.pop(job.number, None) is None:
            return False
        if job.process is not None:
            job.process.forget(job)
        return True

    def hand_over(self, process: Process) -> None:
        """What waits and is allowed to go."""
        self._recovery.next_group()
        for job in self.waiting():
            if self._recovery.allows(job):
                process.send(job)

    @property
    def is_trying(self) -> bool:
        """Some wait until others have shown that they are harmless."""
        return self._recovery.is_trying

    def deliver(self, job: Job, event: list[Any]) -> None:
        job.is_answered = True
        if event[0] == "delta" and event[3]:
            self._observe_gap(job)
        if event[0] == "finished":
            self._recovery.worked()
        job.deliver(event)

    def died(self, process: Process, *, is_replaced: bool) -> bool:
        """Its jobs wait again, but for those that are refused. True when the model is to be put off."""
        aboard = list(process.jobs.values())
        for job in aboard:
            job.lost_process()
        if process.is_refused:
            return False
        if is_replaced:
            # Its tokens may mean other words to the file that is there now.
            for job in aboard:
                job.fail(errors.BackendLost("The model was replaced, and its old process ended before the answer did."))
            return False
        refused, is_last = self._recovery.died(time.monotonic(), aboard)
        for job in refused:
            self.num_refused += 1
            job.fail(_refused())
        return is_last

    def forgive(self) -> None:
        self._recovery.forgive()

    def fail_waiting(self, error: errors.InferenceError) -> None:
        for job in self.waiting():
            job.fail(error)

    def fail_all(self, error: errors.InferenceError) -> None:
        for job in list(self._jobs.values()):
            job.fail(error)

    def _observe_gap(self, job: Job) -> None:
        """What a reader waits between two words, a change of process included."""
        now = time.monotonic()
        if job.token_at is not None:
            self.token_gaps.observe(now - job.token_at)
        job.token_at = now


def _refused() -> errors.RequestRefused:
    return errors.RequestRefused("This request ended the model's process again and again; it is not tried any more.")
