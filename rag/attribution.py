"""Marks for sentences that a model left without: which of the given sources each one rests on. Pure.

Small models forget to write [1]. Hearth then looks itself, by the same measure that finds the sentence on the page.
A sentence with a number that its source does not hold gets no mark, and neither do questions, headings, tables and
code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from rag.marks import MARK, without_code
from rag.search import Passage
from rag.split import line_starts, sentences
from rag.support import Content, content, numbers, share

MIN_SHARE = 0.6
MIN_WORDS = 3  # of those that say something
_NOT_PROSE = re.compile(r"\s*(?:#|\||```)")


class Mark(NamedTuple):
    """[n] belongs at this offset of the answer, in code points."""

    position: int
    n: int


class _Held(NamedTuple):
    n: int
    sentence: Content
    passage: Content


def attribute(answer: str, passages_by_n: Mapping[int, Passage]) -> list[Mark]:
    """Where marks are missing, in order of position."""
    held = [
        _Held(n, content(passage.text[a:b]), content(passage.text))
        for n, passage in sorted(passages_by_n.items())
        for a, b in sentences(passage.text, cuts=line_starts(passage.text))
    ]
    marks: list[Mark] = []
    for position, sentence in _bare_sentences(answer):
        n = _best(sentence, held)
        if n is not None:
            marks.append(Mark(position, n))
    return marks


def with_marks(answer: str, marks: Sequence[Mark]) -> str:
    """The answer as the reader sees it."""
    for position, n in sorted(marks, reverse=True):
        answer = f"{answer[:position]} [{n}]{answer[position:]}"
    return answer


def _bare_sentences(answer: str) -> Iterator[tuple[int, str]]:
    """(end, text) of every sentence of prose that carries no mark, and is not followed by one."""
    text = without_code(answer)
    start = 0
    for line in text.splitlines(keepends=True):
        if not _NOT_PROSE.match(line):
            for a, b in sentences(line):
                is_bare = not MARK.search(line, a, b) and not MARK.match(line[b:].lstrip())
                if is_bare and line[b - 1] != "?":
                    yield start + b, line[a:b]
        start += len(line)


def _best(sentence: str, held: Sequence[_Held]) -> int | None:
    wanted, figures = content(sentence), numbers(sentence)
    if len(wanted) < MIN_WORDS:
        return None
    scored = [(share(wanted, each.sentence), -each.n) for each in held if figures <= each.passage]
    best, n = max(scored, default=(0.0, 0))
    return -n if best >= MIN_SHARE else None
