"""The process behind `manage.py turns`: works on many turns at once, in one event loop.

It claims when it is rung, and looks by itself every two seconds in case a ring was lost. On SIGTERM it claims nothing
more and gives back what it has, so that a restart is a pause of milliseconds for readers.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import signal
import uuid
from pathlib import Path

import redis
from django.conf import settings
from django.db import DatabaseError

from chat import valkey
from chat.database import in_thread
from chat.models import Turn
from chat.turns import presence, queue
from chat.turns.work import TurnWork
from inference.client import AsyncClient
from inference.errors import InferenceError

log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
SWEEP_SECONDS = 2.0
LEAVE_SECONDS = 10.0


def this_machine() -> str:
    """What process numbers mean something in: this boot of this machine, in this process namespace."""
    try:
        parts = [Path("/proc/sys/kernel/random/boot_id").read_text(), str(Path("/proc/self/ns/pid").readlink())]
    except OSError:
        return uuid.uuid4().hex[:16]
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:16]


def _is_alive(worker: str) -> bool:
    try:
        os.kill(int(worker.rpartition("-")[2]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class Worker:
    def __init__(self, concurrency: int) -> None:
        self._machine = this_machine()
        self.name = f"{self._machine}-{os.getpid()}"
        self._concurrency = concurrency
        self._working: dict[uuid.UUID, tuple[TurnWork, asyncio.Task[None]]] = {}
        self._rung = asyncio.Event()
        self._leaving = asyncio.Event()
        self._client = AsyncClient(settings.HEARTH_INFERENCE_URL, settings.HEARTH_INFERENCE_SECRET)
        self._helpers: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until `leave`."""
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self.leave)
        await self.work()

    async def work(self) -> None:
        helpers = [asyncio.create_task(job()) for job in (self._warm, self._listen, self._sweep)]
        try:
            while not self._leaving.is_set():
                self._rung.clear()
                if not await self._claim():
                    await self._wait_for_ring()
        finally:
            for helper in helpers:
                helper.cancel()
            await self._give_back()
            await self._say_goodbye()
            await self._client.aclose()
            await valkey.close_loop_client()

    def leave(self) -> None:
        self._leaving.set()
        self._rung.set()

    async def _claim(self, turn_id: uuid.UUID | None = None) -> bool:
        if turn_id is None and len(self._working) >= self._concurrency:
            return False
        try:
            turn = await in_thread(queue.claim, self.name, turn_id)
        except DatabaseError as error:
            log.warning("cannot claim: %s", type(error).__name__)
            return False
        if turn is None:
            return False
        self._begin(turn)
        return True

    def _begin(self, turn: Turn) -> None:
        work = TurnWork(turn, self._client)
        task = asyncio.create_task(self._run(work))
        self._working[turn.id] = (work, task)
        task.add_done_callback(lambda _task: self._ended(turn.id, task))

    async def _run(self, work: TurnWork) -> None:
        try:
            await work.run()
        except Exception:  # the outermost loop of a turn: the others must go on
            # The lease runs out and the turn is tried again, at most three times.
            log.exception("turn %s broke", work.turn.id)

    def _ended(self, turn_id: uuid.UUID, task: asyncio.Task[None]) -> None:
        held = self._working.get(turn_id)
        if held is not None and held[1] is task:
            del self._working[turn_id]
        self._rung.set()

    async def _wait_for_ring(self) -> None:
        try:
            await asyncio.wait_for(self._rung.wait(), LOOK_SECONDS)
        except TimeoutError:
            return

    async def _warm(self) -> None:
        """Open the connection to inference before somebody waits for it."""
        try:
            await self._client.models()
        except InferenceError as error:
            log.warning("inference does not answer yet: %s", error.code)

    async def _listen(self) -> None:
        while True:
            try:
                async with valkey.loop_client().pubsub() as bell:
                    await bell.subscribe(queue.channel())
                    async for message in bell.listen():
                        if message["type"] == "message":
                            self._hear(message["data"].decode())
            except (redis.RedisError, OSError) as error:
                log.warning("cannot hear rings: %s", type(error).__name__)
                await asyncio.sleep(1.0)

    def _hear(self, message: str) -> None:
        word, _space, turn_id = message.partition(" ")
        if word != "stop":
            self._rung.set()
            return
        held = self._working.get(uuid.UUID(turn_id))
        if held is not None:
            held[0].stop()
        else:
            # Perhaps it still waits in the queue; whoever claims it ends it, whatever else they are doing.
            helper = asyncio.create_task(self._claim_to_stop(uuid.UUID(turn_id)))
            self._helpers.add(helper)
            helper.add_done_callback(self._helpers.discard)

    async def _claim_to_stop(self, turn_id: uuid.UUID) -> None:
        await self._claim(turn_id)

    async def _sweep(self) -> None:
        while True:
            try:
                await in_thread(self._sweep_once)
            except DatabaseError as error:
                log.warning("cannot sweep: %s", type(error).__name__)
            await asyncio.sleep(SWEEP_SECONDS)

    def _sweep_once(self) -> None:
        """A dead neighbour need not be waited for until its lease runs out: its process is gone."""
        presence.note(self.name)
        queue.sweep([name for name in queue.workers_of(self._machine) if not _is_alive(name)])

    async def _say_goodbye(self) -> None:
        try:
            await in_thread(presence.leave, self.name)
        except DatabaseError as error:
            log.warning("cannot say goodbye: %s", type(error).__name__)

    async def _give_back(self) -> None:
        held = list(self._working.values())
        for work, _task in held:
            work.leave()
        if held:
            log.info("giving back %d turns", len(held))
            await asyncio.wait([task for _work, task in held], timeout=LEAVE_SECONDS)
