"""One model while the service knows it: its jobs, its child process, and what happens when either ends.

    unloaded ──job──> loading ──ready──> loaded ──idle or asked──> draining ──last job──> unloaded
                        │ refused           │ child died
                        v                   v
                      failed             loading again; every job is sent again with what it already has.
                                         The third death within ten minutes: broken, until the file changes.

Jobs that come while the model loads or drains simply wait to be sent. Left out: which files there are, and memory.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from inference import errors
from inference.jobs import AnswerStream, Call, Job
from inference.library import Entry
from inference.wire import ModelState
from inference.worker import Worker

log = logging.getLogger(__name__)

MAX_DEATHS = 3
DEATH_WINDOW_SECONDS = 600.0

LoadBody = Callable[[Entry], Awaitable[dict[str, Any]]]


class ServedModel:
    def __init__(self, entry: Entry, load_body: LoadBody) -> None:
        self.entry = entry
        self.state: ModelState = "unloaded"
        self.error: errors.InferenceError | None = None
        self.load_percent: int | None = None
        self.last_used_at = time.monotonic()
        self.num_deaths = 0
        self.statistics = [0, 0, 0, 0, 0]
        self._load_body = load_body
        self._worker: Worker | None = None
        self._jobs: dict[int, Job] = {}
        self._next_number = 1
        self._deaths: list[float] = []
        self._is_draining = False
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Future[None]] = set()

    @property
    def is_idle(self) -> bool:
        return not self._jobs

    def answer(self, body: dict[str, Any]) -> AnswerStream:
        """Start an answer. Problems arrive through the stream."""
        stream = AnswerStream(self._number(), body, self._close)
        self._add(stream)
        return stream

    async def call(self, kind: str, body: dict[str, Any]) -> list[Any]:
        """One reply of the child, loading the model first if need be."""
        call = Call(kind, self._number(), body, self._close)
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
        while self._is_draining:
            await self._change()

    def drain_soon(self) -> None:
        """The same without waiting for it."""
        if self._worker is not None and not self._is_draining:
            self._is_draining = True
            self._stop_if_drained()

    async def close(self, error: errors.InferenceError) -> None:
        """The service ends: whoever still waits is told why."""
        for job in list(self._jobs.values()):
            job.fail(error)
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.stop()

    def replace(self, entry: Entry) -> None:
        """The file is another one now: forget its past, and load the new one as soon as running answers ended."""
        self.entry, self.error = entry, None
        self._deaths.clear()
        if self._worker is not None:
            self.drain_soon()
        elif self.state in ("failed", "broken"):
            self.state = "unloaded"

    def fail_overdue(self, seconds: float) -> None:
        """A child that cannot even turn a request into tokens hangs (say, in a hostile template): end it."""
        now = time.monotonic()
        for job in list(self._jobs.values()):
            if isinstance(job, AnswerStream) and job.sent_at and not job.is_prepared and now - job.sent_at > seconds:
                log.error("child hangs", extra={"model": self.entry.id})
                job.fail(errors.EngineError("The model's process did not answer in time."))
                if self._worker is not None:
                    self._worker.kill()

    def _number(self) -> int:
        self._next_number += 1
        return self._next_number

    def _add(self, job: Job) -> None:
        self.last_used_at = time.monotonic()
        if self.state == "broken" and self.error is not None:
            job.fail(self.error)
            return
        self._jobs[job.number] = job
        if self.state == "loaded" and self._worker is not None and not self._is_draining:
            self._send(self._worker, job)
        else:
            self._wake()

    @staticmethod
    def _send(worker: Worker, job: Job) -> None:
        job.sent_at = time.monotonic()
        worker.send(job.frame())

    def _close(self, job: Job) -> None:
        if self._jobs.pop(job.number, None) is None:
            return
        self.last_used_at = time.monotonic()
        if job.sent_at is not None and not job.is_done and self._worker is not None:
            self._worker.send(["cancel", job.number])
        self._stop_if_drained()

    def _wake(self) -> None:
        """Begin to load, unless that is under way already or not allowed. Who drains wakes us at the end."""
        if self._worker is None and not self._is_draining and self.state not in ("loading", "broken"):
            self.state, self.error, self.load_percent = "loading", None, 0
            self._run(self._start())

    async def _start(self) -> None:
        try:
            body = await self._load_body(self.entry)
            worker = Worker(
                lambda message: self._on_message(worker, message), lambda reason: self._on_end(worker, reason)
            )
            await worker.start()
        except errors.InferenceError as error:
            self._refused(error)
            return
        except OSError as error:
            self._refused(errors.EngineError(f"The model's process cannot be started: {error.strerror}."))
            return
        self._worker = worker
        worker.send(["load", body])
        self._tell_loading(0)

    def _on_message(self, worker: Worker, message: list[Any]) -> None:
        kind = message[0]
        if kind == "step":
            self.statistics = message[2]
            for event in message[1]:
                self._deliver(event)
        elif kind == "loading":
            self.load_percent = message[1]
            self._tell_loading(message[1])
        elif kind == "ready":
            self._ready(worker)
        elif kind == "prepared":
            self._prepared(message[1])
        elif kind == "failed":
            self._refused(errors.from_wire(message[1]))
        else:
            self._deliver(message)

    def _prepared(self, number: int) -> None:
        job = self._jobs.get(number)
        if job is not None:
            job.is_prepared = True

    def _deliver(self, event: list[Any]) -> None:
        job = self._jobs.get(event[1])
        if job is not None:
            job.is_answered = True
            job.deliver(event)

    def _ready(self, worker: Worker) -> None:
        self.state, self.load_percent = "loaded", None
        self.last_used_at = time.monotonic()
        log.info("model loaded", extra={"model": self.entry.id, "child": worker.pid})
        # Also when it is to be unloaded at once: else asking and unloading in turn would never answer.
        for job in list(self._jobs.values()):
            self._send(worker, job)
        self._stop_if_drained()
        self._notify()

    def _refused(self, error: errors.InferenceError) -> None:
        """It cannot be loaded, for a reason that the next attempt may not meet."""
        self.state, self.error, self.load_percent = "failed", error, None
        log.error("model not loaded: %s", error.sentence, extra={"model": self.entry.id})
        self._fail_jobs(error)
        self._notify()

    def _on_end(self, worker: Worker, reason: str) -> None:
        if worker is not self._worker:
            return  # one that we stopped ourselves
        self._worker, self.statistics = None, [0, 0, 0, 0, 0]
        if self.state == "failed":
            self._is_draining = False
            if self._jobs:
                self._wake()
            self._notify()
            return
        now = time.monotonic()
        self.num_deaths += 1
        self._deaths = [at for at in self._deaths if now - at < DEATH_WINDOW_SECONDS] + [now]
        log.error("child lost: %s", reason, extra={"model": self.entry.id})
        self._is_draining = False
        for job in list(self._jobs.values()):
            if job.sent_at is not None and not job.is_prepared:
                job.num_unprepared_deaths += 1
            job.sent_at, job.is_prepared, job.is_answered = None, False, False
            if job.num_unprepared_deaths > 1:  # twice is no chance: it must not take everybody else along
                job.fail(errors.EngineError("The model's process ended while it prepared this request."))
        if len(self._deaths) >= MAX_DEATHS:
            self._quarantine(reason)
        else:
            self.state = "unloaded"
            if self._jobs:
                self._wake()
        self._notify()

    def _quarantine(self, reason: str) -> None:
        sentence = f"The model ended its process {MAX_DEATHS} times ({reason}); it stays off until its file changes."
        self.state, self.error, self.load_percent = "broken", errors.ModelBroken(sentence), None
        self._fail_jobs(self.error)

    def _fail_jobs(self, error: errors.InferenceError) -> None:
        for job in list(self._jobs.values()):
            job.fail(error)

    def _stop_if_drained(self) -> None:
        is_busy = any(job.sent_at is not None for job in self._jobs.values())
        if self._is_draining and self._worker is not None and self.state != "loading" and not is_busy:
            worker, self._worker = self._worker, None
            self._run(self._stop(worker))

    async def _stop(self, worker: Worker) -> None:
        await worker.stop()
        self.state, self._is_draining, self.statistics = "unloaded", False, [0, 0, 0, 0, 0]
        log.info("model unloaded", extra={"model": self.entry.id})
        if self._jobs:
            self._wake()
        self._notify()

    def _tell_loading(self, percent: int) -> None:
        for job in list(self._jobs.values()):
            job.loading(percent)
        self._notify()

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
