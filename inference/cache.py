"""Which KV cells belong to which sequence, and which beginnings can be used again. Pure bookkeeping.

A finished request's sequence stays as a holder until others are evaluated. Then it is copied to ordinary memory
(`host_cache`) and fetched back when it is wanted; where that is not possible it stays in the cells until they, or its
number, are needed (least recently used goes first). A new request that begins with the same tokens, under the same
salt, goes on from there: it takes the holder over when it continues all of it, and copies its beginning otherwise (in a
unified cache a copy only adds an owner to cells). Requests of other salts never meet, save in what both call public (a
common system prompt): whose prompt is cached cannot be told from the time an answer takes.

The longest shared beginning is found by comparing slices of 32-bit ids, a dozen memory comparisons per sequence: with
at most 256 sequences that costs less than keeping a tree up to date.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from inference.beginnings import MIN_SHARED_TOKENS, Beginning
from inference.cells import Cells, CellSequence
from inference.host_cache import Discard, Fetch, HostCache, Offload


@dataclass(frozen=True, slots=True)
class Remove:
    """Forget the sequence's cells from `start` on."""

    sequence: int
    start: int


@dataclass(frozen=True, slots=True)
class Copy:
    """Let `target` share the first `length` cells of `source`; its own of those places are forgotten."""

    source: int
    target: int
    length: int


Operation = Remove | Copy | Offload | Fetch | Discard


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a request was put, and how many of its tokens are evaluated already. Apply the operations in order."""

    sequence: int
    num_cached: int
    operations: tuple[Operation, ...]


class SequenceCache:
    """Numbers of sequences, their tokens and cells. Every change here has its twin in the backend."""

    def __init__(self, num_sequences: int, num_cells: int, num_offloaded: int = 0, *, can_share: bool = True) -> None:
        self.num_cells = num_cells
        self._host = HostCache(num_offloaded)
        self._can_share = can_share
        self._cells = Cells()
        self._free = list(range(num_sequences - 1, -1, -1))
        self._sequences: dict[int, CellSequence] = {}
        self._holders: dict[int, None] = {}  # insertion order: least recently used first

    @property
    def num_used(self) -> int:
        return self._cells.num_used

    @property
    def num_free(self) -> int:
        """Cells free at once, without evicting anything."""
        return self.num_cells - self.num_used

    @property
    def num_holders(self) -> int:
        """Beginnings that can be used again, wherever they lie."""
        return len(self._holders) + len(self._host)

    @property
    def num_offloaded(self) -> int:
        """Tokens in ordinary memory."""
        return self._host.num_tokens

    def limit_offloaded(self, num_tokens: int) -> Sequence[Operation]:
        """So many tokens may lie in ordinary memory from now on."""
        return self._host.limit(num_tokens)

    @property
    def num_busy(self) -> int:
        return len(self._sequences) - len(self._holders)

    def length(self, sequence: int) -> int:
        return len(self._sequences[sequence].tokens)

    def longest_shared(self, tokens: array[int], salt: str, num_public: int = 0) -> tuple[int | None, int]:
        """(sequence, number of shared tokens). At least one token is always left to evaluate."""
        if not self._can_share:
            return None, 0
        best, best_length, best_adoptable = None, MIN_SHARED_TOKENS - 1, False
        wanted = tokens[: len(tokens) - 1]
        for number, sequence in self._sequences.items():
            length = sequence.shared_with(wanted, salt, num_public)
            adoptable = number in self._holders and length == len(sequence.tokens)
            if (length, adoptable) > (best_length, best_adoptable):
                best, best_length, best_adoptable = number, length, adoptable
        return (best, best_length) if best is not None else (None, 0)

    def place(self, tokens: array[int], salt: str, num_reserved: int = 0, num_public: int = 0) -> Placement | None:
        """Find a sequence and room for the tokens and `num_reserved` more, evicting holders; None: does not fit now."""
        donor, shared = self.longest_shared(tokens, salt, num_public)
        key, fetched = self._host.longest_shared(tokens[: len(tokens) - 1], salt, num_public)
        if key is not None and fetched > shared:
            placement = self._fetch(key, tokens[:fetched], len(tokens) - fetched + num_reserved, (donor, shared))
            if placement is not None:
                self._own(placement.sequence, salt, num_public)
                return placement
        donor_busy = donor is not None and donor not in self._holders
        need = len(tokens) - (shared if donor_busy else 0) + num_reserved
        if self._num_busy_cells() + need > self.num_cells:
            return None
        if not self._free and not self._holders:
            return None
        operations: list[Operation] = []
        target = self._take_number(donor, shared, operations)
        if donor is not None and donor != target:
            self._cells.share(self._sequences[donor], self._sequences[target], shared)
            operations.append(Copy(donor, target, shared))
        # The donor was used last, so it goes last, and what the target shares with it stays.
        operations += self.evict(len(tokens) - shared + num_reserved)
        self._own(target, salt, num_public)
        return Placement(target, shared, tuple(operations))

    def append(self, sequence: int, tokens: array[int]) -> None:
        """The tokens were evaluated and have cells now."""
        self._cells.append(self._sequences[sequence], tokens)

    def release(self, sequence: int) -> None:
        """The request is done; keep what was read for the next one."""
        if self._sequences[sequence].tokens:
            self._holders[sequence] = None
        else:
            self._forget(sequence)

    def drop(self, sequence: int) -> Operation:
        """The request is gone and its cells are needed."""
        self._forget(sequence)
        return Remove(sequence, 0)

    def evict(self, num_cells: int) -> list[Operation]:
        """Offload or drop holders until so many cells are free, or none is left."""
        operations: list[Operation] = []
        while self.num_free < num_cells and self._holders:
            operations += self._offload(next(iter(self._holders)))
        return operations

    def offload_idle(self) -> list[Operation]:
        """No holder is left in the cells, if they can be anywhere else."""
        return self.evict(self.num_cells + 1) if self._host.is_used else []

    def _offload(self, holder: int) -> list[Operation]:
        entry = self._sequences[holder]
        key, discards = self._host.put(Beginning(entry.salt, entry.num_public, entry.tokens[:]))
        if key is None:
            return [*discards, self.drop(holder)]
        self._forget(holder)
        return [*discards, Offload(holder, key)]

    def _fetch(self, key: int, tokens: array[int], num_more: int, donor: tuple[int | None, int]) -> Placement | None:
        """Place the offloaded `tokens`, with room for `num_more`. What a busy sequence has of them too is shared with
        it: a system prompt takes its cells once. None: does not fit now."""
        source, shared = donor
        if source is None or source in self._holders:
            source, shared = None, 0
        whole = self._host.length(key)  # all of it comes, before the rest of it is cut off
        need = max(whole, len(tokens) - shared + num_more)
        if self._num_busy_cells() + need > self.num_cells or not (self._free or self._holders):
            return None
        entry = self._host.take(key)
        operations: list[Operation] = []
        if not self._free:
            operations += self._offload(next(iter(self._holders)))
        operations += self.evict(need)
        target = self._new()
        operations.append(Fetch(key, target, len(tokens), is_last=len(tokens) == whole))
        if source is not None:
            self._cells.share(self._sequences[source], self._sequences[target], shared)
            operations.append(Copy(source, target, shared))
        self._cells.append(self._sequences[target], tokens[shared:])
        if len(tokens) < whole:
            operations += self._host.put_back(key, entry)
        return Placement(target, len(tokens), tuple(operations))

    def _own(self, sequence: int, salt: str, num_public: int) -> None:
        self._sequences[sequence].salt, self._sequences[sequence].num_public = salt, num_public

    def _take_number(self, donor: int | None, shared: int, operations: list[Operation]) -> int:
        idle_donor = donor if donor in self._holders else None
        if idle_donor is not None and shared == self.length(idle_donor):
            del self._holders[idle_donor]
            return idle_donor
        if idle_donor is not None:  # just used, so the last to be evicted
            del self._holders[idle_donor]
            self._holders[idle_donor] = None
        if not self._free:
            oldest = next(iter(self._holders))
            if oldest == donor:
                return self._adopt(oldest, shared, operations)
            operations += self._offload(oldest)
        return self._new()

    def _new(self) -> int:
        number = self._free.pop()
        self._sequences[number] = CellSequence(number=number)
        return number

    def _adopt(self, holder: int, length: int, operations: list[Operation]) -> int:
        del self._holders[holder]
        self._cells.truncate(self._sequences[holder], length)
        operations.append(Remove(holder, length))
        return holder

    def _forget(self, sequence: int) -> None:
        self._cells.truncate(self._sequences[sequence], 0)
        self._holders.pop(sequence, None)
        del self._sequences[sequence]
        self._free.append(sequence)

    def _num_busy_cells(self) -> int:
        return self._cells.num_owned(entry for number, entry in self._sequences.items() if number not in self._holders)
