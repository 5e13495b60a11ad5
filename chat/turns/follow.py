"""From a turn's log to one socket: every event once, in order, and never more than the reader keeps up with.

The doorbell carries the event itself. When it is the next one and there is room it goes straight out; otherwise the
follower reads the log, and when the log has a hole, the turn's state in PostgreSQL takes its place (turn.snapshot).
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import redis

from chat import events, limits
from chat.errors import Missing
from chat.models import Employee, Turn
from chat.models.turn import FINISHED, QUEUED, STOPPED
from chat.turns import log, presence

Send = Callable[[str], Awaitable[None]]
Load = Callable[[], Awaitable[dict[str, Any]]]

QUIET_SECONDS = 2.0  # a follower that heard nothing for so long looks by itself


class Window:
    """How much one socket was sent and has not acknowledged, over all turns it follows."""

    def __init__(self) -> None:
        self.num_bytes = 0
        self._full_since: float | None = None

    @property
    def is_given_up(self) -> bool:
        """It has been full for so long that nobody can be reading; looked at every other second."""
        if self.has_room:
            self._full_since = None
            return False
        self._full_since = self._full_since or time.monotonic()
        return time.monotonic() - self._full_since > limits.ACKNOWLEDGE_SECONDS

    @property
    def has_room(self) -> bool:
        return self.num_bytes < limits.MAX_UNACKNOWLEDGED_BYTES


class Follower:
    """One turn on one socket. `load` gives the snapshot's fields, or raises Missing."""

    def __init__(self, turn_id: uuid.UUID, after_seq: int, window: Window, send: Send, load: Load) -> None:
        self.turn_id = turn_id
        self.after_seq = after_seq
        self.is_over = False
        self.is_automatic = False
        self._seq = after_seq
        self._entry_id: str | None = None
        self._read_already: str | None = None
        self._is_behind = False
        self._heard_at = time.monotonic()
        self._told_waiting: presence.Waiting | None = None
        self._unacknowledged: deque[tuple[int, int]] = deque()
        self._window = window
        self._send_text = send
        self._load = load
        self._lock = asyncio.Lock()

    async def hear(self, ring: str) -> None:
        """The doorbell rang with an event: its place in the log, and its JSON as it is sent."""
        entry_id, _space, text = ring.partition(" ")
        seq = int(entry_id.rpartition("-")[2])
        async with self._lock:
            self._heard_at = time.monotonic()
            if self.is_over or seq <= self._seq:
                return
            if seq == self._seq + 1 and not self._is_behind and self._window.has_room:
                await self._send(seq, text)
                self._entry_id = entry_id
            else:
                self._is_behind = True
                await self._catch_up()

    async def look(self, *, ask_database: bool = True, known: dict[str, Any] | None = None) -> None:
        """Read whatever the doorbell did not bring; of a turn that was queued a moment ago the log says all.

        known: the snapshot's fields, from a moment ago.
        """
        async with self._lock:
            self._heard_at = time.monotonic()
            if known is not None:
                # Who comes back has read nearly all of it: the log is asked for the rest.
                self._read_already = log.entry_id(known["attempt"], self._seq)
            if not self.is_over:
                await self._catch_up(ask_database=ask_database, known=known)

    async def acknowledge(self, seq: int) -> None:
        async with self._lock:
            while self._unacknowledged and self._unacknowledged[0][0] <= seq:
                self._window.num_bytes -= self._unacknowledged.popleft()[1]

    async def go_on(self) -> None:
        """There may be room again."""
        if self._is_behind and self._window.has_room and not self.is_over:
            async with self._lock:
                await self._catch_up(ask_database=True)

    def leave(self) -> None:
        self.is_over = True
        self._window.num_bytes -= sum(size for _seq, size in self._unacknowledged)
        self._unacknowledged.clear()

    @property
    def is_quiet(self) -> bool:
        return not self.is_over and time.monotonic() - self._heard_at > QUIET_SECONDS

    async def _catch_up(self, *, ask_database: bool = False, known: dict[str, Any] | None = None) -> None:
        self._is_behind = True
        if not self._window.has_room:
            return
        try:
            entries = await log.read(self.turn_id, self._entry_id or self._read_already)
            if self._entry_id is None and entries and entries[0].seq > self._seq + 1:
                entries = await log.read(self.turn_id)  # an earlier attempt wrote what is missing
        except (redis.RedisError, OSError):
            entries = []
            ask_database = True
        for entry in entries:
            if entry.seq > self._seq:
                if entry.seq != self._seq + 1:
                    await self._take_snapshot()
                    return
                if not self._window.has_room:
                    return
                await self._send(entry.seq, entry.text)
            self._entry_id = entry.id
        self._is_behind = False
        if ask_database and not self.is_over:
            has_log = bool(entries) or self._entry_id is not None
            await self._take_snapshot(only_if_over=has_log, state=None if entries else known)

    async def _take_snapshot(self, *, only_if_over: bool = False, state: dict[str, Any] | None = None) -> None:
        try:
            state = state or await self._load()
        except Missing:
            self.is_over = True
            return
        is_over, seq, _attempt = state.pop("is_over"), state.pop("checkpoint_seq"), state.pop("attempt")
        await self._tell_waiting(state.pop("waiting", None))
        if not is_over and (only_if_over or seq <= self._seq):
            return  # the next checkpoint will say more
        self._seq = max(seq, self._seq)
        self._entry_id = self._read_already = None
        self._is_behind = not is_over
        self.is_over = is_over
        snapshot = events.snapshot(str(self.turn_id), self._seq, **state)
        await self._send(self._seq, json.dumps(snapshot, separators=(",", ":"), ensure_ascii=False))

    async def _tell_waiting(self, waiting: presence.Waiting | None) -> None:
        """What a queued turn waits for is no event of its log: nobody writes one yet."""
        if waiting is not None and waiting != self._told_waiting:
            self._told_waiting = waiting
            await self._send_text(json.dumps(events.waiting(str(self.turn_id), waiting)))

    async def _send(self, seq: int, text: str) -> None:
        size = len(text.encode())
        self._unacknowledged.append((seq, size))
        self._window.num_bytes += size
        self._seq = seq
        self.is_over = self.is_over or events.is_last(text)
        await self._send_text(text)


def state_of(employee: Employee, turn_id: uuid.UUID) -> dict[str, Any]:
    """What a snapshot of the turn says. Raises Missing."""
    turn = Turn.objects.for_employee(employee).filter(pk=turn_id).select_related("answer").first()
    if turn is None:
        raise Missing
    if turn.is_abandoned and presence.give_up_abandoned():
        turn.refresh_from_db()
    answer = turn.answer
    state: dict[str, Any] = {
        "is_over": not turn.is_open,
        "checkpoint_seq": turn.checkpoint_seq,
        "attempt": turn.attempt,
        "text": answer.text,
        "status": turn.status,
        "sources": answer.sources or None,
        "reasoning": answer.reasoning,
        "reasoning_seconds": answer.reasoning_seconds,
    }
    if turn.status in (FINISHED, STOPPED):
        state["finish"] = events.Finished(
            reason=answer.finish_reason,
            num_chars=len(answer.text),
            sha256=events.digest(answer.text),
            num_prompt_tokens=answer.num_prompt_tokens,
            num_completion_tokens=answer.num_completion_tokens,
            tokens_per_second=answer.tokens_per_second,
            context_length=answer.context_length,
            model=answer.model_name,
            version=answer.model_version,
            reasoning=events.proof_of_reasoning(answer),
        ).frame()
    elif turn.status == QUEUED:
        state["waiting"] = presence.waiting(turn)
    elif not turn.is_open:
        state["error"] = {"code": answer.error_code, "sentence": answer.error_sentence}
    return state
