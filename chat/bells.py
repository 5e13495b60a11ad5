"""Hearing doorbells: one subscription of a process to one channel, handed to whoever listens here.

Every process hears every ring and drops those that nobody here listens to: a dictionary lookup. In return nothing is
subscribed or left when somebody follows an answer, no ring falls between a subscription and a look into the log, and
after a loss of Valkey one SUBSCRIBE brings all back. Rings travel in batches, see `chat.doorbell.pack`.
Left out: what a ring says; a lost one costs a look.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from weakref import WeakKeyDictionary

import redis

from chat import doorbell, valkey

log = logging.getLogger(__name__)

Listener = Callable[[str], None]
AGAIN_SECONDS = 0.5
DEAF_SECONDS = 30.0  # Valkey says something at least so often, because we ask
_of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Bells] = WeakKeyDictionary()


class Bells:
    """Groups and their listeners in one event loop. Listeners get the ring's JSON text, and must return at once."""

    def __init__(self) -> None:
        self._listeners: dict[str, dict[Listener, None]] = {}
        self._hearing: asyncio.Task[None] | None = None
        self._subscribed = asyncio.Event()

    def listen(self, group: str, listener: Listener) -> None:
        self._listeners.setdefault(group, {})[listener] = None
        if self._hearing is None or self._hearing.done():
            self._hearing = asyncio.create_task(self._hear())

    def leave(self, group: str, listener: Listener) -> None:
        """Safe to call twice."""
        listeners = self._listeners.get(group, {})
        listeners.pop(listener, None)
        if not listeners:
            self._listeners.pop(group, None)

    async def ready(self, seconds: float = 1.0) -> None:
        """Wait until rings are heard; at most so long, because without Valkey all goes on, a second late."""
        try:
            await asyncio.wait_for(self._subscribed.wait(), seconds)
        except TimeoutError:
            log.warning("doorbells are not heard: Valkey does not answer")

    async def close(self) -> None:
        if self._hearing is not None:
            self._hearing.cancel()
            await asyncio.wait({self._hearing})

    async def _hear(self) -> None:
        while True:
            try:
                async with valkey.loop_client().pubsub() as bell:
                    await bell.subscribe(doorbell.channel())
                    while True:
                        message = await bell.get_message(timeout=DEAF_SECONDS)
                        if message is None:
                            await bell.ping()
                        elif message["type"] == "subscribe":
                            self._subscribed.set()
                        elif message["type"] == "message":
                            self._deliver(message["data"])
            except (redis.RedisError, OSError) as error:
                self._subscribed.clear()
                log.warning("doorbells are not heard: %s", type(error).__name__)
                await asyncio.sleep(AGAIN_SECONDS)

    def _deliver(self, data: bytes) -> None:
        for group, text in doorbell.unpack(data):
            for listener in list(self._listeners.get(group, ())):
                listener(text)


def of_loop() -> Bells:
    loop = asyncio.get_running_loop()
    if loop not in _of_loop:
        _of_loop[loop] = Bells()
    return _of_loop[loop]


async def close() -> None:
    """When a loop ends before its process does."""
    bells = _of_loop.pop(asyncio.get_running_loop(), None)
    if bells is not None:
        await bells.close()
