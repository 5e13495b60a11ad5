"""The numbered events of a turn, in a Valkey stream.

Entry ids are `<attempt>-<seq>`, and Valkey refuses an id that is not above the last one. So a new attempt seals the
stream with `<attempt>-0`, and a worker that lost its lease can append nothing any more: the fence costs no script.
Numbers go on across attempts. Valkey may lose all of it; then numbers jump, and followers get the text from PostgreSQL.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from dataclasses import dataclass
from typing import Any

import redis

from chat import doorbell, valkey
from chat.events import Event
from chat.turns import outbox

log = logging.getLogger(__name__)

KEEP_RUNNING_SECONDS = 24 * 3600
KEEP_ENDED_SECONDS = 3600
# After a loss nobody knows which numbers were used; one checkpoint ago they were fewer than this.
JUMP = 10_000


class Fenced(Exception):
    """Another attempt writes this turn now."""


@dataclass(frozen=True)
class Entry:
    """One event: text is the JSON as it is sent, with type, turn, seq and the event's fields."""

    id: str
    seq: int
    text: str

    @property
    def frame(self) -> dict[str, Any]:
        frame: dict[str, Any] = json.loads(self.text)
        return frame


def key_of(turn_id: uuid.UUID) -> str:
    return f"turn:{turn_id.hex}"


def entry_id(attempt: int, seq: int) -> str:
    return f"{attempt}-{seq}"


async def read(turn_id: uuid.UUID, after_id: str | None = None) -> list[Entry]:
    """The events after an entry (or all), in order. Raises redis.RedisError, OSError."""
    start = f"({after_id}" if after_id else "-"
    async with asyncio.timeout(valkey.AWAY_SECONDS):
        rows = await valkey.loop_client().xrange(key_of(turn_id), min=start)
    return [
        Entry(entry_id.decode(), int(entry_id.rpartition(b"-")[2]), values[b"e"].decode())
        for entry_id, values in rows
        if b"e" in values
    ]


class TurnLog:
    """One attempt's pen. `seq` is the number of the last event."""

    def __init__(self, turn_id: uuid.UUID, attempt: int, checkpoint_seq: int) -> None:
        self.seq = checkpoint_seq
        self._turn_id = turn_id
        self._attempt = attempt
        self._group = doorbell.turn_group(turn_id)

    async def open(self) -> list[Entry]:
        """Seal the stream against earlier attempts; returns the events that are newer than the checkpoint.

        Without Valkey, or when it forgot, the numbers jump and the checkpoint's text is all there is.
        """
        checkpoint_seq = self.seq
        try:
            was_lost = await self._seal()
            entries = await read(self._turn_id) if self._attempt > 1 else []
        except redis.ResponseError as error:
            raise Fenced from error
        except (redis.RedisError, OSError):
            log.warning("turn %s: Valkey does not answer, going on without a log", self._turn_id)
            was_lost, entries = True, []
        newer = [entry for entry in entries if entry.seq > checkpoint_seq]
        is_whole = [entry.seq for entry in newer] == list(range(checkpoint_seq + 1, checkpoint_seq + 1 + len(newer)))
        if self._attempt > 1 and (was_lost or not is_whole):
            self.seq = checkpoint_seq + JUMP
            return []
        self.seq = checkpoint_seq + len(newer)
        return newer

    async def _seal(self) -> bool:
        """Keep earlier attempts out. Whether Valkey has forgotten what they wrote."""
        key = key_of(self._turn_id)
        async with valkey.loop_client().pipeline(transaction=False) as pipe:
            pipe.xadd(key, {"seal": "1"}, id=f"{self._attempt}-0")
            pipe.expire(key, KEEP_RUNNING_SECONDS)
            pipe.xlen(key)
            async with asyncio.timeout(valkey.AWAY_SECONDS):
                results = await pipe.execute()
        return bool(results[-1] == 1)

    async def append(self, event: Event) -> None:
        """Number the event, keep it and ring. Raises Fenced; a Valkey that is away costs liveness only."""
        self.seq += 1
        frame = event.frame() | {"turn": str(self._turn_id), "seq": self.seq}
        text = json.dumps(frame, separators=(",", ":"), ensure_ascii=False)
        entry = outbox.Letter(key_of(self._turn_id), entry_id(self._attempt, self.seq), text, self._group)
        if not await outbox.of_loop().post(entry):
            raise Fenced

    async def close(self) -> None:
        """Ended turns are read from PostgreSQL; the log stays a while for those who are in the middle of it."""
        try:
            async with asyncio.timeout(valkey.AWAY_SECONDS):
                await valkey.loop_client().expire(key_of(self._turn_id), KEEP_ENDED_SECONDS)
        except (redis.RedisError, OSError):
            log.warning("turn %s: its log ends by itself", self._turn_id)
