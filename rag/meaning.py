"""Which sentence says the same in another language? By meaning, where words cannot tell.

A German answer shares no word with the English sentence that it rests on. The embedding model in force compares the
two; a sentence counts only when it stands out among its neighbours, since such models find everything alike.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from statistics import fmean

from inference.errors import InferenceError
from rag import spaces
from rag.words import language

log = logging.getLogger(__name__)

MAX_SENTENCES = 40  # about 12 ms each on two cores
# Cosine of the best sentence over the mean of all, and over the second. See docs/decisions.md.
MIN_LEAD, MIN_MARGIN = 0.035, 0.004


def is_foreign(statement: str, text: str) -> bool:
    """They are in two languages that we know."""
    said, held = language(statement), language(text)
    return "simple" not in (said, held) and said != held


def best(statement: str, sentences: Sequence[str]) -> int | None:
    """The one that means the same, or None when none stands out or no model can be asked. One request."""
    if not 2 <= len(sentences) <= MAX_SENTENCES:
        return None
    try:
        space = spaces.active()
        if space is None:
            return None
        texts = [space.query_prefix + statement, *(space.passage_prefix + text for text in sentences)]
        said, *held = spaces.client().embed(space.model, texts, priority="interactive")
    except InferenceError as error:
        log.info("marks are placed by words alone: %s", error.code)
        return None
    return standing_out([sum(a * b for a, b in zip(said, vector, strict=True)) for vector in held])


def standing_out(scores: Sequence[float]) -> int | None:
    first, second, *_rest = sorted(scores, reverse=True)
    is_clear = first - fmean(scores) >= MIN_LEAD and first - second >= MIN_MARGIN
    return list(scores).index(first) if is_clear else None
