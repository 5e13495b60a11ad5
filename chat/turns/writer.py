"""The text of an answer in the making, and the reasoning before it: events to the log, checkpoints to PostgreSQL.

Words come at any speed and leave in frames of 50 ms, the first at once. What is being sent is never cut off by a
cancellation, since a number that was given must reach the log.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from chat.events import Event, Extended, Thought
from chat.models import Turn
from chat.turns import checkpoints
from chat.turns.checkpoints import Checkpoint
from chat.turns.log import Fenced, TurnLog

FRAME_SECONDS = 0.05


class AnswerWriter:
    """One attempt at one turn. `text` and `reasoning` are what the log has; `seq` the number of its last event."""

    def __init__(self, turn: Turn) -> None:
        self.text = turn.answer.text
        self.reasoning = turn.answer.reasoning
        self.reasoning_seconds = turn.answer.reasoning_seconds or 0.0
        self._thought_at: float | None = None
        self._is_thought = False  # what is pending
        self._turn = turn
        self._log = TurnLog(turn.id, turn.attempt, turn.checkpoint_seq)
        self._pending = ""
        self._flushed_at = 0.0
        self._later: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self._stored_text, self._stored_reasoning = self.text, self.reasoning
        self._stored_at = time.monotonic()

    @property
    def seq(self) -> int:
        return self._log.seq

    async def open(self) -> None:
        """Go on where the last attempt's readers are. Raises Fenced."""
        for entry in await self._log.open():
            frame = entry.frame
            if frame["type"] == Extended.type:
                self.text = self.text[: frame["start"]] + frame["text"]
            elif frame["type"] == Thought.type:
                self.reasoning = self.reasoning[: frame["start"]] + frame["text"]
                self.reasoning_seconds = frame["seconds"]
        if self._turn.attempt > 1:
            await self.checkpoint()
            return
        # The rest of an answer that was cut off. Whoever follows from the start needs its beginning too.
        if self.reasoning:
            await self._log.append(Thought(self.reasoning, 0, round(self.reasoning_seconds, 1)))
        if self.text:
            await self._log.append(Extended(self.text, start=0))

    async def say(self, event: Event) -> None:
        await asyncio.shield(self._say(event))

    async def extend(self, text: str) -> None:
        """More of the answer; leaves at once when the last frame is old enough."""
        await self._add(text, is_thought=False)

    async def think(self, text: str) -> None:
        """More of the reasoning, in the same way. The time since the last piece was thinking too."""
        now = time.monotonic()
        self.reasoning_seconds += now - (self._thought_at or now)
        self._thought_at = now
        await self._add(text, is_thought=True)

    async def _add(self, text: str, *, is_thought: bool) -> None:
        if is_thought != self._is_thought:
            await self.flush()
            self._is_thought = is_thought
        if not is_thought:
            self._thought_at = None
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
            seq, text, reasoning = self._log.seq, self.text, self.reasoning
            seconds = round(self.reasoning_seconds, 1)
        has_thought = reasoning != self._stored_reasoning
        is_new = has_thought or text != self._stored_text
        if not is_new and time.monotonic() - self._stored_at < every_seconds:
            return False
        checkpoint = Checkpoint(self._turn.pk, self._turn.attempt, seq, text if is_new else None)
        if has_thought:
            checkpoint = replace(checkpoint, reasoning=reasoning, reasoning_seconds=seconds)
        stop = await checkpoints.of_loop().store(checkpoint)
        if stop is None:
            raise Fenced
        self._stored_text, self._stored_reasoning, self._stored_at = text, reasoning, time.monotonic()
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
            if self._is_thought:
                await self._log.append(Thought(text, len(self.reasoning), round(self.reasoning_seconds, 1)))
                self.reasoning += text
            else:
                await self._log.append(Extended(text, start=len(self.text)))
                self.text += text

    async def _flush_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        try:
            await self._flush()
        except Fenced:
            return  # the heartbeat will notice too, and ends the work
