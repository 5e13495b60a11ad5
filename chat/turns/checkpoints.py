"""What answers in the making look like in PostgreSQL: leases and texts of all turns of a process, in one statement.

Each turn asks for a checkpoint once a second. A transaction for each was the dearest thing that a hundred answers did;
those that come within a tenth of a second now share one.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from django.db import DatabaseError, connection

from chat.database import in_thread
from chat.models.turn import LEASE

GATHER_SECONDS = 0.1
_of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Checkpoints] = WeakKeyDictionary()


@dataclass(frozen=True)
class Checkpoint:
    """text None: only the lease and the number. reasoning None: it has not changed."""

    turn_id: uuid.UUID
    attempt: int
    seq: int
    text: str | None
    reasoning: str | None = None
    reasoning_seconds: float | None = None


class Checkpoints:
    def __init__(self) -> None:
        self._waiting: list[tuple[Checkpoint, asyncio.Future[bool | None]]] = []
        self._storing: asyncio.Task[None] | None = None

    async def store(self, checkpoint: Checkpoint) -> bool | None:
        """Whether a stop was asked for; None when the turn is not this attempt's any more. Raises DatabaseError."""
        done: asyncio.Future[bool | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((checkpoint, done))
        if self._storing is None or self._storing.done():
            self._storing = asyncio.create_task(self._store())
        return await done

    async def _store(self) -> None:
        while self._waiting:
            await asyncio.sleep(GATHER_SECONDS)
            batch, self._waiting = self._waiting, []
            try:
                # Twice the same turn: the later one says more.
                last = {checkpoint.turn_id: checkpoint for checkpoint, _done in batch}
                stops = await in_thread(write, list(last.values()))
            except DatabaseError as error:
                for _checkpoint, done in batch:
                    if not done.done():
                        done.set_exception(error)
                continue
            for checkpoint, done in batch:
                if not done.done():
                    done.set_result(stops.get(checkpoint.turn_id))


def write(batch: list[Checkpoint]) -> dict[uuid.UUID, bool]:
    """Extend leases and store texts. Of each turn that is still its attempt's: whether a stop was asked for.

    One statement, and one UPDATE a row.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH due AS (
                SELECT * FROM unnest(%(ids)s::uuid[], %(attempts)s::int[], %(seqs)s::int[], %(texts)s::text[],
                                     %(thoughts)s::text[], %(seconds)s::float8[])
                    AS due (id, attempt, seq, text, thought, seconds)),
            held AS (
                UPDATE chat_turn t
                SET lease_until = now() + make_interval(secs => %(lease)s), checkpoint_seq = due.seq,
                    num_interruptions = CASE WHEN due.text IS NULL THEN t.num_interruptions ELSE 0 END
                FROM due WHERE t.id = due.id AND t.attempt = due.attempt AND t.status = 'running'
                RETURNING t.id, t.answer_id, t.stop_requested_at IS NOT NULL AS stop),
            stored AS (
                UPDATE chat_message m SET text = due.text, reasoning = coalesce(due.thought, m.reasoning),
                    reasoning_seconds = coalesce(due.seconds, m.reasoning_seconds)
                FROM due JOIN held ON held.id = due.id
                WHERE m.id = held.answer_id AND due.text IS NOT NULL)
            SELECT id, stop FROM held
            """,
            {
                "ids": [checkpoint.turn_id for checkpoint in batch],
                "attempts": [checkpoint.attempt for checkpoint in batch],
                "seqs": [checkpoint.seq for checkpoint in batch],
                "texts": [checkpoint.text for checkpoint in batch],
                "thoughts": [checkpoint.reasoning for checkpoint in batch],
                "seconds": [checkpoint.reasoning_seconds for checkpoint in batch],
                "lease": LEASE.total_seconds(),
            },
        )
        return dict(cursor.fetchall())


def of_loop() -> Checkpoints:
    loop = asyncio.get_running_loop()
    if loop not in _of_loop:
        _of_loop[loop] = Checkpoints()
    return _of_loop[loop]
