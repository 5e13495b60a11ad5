"""Passages that say the same, across documents: a copy of a page, last year's edition, a boilerplate paragraph. Pure.

The share of three-word sequences that two texts have in common, counted exactly: a search compares a few dozen texts,
where sketches such as MinHash would cost more than they save. Of two that are alike the better one stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from rag.words import words

SHINGLE_WORDS = 3
# At 0.8 one word in thirty differs; a new figure in an old paragraph is such a word, so numbers must be the same, too.
ALIKE = 0.8
MIN_SHINGLES = 8


class Row(Protocol):
    """What is asked of a candidate."""

    @property
    def body(self) -> str: ...
    @property
    def body_hash(self) -> int: ...
    @property
    def document_id(self) -> object: ...


def chosen(ordered: Sequence[int], rows: Mapping[int, Row], most_of_one: int, limit: int) -> tuple[list[int], int]:
    """(at most limit chunks, how many were passed over because they say the same as one of these).

    most_of_one: chunks of one document. Costs a comparison of each candidate with each chosen one, about 20 µs.
    """
    kept: list[int] = []
    counts: dict[object, int] = {}
    sketches: list[tuple[int, frozenset[str], frozenset[tuple[str, ...]]]] = []
    num_same = 0
    for chunk_id in ordered:
        if len(kept) == limit:
            break
        row = rows[chunk_id]
        if counts.get(row.document_id, 0) >= most_of_one:
            continue
        sketch = (row.body_hash, numbers(row.body), shingles(row.body))
        if any(_is_same(sketch, other) for other in sketches):
            num_same += 1
            continue
        sketches.append(sketch)
        counts[row.document_id] = counts.get(row.document_id, 0) + 1
        kept.append(chunk_id)
    return kept, num_same


def shingles(text: str) -> frozenset[tuple[str, ...]]:
    """Every three words that follow one another."""
    found = words(text)
    return frozenset(zip(*(found[start:] for start in range(SHINGLE_WORDS)), strict=False))


def numbers(text: str) -> frozenset[str]:
    """Every word with a digit in it."""
    return frozenset(word for word in words(text) if any(char.isdigit() for char in word))


def likeness(one: frozenset[tuple[str, ...]], other: frozenset[tuple[str, ...]]) -> float:
    """Jaccard's index, 0 to 1."""
    return len(one & other) / len(one | other) if one and other else 0.0


def _is_same(
    one: tuple[int, frozenset[str], frozenset[tuple[str, ...]]],
    other: tuple[int, frozenset[str], frozenset[tuple[str, ...]]],
) -> bool:
    if one[0] == other[0]:
        return True
    is_long = min(len(one[2]), len(other[2])) >= MIN_SHINGLES
    return is_long and one[1] == other[1] and likeness(one[2], other[2]) >= ALIKE
