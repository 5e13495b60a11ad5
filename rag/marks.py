"""Marks [n] in an answer, as models write them, and the sentences that carry them. Pure.

[1], [1][3], [1, 3], 【1】 and [Source 1] all count; static/ts/models/citation_marks.ts reads them in the same way.
A mark inside code is code, and [1](address) is a link.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from rag.split import sentences

_NUMBERS = r"\d{1,3}(?:\s*(?:[,;&]|and|und)\s*\d{1,3})*"
MARK = re.compile(rf"[\[【]\s*(?:(?:sources?|quellen?)\s*)?({_NUMBERS})\s*(?:†[^\]】\n]{{0,40}})?[\]】](?!\()", re.I)
_CODE = re.compile(r"(?:```|~~~).*?(?:```|~~~|\Z)|``[^\n]*?``|`[^`\n]*`", re.S)
_MARKS_AFTER_STOP = re.compile(r"([.!?…])((?:\s*[\[【][^\[\]【】\n]{1,60}[\]】])+)")
_LIST_NUMBER = re.compile(r"(?m)^(\s*)\d{1,3}[.)](?=\s)")


class Use(NamedTuple):
    """One mark for one source: n, the sentence that carries it without its marks, and all numbers of that sentence."""

    n: int
    statement: str
    beside: frozenset[int]


def without_code(answer: str) -> str:
    """The answer with every character of code replaced by a space; offsets stay."""
    return _CODE.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), answer)


def numbers_of(mark: re.Match[str]) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", mark.group(1))]


def uses(answer: str) -> list[Use]:
    """Every mark in order of appearance, a number twice when it stands there twice."""
    text = _LIST_NUMBER.sub(lambda match: re.sub(r"[^\s]", " ", match.group()), without_code(answer))
    # "It rains. [1]" means the sentence before the mark.
    text = _MARKS_AFTER_STOP.sub(_before_stop, text)
    found: list[Use] = []
    for start, end in sentences(text):
        sentence = text[start:end]
        # A line of a list or a table is a statement of its own.
        for line in sentence.split("\n"):
            carried = [n for mark in MARK.finditer(line) for n in numbers_of(mark)]
            bare = MARK.sub(" ", line if len(line.split()) > 3 else sentence)
            found += [Use(n, bare, frozenset(carried)) for n in carried]
    return found


def marks(answer: str) -> dict[int, list[str]]:
    """n -> the answer's sentences that carry [n]."""
    found: dict[int, list[str]] = {}
    for use in uses(answer):
        found.setdefault(use.n, []).append(use.statement)
    return found


def _before_stop(match: re.Match[str]) -> str:
    stop, after = match.groups()
    return f"{after}{stop}" if MARK.search(after) else match.group()
