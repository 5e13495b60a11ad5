"""Sequences that nobody is using, kept in ordinary memory instead of the model's cells. Pure bookkeeping.

Cells that belong to nobody in a batch are not free of charge: attention walks over them for every token (3,072 of them
made 8 answers a fifth slower on a CPU). A copy costs 2 ms for 400 tokens of a small model, less than one step. And
people come back after minutes, when cells have long been needed by others.

Entries are found by comparing 32-bit ids, as in `cache`; the least recently used goes first.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass

from inference.beginnings import MIN_SHARED_TOKENS, Beginning, shared_length

_MOST_ENTRIES = 256  # each is looked at when a request is placed


@dataclass(frozen=True, slots=True)
class Offload:
    """Copy all of the sequence to ordinary memory under `key`, and forget its cells."""

    sequence: int
    key: int


@dataclass(frozen=True, slots=True)
class Fetch:
    """Copy what lies under `key` into the empty sequence, and keep its first `length` cells. `is_last`: what lies
    under the key is not needed any more."""

    key: int
    sequence: int
    length: int
    is_last: bool


@dataclass(frozen=True, slots=True)
class Discard:
    """What lies under `key` is not needed any more."""

    key: int


class HostCache:
    """At most `num_tokens` tokens in all; none when that is 0."""

    def __init__(self, num_tokens: int) -> None:
        self._num_tokens = num_tokens
        self._num_used = 0
        self._entries: dict[int, Beginning] = {}  # insertion order: least recently used first
        self._next_key = 0

    @property
    def is_used(self) -> bool:
        return self._num_tokens > 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def num_tokens(self) -> int:
        """In it now."""
        return self._num_used

    def limit(self, num_tokens: int) -> list[Discard]:
        """Another bound; what is over it goes, the least recently used first."""
        self._num_tokens = num_tokens
        discards = []
        while self._num_used > num_tokens:
            discards.append(self._discard(next(iter(self._entries))))
        return discards

    def length(self, key: int) -> int:
        return len(self._entries[key].tokens)

    def longest_shared(self, tokens: array[int], salt: str, num_public: int) -> tuple[int | None, int]:
        """(key, number of shared tokens)."""
        best, best_length = None, MIN_SHARED_TOKENS - 1
        for key, entry in self._entries.items():
            length = entry.shared_with(tokens, salt, num_public)
            if length > best_length:
                best, best_length = key, length
        return (best, best_length) if best is not None else (None, 0)

    def put(self, entry: Beginning) -> tuple[int | None, list[Discard]]:
        """Its key, or None when it is not worth a copy: too long, too short, or already there."""
        num_tokens = len(entry.tokens)
        if not MIN_SHARED_TOKENS <= num_tokens <= self._num_tokens:
            return None, []
        outdated = []
        for key, other in self._entries.items():
            if other.salt != entry.salt:
                continue
            shared = shared_length(entry.tokens, other.tokens)
            if shared == num_tokens:
                return None, []
            if shared == len(other.tokens):
                outdated.append(key)
        discards = [self._discard(key) for key in outdated]
        self._next_key += 1
        return self._next_key, discards + self.put_back(self._next_key, entry)

    def put_back(self, key: int, entry: Beginning) -> list[Discard]:
        """As the one that was used last."""
        discards = []
        while self._num_used + len(entry.tokens) > self._num_tokens or len(self._entries) >= _MOST_ENTRIES:
            discards.append(self._discard(next(iter(self._entries))))
        self._entries[key] = entry
        self._num_used += len(entry.tokens)
        return discards

    def take(self, key: int) -> Beginning:
        entry = self._entries.pop(key)
        self._num_used -= len(entry.tokens)
        return entry

    def _discard(self, key: int) -> Discard:
        self.take(key)
        return Discard(key)
