"""One child of a model from its start to its end, and whether it is still moving.

    starting ──body ready──> loading ──ready──> loaded ──> ended
                               │ refused                    ^ died, hung and was killed, or stopped when nobody needs it

A child says every second how many steps it has made. One that makes none with work in hand, or says nothing at all, is
ended as if it had died; `served` decides what that means. Left out: memory, and which jobs come here.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import Any, Literal, Protocol

from inference import errors, memory
from inference.jobs import AnswerStream, Job
from inference.library import Entry
from inference.placement import Placement
from inference.reasons import Reason
from inference.worker import Worker

log = logging.getLogger(__name__)

NOTHING = (0, 0, 0, 0, 0, 0)
# A child that computes without finishing a step gets this many times the patience of one that does nothing at all.
_BUSY_FACTOR = 10
_START_SECONDS = 60.0


class Owner(Protocol):
    """What a process tells the model it belongs to."""

    def on_loading(self, process: Process) -> None: ...

    def on_ready(self, process: Process) -> None: ...

    def on_refused(self, process: Process, error: errors.InferenceError) -> None:
        """It could not load; its end follows."""

    def on_event(self, process: Process, event: list[Any]) -> None:
        """Something for one job, by the number in event[1]."""

    def on_end(self, process: Process, reason: str) -> None:
        """It is gone without having been asked to."""


class Process:
    """`jobs` are those it has been given and not yet finished; `placement` is how it was fitted into memory."""

    def __init__(self, entry: Entry, owner: Owner) -> None:
        self.entry = entry
        self.state: Literal["starting", "loading", "loaded", "ended"] = "starting"
        self.is_retiring = False
        self.is_stopping = False
        self.is_refused = False
        self.load_percent = 0
        self.statistics: tuple[int, ...] | list[int] = NOTHING
        self.placement: Placement | None = None
        self.is_giving_back = False  # memory that it was lent
        self.jobs: dict[int, Job] = {}
        self._owner = owner
        self._worker: Worker | None = None
        self._pulse = Pulse()
        self._kill_reason = ""

    @property
    def pid(self) -> int:
        return self._worker.pid if self._worker else 0

    @property
    def is_loaded(self) -> bool:
        return self.state == "loaded"

    async def start(self, body: dict[str, Any]) -> None:
        """Raises EngineError when the machine gives us no process."""
        worker = Worker(self._on_message, self._on_end)
        try:
            await worker.start()
        except OSError as error:
            raise errors.EngineError(f"The model's process cannot be started: {error.strerror}.") from error
        self._worker, self._pulse = worker, Pulse()
        self.state = "loading"
        worker.send(["load", body])
        if self.is_stopping:  # asked to while it was being started
            await self.stop()

    def send(self, job: Job) -> None:
        if self._worker is not None:
            self.jobs[job.number] = job
            job.sent_to(self)
            self._worker.send(job.frame())

    def lend(self, num_tokens: int) -> None:
        """Let it keep more idle sequences in ordinary memory, or take back what it has over this."""
        if self._worker is not None and self.placement is not None:
            self.is_giving_back = num_tokens < self.placement.lent_tokens
            self.placement = replace(self.placement, lent_tokens=num_tokens)
            self._worker.send(["lend", 0, num_tokens])

    def forget(self, job: Job) -> None:
        """Nobody wants the rest."""
        if self.jobs.pop(job.number, None) is not None and not job.is_done and self._worker is not None:
            self._worker.send(["cancel", job.number])

    async def stop(self) -> None:
        """Return when its memory is free. Nobody hears of this end."""
        self.is_stopping = True
        if self._worker is not None:
            if self.state == "loading":
                self._worker.kill()  # it listens to nothing yet
            await self._worker.stop()

    def kill(self, reason: str) -> None:
        """The reason is told instead of the signal."""
        log.error("child is ended: %s", reason, extra={"model": self.entry.id, "child": self.pid})
        self._kill_reason = reason
        if self._worker is not None:
            self._worker.kill()

    def check(self, now: float, stall_seconds: float, prepare_seconds: float) -> None:
        """End it when it no longer moves, or cannot even turn a request into tokens."""
        if self._worker is None or self._kill_reason or self.is_stopping or self.state not in ("loading", "loaded"):
            return
        if self._pulse.is_lost(now, stall_seconds, self.pid):
            doing = "while loading" if self.state == "loading" else "with work in hand"
            told = f"it did not move for {stall_seconds:g} s {doing}"
            self.kill(Reason("stalled", told, seconds=stall_seconds))
            return
        for job in list(self.jobs.values()):
            waits = isinstance(job, AnswerStream) and job.sent_at and not job.is_prepared
            if waits and now - (job.sent_at or now) > prepare_seconds:
                job.fail(errors.EngineError("The model's process did not answer in time."))
                self.kill(Reason("slow_request", "it could not turn a request into tokens in time"))
                return

    def _on_message(self, message: list[Any]) -> None:
        kind = message[0]
        if kind == "beat":
            self._pulse.beat(message[1], is_busy=message[2])
            return
        self._pulse.move()
        if kind == "step":
            self.statistics = message[2]
            for event in message[1]:
                self._owner.on_event(self, event)
        elif kind == "lent":
            self.is_giving_back = False
        elif kind == "loading":
            self.load_percent = message[1]
            self._owner.on_loading(self)
        elif kind == "ready":
            self.state = "loaded"
            self._owner.on_ready(self)
        elif kind == "failed":
            self.is_refused = True
            self._owner.on_refused(self, errors.from_wire(message[1]))
        elif kind == "prepared":
            job = self.jobs.get(message[1])
            if job is not None:
                job.is_prepared = True
        else:
            self._owner.on_event(self, message)

    def _on_end(self, reason: str) -> None:
        self.state, self.statistics = "ended", NOTHING
        if not self.is_stopping:
            self._owner.on_end(self, self._kill_reason or reason)


class Pulse:
    """When a child was last heard of, and when it last got anywhere."""

    def __init__(self) -> None:
        self._heard_at = self._moved_at = time.monotonic()
        self._num_steps = -1
        self._activity = 0
        self._has_begun = False

    def beat(self, num_steps: int, *, is_busy: bool) -> None:
        self._heard_at, self._has_begun = time.monotonic(), True
        if not is_busy or num_steps != self._num_steps:
            self._moved_at = self._heard_at
        self._num_steps = num_steps

    def move(self) -> None:
        self._heard_at = self._moved_at = time.monotonic()

    def is_lost(self, now: float, stall_seconds: float, pid: int) -> bool:
        """Silent, or at a standstill. Who computes or reads from a disk may take longer over one step."""
        if not self._has_begun:  # the interpreter alone takes seconds to start on a machine that is busy
            return now - self._heard_at > max(stall_seconds, _START_SECONDS)
        still_for = now - self._moved_at
        if now - self._heard_at > stall_seconds or still_for > _BUSY_FACTOR * stall_seconds:
            return True
        if still_for <= stall_seconds:
            self._activity = memory.activity(pid)
            return False
        return memory.activity(pid) - self._activity < 10
