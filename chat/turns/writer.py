"""The text of an answer in the making: events to the log, checkpoints to PostgreSQL.

Words come at any speed and leave in frames of 50 ms, the first at once. What is being sent is never cut off by a
cancellation, since a number that was given must reach the log.
"""

from __future__ import annotations

import asyncio
import time

from chat.events import Event, Extended
from chat.models import Turn
from chat.turns import checkpoints
from chat.turns.log import Fenced, TurnLog

FRAME_SECONDS = 0.05


class AnswerWriter:
    """One attempt at one turn. `text` is what the log has; `seq` the number of its last event."""

    def __init__(self, turn: Turn) -> None:
        self.text = turn.answer.text
        self._turn = turn
        self._log = TurnLog(turn.id, turn.attempt, turn.checkpoint_seq)
        self._pending = ""
        self._flushed_at = 0.0
        self._later: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self._stored_text = self.text
        self._stored_at = time.monotonic()

    @property
    def seq(self) -> int:
        return self._log.seq

    async def open(self) -> None:
        """Go on where the last attempt's readers are. Raises Fenced."""
        for entry in await self._log.open():
            if entry.frame["type"] == Extended.type:
                self.text = self.text[: entry.frame["start"]] + entry.frame["text"]
        if self._turn.attempt > 1:
            await self.checkpoint()
        elif self.text:
            # The rest of an answer that was cut off. Whoever follows from the start needs its beginning too.
            await self._log.append(Extended(self.text, start=0))

    async def say(self, event: Event) -> None:
        await asyncio.shield(self._say(event))

    async def extend(self, text: str) -> None:
        """More of the answer; leaves at once when the last frame is old enough."""
        self._pending += text
        wait = self._flushed_at + FRAME_SECONDS - time.monotonic()
        if wait <= 0:
            await self.flush()
        elif self._later is None or self._later.done():
            self._later = asyncio.create_task(self._flush_after(wait))

    async def flush(self) -> None:
        await asyncio.shield(self._flush())

    async def checkpoint(self, *, every_seconds: float = 0) -> bool:
        """Store new text and keep the lease. Whether a stop was asked for. Raises Fenced.

        Without new text nothing is written more often than every_seconds.
        """
        async with self._lock:
            seq, text = self._log.seq, self.text
        is_new = text != self._stored_text
        if not is_new and time.monotonic() - self._stored_at < every_seconds:
            return False
        stop = await checkpoints.of_loop().store(self._turn, seq, text if is_new else None)
        if stop is None:
            raise Fenced
        self._stored_text, self._stored_at = text, time.monotonic()
        return stop

    async def close(self) -> None:
        await self._log.close()

    async def _say(self, event: Event) -> None:
        await self._flush()
        async with self._lock:
            await self._log.append(event)

    async def _flush(self) -> None:
        async with self._lock:
            if not self._pending:
                return
            text, self._pending = self._pending, ""
            self._flushed_at = time.monotonic()
            await self._log.append(Extended(text, start=len(self.text)))
            self.text += text

    async def _flush_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        try:
            await self._flush()
        except Fenced:
            return  # the heartbeat will notice too, and ends the work
