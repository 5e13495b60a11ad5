"""How far one sentence is borne out by another: shared words, numbers counting double. Pure.

Deliberately plain. It decides what is marked on a page and which sources an answer without marks rests on, and both
must be wrong by omission only: a paraphrase may be missed, another subject must not be hit.
"""

from __future__ import annotations

import re

from rag.clean import joined
from rag.words import STOP_WORDS, words

STRONG_SHARE = 0.5

Content = frozenset[str]
# 2,400 and 2.400 and 2 400 are what a model may write as 2400.
_THOUSANDS = re.compile(r"(?<=\d)[,.'’\u00a0\u202f ](?=\d{3}(?!\d))")


def content(text: str) -> Content:
    """The words of a sentence that say something."""
    return frozenset(words(_THOUSANDS.sub("", joined(text)))) - STOP_WORDS


def numbers(text: str) -> Content:
    return frozenset(word for word in content(text) if word[0].isdigit())


def share(wanted: Content, held: Content) -> float:
    """How much of `wanted` is in `held`, 0 to 1; a sentence of one word proves nothing."""
    if len(held) < 2 or not wanted:
        return 0.0
    common = weight(wanted & held)
    return max(common / weight(wanted), 0.9 * common / weight(held) if len(wanted & held) >= 3 else 0.0)


def weight(found: Content) -> float:
    """Numbers count double."""
    return float(sum(2 if word[0].isdigit() else 1 for word in found))
