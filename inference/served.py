"""One model while the service knows it: its jobs, and which of its processes gets them.

    unloaded ──job──> loading ──ready──> loaded ──idle or asked──> draining ──last job──> unloaded
                        │ refused           │ child died
                        v                   v
                 failed or broken      loading again; every job is sent again with what it already has.
                                       The third death within ten minutes without a whole answer: broken.

There is one process at a time, but for a changed file: then the old one finishes what it began while the new one
loads. Jobs that come while the model loads or drains simply wait to be sent (`served_jobs`). How a process lives is
`process`, what a death means is `recovery`. Left out: which files there are, and memory.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from inference import errors
from inference.histogram import Histogram
from inference.jobs import AnswerStream, Call, Job
from inference.library import Entry
from inference.placement import Placement
from inference.process import NOTHING, Process
from inference.reasons import Reason
from inference.recovery import MAX_DEATHS
from inference.served_jobs import ServedJobs
from inference.wire import ModelState

log = logging.getLogger(__name__)

# Finds room for the process, sets its placement, and returns what the child is told.
Prepare = Callable[[Process], Awaitable[dict[str, Any]]]


class ServedModel:
    def __init__(self, entry: Entry, prepare: Prepare) -> None:
        self.entry = entry
        self.error: errors.InferenceError | None = None
        self.is_broken = False
        self.last_used_at = time.monotonic()
        self.keep_alive_seconds: float | None = None  # what the latest request wished; None: the model's own
        self.num_deaths = 0
        self._prepare = prepare
        self._current: Process | None = None
        self._retiring: list[Process] = []
        self._jobs = ServedJobs()
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Future[None]] = set()

    @property
    def state(self) -> ModelState:
        if self.is_broken:
            return "broken"
        if self.error is not None:
            return "failed"
        if self._current is None:
            return "unloaded"
        return "loaded" if self._current.is_loaded else "loading"

    @property
    def is_idle(self) -> bool:
        return not self._jobs

    @property
    def num_refused(self) -> int:
        return self._jobs.num_refused

    @property
    def token_gaps(self) -> Histogram:
        return self._jobs.token_gaps

    @property
    def processes(self) -> list[Process]:
        """Those that hold memory, or are about to."""
        return ([self._current] if self._current else []) + self._retiring

    @property
    def load_percent(self) -> int | None:
        return self._current.load_percent if self._current and self.state == "loading" else None

    @property
    def placement(self) -> Placement | None:
        return self._current.placement if self._current else None

    @property
    def statistics(self) -> tuple[int, ...] | list[int]:
        return self._current.statistics if self._current else NOTHING

    def answer(self, body: dict[str, Any]) -> AnswerStream:
        """Start an answer. Problems arrive through the stream."""
        stream = AnswerStream(self._jobs.next_number(), body, self._close)
        self._add(stream)
        return stream

    async def call(self, kind: str, body: dict[str, Any]) -> list[Any]:
        """One reply of the child, loading the model first if need be."""
        call = Call(kind, self._jobs.next_number(), body, self._close)
        self._add(call)
        return await call.result()

    async def load(self) -> None:
        """Return when loaded. Raises why it cannot be."""
        self._wake()
        while self.state not in ("loaded", "failed", "broken") or self._is_draining:
            if self.state == "unloaded":
                self._wake()
            await self._change()
        if self.error is not None:
            raise self.error

    async def unload(self) -> None:
        """Let running answers end, then free the memory. Jobs that come meanwhile load it again."""
        self.drain_soon()
        while self._is_draining or self._retiring:
            await self._change()

    def drain_soon(self) -> None:
        """The same without waiting for it."""
        if self._current is not None and not self._current.is_retiring:
            self._current.is_retiring = True
            self._stop_if_drained()

    async def close(self, error: errors.InferenceError) -> None:
        """The service ends: whoever still waits is told why."""
        self._jobs.fail_all(error)
        processes, self._current, self._retiring = self.processes, None, []
        await asyncio.gather(*(process.stop() for process in processes))

    def replace(self, entry: Entry) -> None:
        """The file or its settings are others now: forget the past; the old process only finishes what it began."""
        self.entry = entry
        self.lift()
        old, self._current = self._current, None
        if old is not None:
            old.is_retiring = True
            self._retiring.append(old)
            self._stop_if_drained()
        if self._jobs.waiting():
            self._wake()

    def lift(self) -> None:
        """An admin's word: whatever it did before, it may be tried again."""
        self.error, self.is_broken = None, False
        self._jobs.forgive()
        self._notify()

    def check(self, now: float, stall_seconds: float, prepare_seconds: float) -> None:
        """Once a second: end a process that hangs."""
        for process in self.processes:
            process.check(now, stall_seconds, prepare_seconds)

    @property
    def _is_draining(self) -> bool:
        return self._current is not None and self._current.is_retiring

    def _add(self, job: Job) -> None:
        self.last_used_at = time.monotonic()
        if self.is_broken and self.error is not None:
            job.fail(self.error)
        elif self._jobs.add(job):
            self._dispatch() if self.state == "loaded" and not self._is_draining else self._wake()

    def _dispatch(self, *, is_first: bool = False) -> None:
        """Hand over what waits. A process that retires takes only what came before it was ready: else asking and
        unloading in turn would never answer."""
        process = self._current
        if process is None or not process.is_loaded or (process.is_retiring and not is_first):
            return
        self._jobs.hand_over(process)

    def _close(self, job: Job) -> None:
        if not self._jobs.remove(job):
            return
        self.last_used_at = time.monotonic()
        if self._jobs.is_trying:
            self._dispatch()
        if self.is_idle and self.keep_alive_seconds == 0:
            self.drain_soon()
        self._stop_if_drained()

    def _wake(self) -> None:
        """Begin to load, unless that is under way already or not allowed. Who drains wakes us at the end."""
        if self._current is None and not self.is_broken:
            self.error = None
            self._current = Process(self.entry, self)
            self._run(self._start(self._current))

    async def _start(self, process: Process) -> None:
        try:
            body = await self._prepare(process)
            if not process.is_stopping:  # replaced meanwhile
                await process.start(body)
        except errors.InferenceError as error:
            self.on_refused(process, error)
            self._gone(process)
            return
        self.on_loading(process)

    def on_loading(self, process: Process) -> None:
        if process is self._current:
            note = process.placement.note if process.placement else ""
            for job in self._jobs.waiting():
                job.loading(process.load_percent, note)
            self._notify()

    def on_ready(self, process: Process) -> None:
        self.last_used_at = time.monotonic()
        log.info("model loaded", extra={"model": self.entry.id, "child": process.pid})
        if process is self._current:
            self._dispatch(is_first=True)
        self._stop_if_drained()
        self._notify()

    def on_refused(self, process: Process, error: errors.InferenceError) -> None:
        """Broken if it lies in the file, else for a reason that the next attempt may not meet."""
        log.error("model not loaded: %s", error.sentence, extra={"model": self.entry.id})
        if process is self._current:
            self.error, self.is_broken = error, isinstance(error, errors.ModelBroken)
            self._jobs.fail_waiting(error)
            self._notify()

    def on_event(self, process: Process, event: list[Any]) -> None:
        job = process.jobs.get(event[1])
        if job is not None:
            self._jobs.deliver(job, event)
            if self._jobs.is_trying:
                self._dispatch()

    def on_end(self, process: Process, reason: str) -> None:
        if not process.is_refused:
            self.num_deaths += 1
            log.error("child lost: %s", reason, extra={"model": self.entry.id})
        if self._jobs.died(process, is_replaced=process.entry.version != self.entry.version):
            self._quarantine(reason)
        self._gone(process)

    def _gone(self, process: Process) -> None:
        """It holds no memory any more."""
        if process is self._current:
            self._current = None
        if process in self._retiring:
            self._retiring.remove(process)
        if self._jobs.waiting():
            self._wake()
        self._notify()

    def _quarantine(self, reason: str) -> None:
        sentence = (
            f"The model ended its process {MAX_DEATHS} times ({reason}); it stays off until its "
            "file changes or an admin lifts this."
        )
        told = Reason("deaths", sentence, num_deaths=MAX_DEATHS, cause=reason)
        self.error, self.is_broken = errors.ModelBroken(told), True
        self._jobs.fail_waiting(self.error)

    def _stop_if_drained(self) -> None:
        for process in self.processes:
            # Who loads for others is let come to its end; whom nobody will use is not.
            is_ready = process.is_loaded or process is not self._current
            if process.is_retiring and not process.is_stopping and not process.jobs and is_ready:
                process.is_stopping = True
                self._run(self._stop(process))

    async def _stop(self, process: Process) -> None:
        await process.stop()
        log.info("model unloaded", extra={"model": self.entry.id})
        self._gone(process)

    def _run(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _change(self) -> None:
        await self._changed.wait()

    def _notify(self) -> None:
        """Wake everybody who waits for a change of state, once."""
        self._changed.set()
        self._changed = asyncio.Event()
