"""Events on their way into Valkey, those of all turns of a process together.

A hundred answers at twenty words a second are two thousand events, and a round trip for each is more than Python can
do. So what comes while one batch travels is the next batch: two round trips, however many events. An event is rung
only after its log has taken it, since the log's refusal is the fence against a worker that lost its turn.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import redis

from chat import doorbell, valkey

log = logging.getLogger(__name__)

REST_SECONDS = 1.0  # how long a Valkey that was away is left alone
MAX_BATCH = 500
_of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Outbox] = WeakKeyDictionary()


@dataclass(frozen=True)
class Letter:
    """One event for one log: text is its JSON, entry_id its place, group whom to ring."""

    key: str
    entry_id: str
    text: str
    group: str


class Outbox:
    def __init__(self) -> None:
        self._waiting: list[tuple[Letter, asyncio.Future[bool]]] = []
        self._sending: asyncio.Task[None] | None = None
        self._resting_until = 0.0

    async def post(self, letter: Letter) -> bool:
        """False when the log refuses the entry, because a later attempt writes it. True also when Valkey is away."""
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((letter, done))
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send())
        return await done

    async def _send(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
            refused = await self._deliver([letter for letter, _done in batch])
            for letter, done in batch:
                if not done.done():
                    done.set_result(letter not in refused)

    async def _deliver(self, letters: list[Letter]) -> set[Letter]:
        """Keep and ring them. Those that a log refused."""
        if time.monotonic() < self._resting_until:
            return set()
        try:
            async with asyncio.timeout(valkey.AWAY_SECONDS):
                results = await self._keep(letters)
                refused = {letter for letter, result in zip(letters, results, strict=True) if _is_refusal(result)}
                rings = [
                    (letter.group, f"{letter.entry_id} {letter.text}") for letter in letters if letter not in refused
                ]
                await valkey.loop_client().publish(doorbell.channel(), doorbell.pack(rings))
        except (redis.RedisError, OSError) as error:
            log.warning("%d events not kept: %s", len(letters), type(error).__name__)
            self._resting_until = time.monotonic() + REST_SECONDS
            return set()
        return refused

    async def _keep(self, letters: list[Letter]) -> list[object]:
        async with valkey.loop_client().pipeline(transaction=False) as pipe:
            for letter in letters:
                pipe.execute_command("XADD", letter.key, letter.entry_id, "e", letter.text)
            results: list[object] = await pipe.execute(raise_on_error=False)
        for result in results:
            if isinstance(result, Exception) and not _is_refusal(result):
                log.warning("an event was not kept: %s", result)
        return results


def _is_refusal(result: object) -> bool:
    return isinstance(result, redis.ResponseError) and "equal or smaller" in str(result)


def of_loop() -> Outbox:
    loop = asyncio.get_running_loop()
    if loop not in _of_loop:
        _of_loop[loop] = Outbox()
    return _of_loop[loop]
