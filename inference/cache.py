"""Which KV cells belong to which sequence, and which beginnings can be used again. Pure bookkeeping.

A finished request's sequence stays as a holder until its cells or its number are needed (least recently used goes
first). A new request that begins with the same tokens, under the same salt, goes on from there: it takes the holder
over when it continues all of it, and copies its beginning otherwise (in a unified cache a copy only adds an owner to
cells). Requests of other salts never meet, save in what both call public (a common system prompt): whose prompt is
cached cannot be told from the time an answer takes.

The longest shared beginning is found by comparing slices of 32-bit ids, a dozen memory comparisons per sequence: with
at most 256 sequences that costs less than keeping a tree up to date.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

# A shorter shared beginning is not worth a sequence operation.
MIN_SHARED_TOKENS = 8


@dataclass(frozen=True, slots=True)
class Remove:
    """Forget the sequence's cells from `start` on."""

    sequence: int
    start: int


@dataclass(frozen=True, slots=True)
class Copy:
    """Let `target` share the first `length` cells of `source`."""

    source: int
    target: int
    length: int


Operation = Remove | Copy


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a request was put, and how many of its tokens are evaluated already. Apply the operations in order."""

    sequence: int
    num_cached: int
    operations: tuple[Operation, ...]


@dataclass(slots=True, eq=False)
class _Run:
    """Neighbouring cells. Each owner has the first so many of them; the longest owner decides how many exist."""

    start: int
    lengths: dict[int, int]

    @property
    def num_cells(self) -> int:
        return max(self.lengths.values(), default=0)


@dataclass(slots=True, eq=False)
class _Sequence:
    salt: str = ""
    num_public: int = 0
    tokens: array[int] = field(default_factory=lambda: array("i"))
    runs: list[_Run] = field(default_factory=list)


class SequenceCache:
    """Numbers of sequences, their tokens and cells. Every change here has its twin in the backend."""

    def __init__(self, num_sequences: int, num_cells: int, *, can_share: bool = True) -> None:
        self.num_cells = num_cells
        self._can_share = can_share
        self.num_used = 0
        self._free = list(range(num_sequences - 1, -1, -1))
        self._sequences: dict[int, _Sequence] = {}
        self._holders: dict[int, None] = {}  # insertion order: least recently used first

    @property
    def num_free(self) -> int:
        """Cells free at once, without evicting anything."""
        return self.num_cells - self.num_used

    @property
    def num_holders(self) -> int:
        return len(self._holders)

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
            length = shared_length(wanted, sequence.tokens)
            if sequence.salt != salt:
                length = min(length, num_public, sequence.num_public)
            adoptable = number in self._holders and length == len(sequence.tokens)
            if (length, adoptable) > (best_length, best_adoptable):
                best, best_length, best_adoptable = number, length, adoptable
        return (best, best_length) if best is not None else (None, 0)

    def place(self, tokens: array[int], salt: str, num_reserved: int = 0, num_public: int = 0) -> Placement | None:
        """Find a sequence and room for the tokens and `num_reserved` more, evicting holders; None: does not fit now."""
        donor, shared = self.longest_shared(tokens, salt, num_public)
        donor_busy = donor is not None and donor not in self._holders
        need = len(tokens) - (shared if donor_busy else 0) + num_reserved
        if self._num_busy_cells() + need > self.num_cells:
            return None
        if not self._free and not self._holders:
            return None
        operations: list[Operation] = []
        target = self._take_number(donor, shared, operations)
        if donor is not None and donor != target:
            self._copy(donor, target, shared)
            operations.append(Copy(donor, target, shared))
        # The donor was used last, so it goes last, and what the target shares with it stays.
        operations += self.evict(len(tokens) - shared + num_reserved)
        self._sequences[target].salt, self._sequences[target].num_public = salt, num_public
        return Placement(target, shared, tuple(operations))

    def append(self, sequence: int, tokens: array[int]) -> None:
        """The tokens were evaluated and have cells now."""
        entry = self._sequences[sequence]
        entry.tokens.extend(tokens)
        last = entry.runs[-1] if entry.runs else None
        if last is not None:
            mine = last.lengths[sequence]
            if all(length < mine for owner, length in last.lengths.items() if owner != sequence):
                last.lengths[sequence] = mine + len(tokens)
                self.num_used += len(tokens)
                return
        start = len(entry.tokens) - len(tokens)
        entry.runs.append(_Run(start, {sequence: len(tokens)}))
        self.num_used += len(tokens)

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
        """Drop holders until so many cells are free, or none is left."""
        operations: list[Operation] = []
        while self.num_free < num_cells and self._holders:
            operations.append(self.drop(next(iter(self._holders))))
        return operations

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
            operations.append(self.drop(oldest))
        target = self._free.pop()
        self._sequences[target] = _Sequence()
        return target

    def _adopt(self, holder: int, length: int, operations: list[Operation]) -> int:
        del self._holders[holder]
        operations.append(self._truncate(holder, length))
        return holder

    def _copy(self, source: int, target: int, length: int) -> None:
        origin, copy = self._sequences[source], self._sequences[target]
        copy.tokens = origin.tokens[:length]
        for run in origin.runs:
            take = min(run.lengths[source], length - run.start)
            if take <= 0:
                break
            run.lengths[target] = take
            copy.runs.append(run)

    def _truncate(self, sequence: int, length: int) -> Operation:
        entry = self._sequences[sequence]
        del entry.tokens[length:]
        while entry.runs:
            run = entry.runs[-1]
            keep = min(run.lengths[sequence], length - run.start)
            before = run.num_cells
            if keep > 0:
                run.lengths[sequence] = keep
            else:
                del run.lengths[sequence]
                entry.runs.pop()
            self.num_used -= before - run.num_cells
            if keep > 0:
                break
        return Remove(sequence, length)

    def _forget(self, sequence: int) -> None:
        self._truncate(sequence, 0)
        self._holders.pop(sequence, None)
        del self._sequences[sequence]
        self._free.append(sequence)

    def _num_busy_cells(self) -> int:
        runs: dict[int, int] = {}
        for number, sequence in self._sequences.items():
            if number in self._holders:
                continue
            for run in sequence.runs:
                runs[id(run)] = max(runs.get(id(run), 0), run.lengths[number])
        return sum(runs.values())


def shared_length(left: array[int], right: array[int]) -> int:
    """Number of equal tokens at the beginning, by halving."""
    low, high = 0, min(len(left), len(right))
    if left[:high] == right[:high]:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle
    return low
