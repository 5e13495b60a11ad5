"""How many KV cells exist, when sequences share some of them. Pure counting; which cells they are is llama.cpp's."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field

from inference.beginnings import Beginning


@dataclass(slots=True, eq=False)
class _Run:
    """Neighbouring cells. Each owner has the first so many of them; the longest owner decides how many exist."""

    start: int
    lengths: dict[int, int]

    @property
    def num_cells(self) -> int:
        return max(self.lengths.values(), default=0)


@dataclass(slots=True, eq=False)
class CellSequence(Beginning):
    """A sequence with tokens in cells."""

    number: int = -1
    runs: list[_Run] = field(default_factory=list)


class Cells:
    def __init__(self) -> None:
        self.num_used = 0

    def append(self, sequence: CellSequence, tokens: array[int]) -> None:
        """These have cells of their own now."""
        number, num_tokens = sequence.number, len(tokens)
        start = len(sequence.tokens)
        sequence.tokens.extend(tokens)
        self.num_used += num_tokens
        last = sequence.runs[-1] if sequence.runs else None
        if last is not None:
            mine = last.lengths[number]
            if all(length < mine for owner, length in last.lengths.items() if owner != number):
                last.lengths[number] = mine + num_tokens
                return
        sequence.runs.append(_Run(start, {number: num_tokens}))

    def share(self, source: CellSequence, target: CellSequence, length: int) -> None:
        """The target, which has none, owns the first cells of the source too."""
        target.tokens = source.tokens[:length]
        for run in source.runs:
            take = min(run.lengths[source.number], length - run.start)
            if take <= 0:
                break
            run.lengths[target.number] = take
            target.runs.append(run)

    def truncate(self, sequence: CellSequence, length: int) -> None:
        del sequence.tokens[length:]
        while sequence.runs:
            run = sequence.runs[-1]
            keep = min(run.lengths[sequence.number], length - run.start)
            before = run.num_cells
            if keep > 0:
                run.lengths[sequence.number] = keep
            else:
                del run.lengths[sequence.number]
                sequence.runs.pop()
            self.num_used -= before - run.num_cells
            if keep > 0:
                break

    @staticmethod
    def num_owned(sequences: Iterable[CellSequence]) -> int:
        """Cells that would be left if only these sequences were."""
        runs: dict[int, int] = {}
        for sequence in sequences:
            for run in sequence.runs:
                runs[id(run)] = max(runs.get(id(run), 0), run.lengths[sequence.number])
        return sum(runs.values())
