"""What reranking models have in common: one scale, a pair's template, and a look at whether they can do it at all.

A score is between 0 and 1 for every model: those that end in a softmax say so themselves, the others' number goes
through the logistic function, which changes no order (llama-server gives the bare number).
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Sequence
from typing import Protocol

from inference import errors
from inference.backends import Embedder
from inference.templates import Segment

# Each question has one text that answers it. Every text is also set against the other questions, so a model that
# likes some texts better than others whatever is asked does not pass.
PROBES = (
    ("How many days of annual leave do employees have?", "Every employee has 30 days of paid annual leave per year."),
    ("What is the capital of France?", "Paris is the capital and the largest city of France."),
    ("How do I reset my password?", "Open the sign-in page and choose “Forgot password” to reset your password."),
)
# In log odds. Honest models were seen to part such pairs by 5 and more.
MARGIN = 0.5


class Reranker(Embedder, Protocol):
    """An embedder of pairs: each row gives one float64, the relevance from 0 to 1, instead of a vector."""

    def prepare_pair(self, query: str, document: str) -> list[int]:
        """The tokens of one pair. Raises ContextTooLong when it certainly cannot fit."""


class PairTemplate:
    """The template that some files bring along: a text with {query} and {document} in it."""

    def __init__(self, text: str) -> None:
        self._parts = re.split(r"\{(query|document)\}", text)

    def segments(self, query: str, document: str) -> list[Segment]:
        """What people wrote is marked as theirs: it forms no control tokens."""
        values = {"query": query, "document": document}
        pieces = enumerate(self._parts)
        return [Segment(values[part], 0) if index % 2 else Segment(part) for index, part in pieces if part]


def relevance(score: float) -> float:
    """From the number of a model's last layer to 0 … 1; never quite 0 or 1, so that the order stays."""
    if score >= 0:
        return 1 / (1 + math.exp(-min(score, 36.0)))
    return math.exp(max(score, -700.0)) / (1 + math.exp(max(score, -700.0)))


def scores(vectors: Sequence[bytes]) -> list[float]:
    return [struct.unpack("<d", vector)[0] for vector in vectors]


def check(reranker: Reranker) -> None:
    """Raises ModelBroken when the model cannot tell the right answer from a wrong one. Nine short evaluations."""
    rows = [reranker.prepare_pair(query, document) for query, _ in PROBES for _, document in PROBES]
    odds: list[float] = []
    for row in rows:
        (score,) = scores(reranker.embed([row]))
        score = min(max(score, 1e-12), 1 - 1e-12)
        odds.append(math.log(score / (1 - score)))
    count = len(PROBES)
    for place, (query, _) in enumerate(PROBES):
        right = odds[place * count + place]
        wrong = max(odds[place * count + other] for other in range(count) if other != place)
        if right - wrong < MARGIN:
            raise errors.ModelBroken(
                f"The model does not rank: for “{query}” the right answer is {right - wrong:+.2f} above a wrong one in "
                f"log odds, {MARGIN:+.1f} is the least."
            )
