"""The numbers of the edges, in one place, and the memory that request bodies may take together."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True)
class Limits:
    """What one connection, and all connections together, may cost. Sizes in bytes, times in seconds."""

    body_max_bytes: int = 2 * MIB
    form_max_bytes: int = 64 * KIB
    bodies_in_memory_bytes: int = 16 * MIB
    headers_seconds: float = 15
    body_seconds: float = 60
    stalled_reader_seconds: float = 30
    socket_unsent_max_bytes: int = MIB
    # 32,000 characters of any script, escaped as JSON, and never more than 4 MiB of them in the queue.
    socket_message_max_bytes: int = 256 * KIB
    socket_frames_queued: int = 16
    max_connections: int = 6000
    drain_seconds: float = 10


class BodyBudget:
    """Lets large bodies into memory only while there is room; the others wait on disk, in order.

    Twisted keeps bodies above 100 kB in a temporary file until `process`; from there Daphne, Django and
    the view each hold a copy. The room is given back when the answer starts or the connection ends.
    """

    def __init__(self, max_bytes: int) -> None:
        self._free_bytes = max_bytes
        self._waiting: deque[tuple[object, int, Callable[[], object]]] = deque()
        self._held: dict[int, int] = {}

    def admit(self, owner: object, num_bytes: int, start: Callable[[], object]) -> None:
        """Call start now, or when earlier bodies have made room."""
        self._waiting.append((owner, num_bytes, start))
        self._let_in()

    def release(self, owner: object) -> None:
        """Safe to call twice, and for an owner that is still waiting."""
        self._waiting = deque(entry for entry in self._waiting if entry[0] is not owner)
        self._free_bytes += self._held.pop(id(owner), 0)
        self._let_in()

    def _let_in(self) -> None:
        while self._waiting and self._waiting[0][1] <= self._free_bytes:
            owner, num_bytes, start = self._waiting.popleft()
            self._free_bytes -= num_bytes
            self._held[id(owner)] = num_bytes
            start()
