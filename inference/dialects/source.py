"""Reading text that comes in pieces, as generators: each yields what is certain, and None where it has to wait."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TypeVar

from inference import wire

Piece = wire.Delta | wire.CallPiece
Result = TypeVar("Result")
Reading = Generator[Piece | None, None, Result]
# So far a reader looks for the head of a call before it says that there is none.
MOST_HEAD_CHARS = 512


class Source:
    """What came and is not read yet."""

    def __init__(self) -> None:
        self.held = ""
        self.is_over = False

    def take(self, count: int) -> str:
        taken, self.held = self.held[:count], self.held[count:]
        return taken


def pump(reading: Reading[None]) -> Iterator[Piece]:
    """What the reader has to say until it waits or ends."""
    for piece in reading:
        if piece is None:
            return
        yield piece


def copy_until(source: Source, marks: Sequence[str], say: Callable[[str], Piece | None]) -> Reading[str | None]:
    """Pass text on as soon as it can be no mark. Returns the mark, which is taken, or None at the end."""
    while True:
        found = [(place, -len(mark), mark) for mark in marks if (place := source.held.find(mark)) >= 0]
        if found:
            place, _, mark = min(found)
            if place and (piece := say(source.take(place))) is not None:
                yield piece
            source.take(len(mark))
            return mark
        keep = 0 if source.is_over else max((overlap(source.held, mark) for mark in marks), default=0)
        text = source.take(len(source.held) - keep)
        if text and (piece := say(text)) is not None:
            yield piece
        if source.is_over:
            return None
        yield None


def gather_until(source: Source, marks: Sequence[str]) -> Reading[tuple[str, str | None]]:
    """(the text before the first mark, the mark or None at the end)."""
    parts: list[str] = []

    def keep(text: str) -> None:
        parts.append(text)

    mark = yield from copy_until(source, marks, keep)
    return "".join(parts), mark


def skip_blank(source: Source, others: str = "") -> Reading[str]:
    """Wait for something that is not blank (nor one of `others`); the blanks are taken and returned."""
    taken = ""
    while True:
        taken += source.take(len(source.held) - len(source.held.lstrip(f" \t\r\n{others}")))
        if source.held or source.is_over:
            return taken
        yield None


def match(source: Source, pattern: re.Pattern[str]) -> Reading[re.Match[str] | None]:
    """The pattern at this place, taken; None when it will not come."""
    while True:
        found = pattern.match(source.held)
        if found:
            source.take(found.end())
            return found
        if source.is_over or len(source.held) > MOST_HEAD_CHARS:
            return None
        yield None


def starts_with(source: Source, text: str) -> Reading[bool]:
    """Whether this text comes next; taken if so."""
    while len(source.held) < len(text) and text.startswith(source.held) and not source.is_over:
        yield None
    if text and source.held.startswith(text):
        source.take(len(text))
        return True
    return False


def copy_object(source: Source, say: Callable[[str], Piece]) -> Reading[None]:
    """Pass on one JSON object, from its brace to the brace that closes it or the answer's end."""
    depth, is_text, is_escaped = 0, False, False
    while True:
        for place, character in enumerate(source.held):
            if is_text:
                if is_escaped:
                    is_escaped = False
                elif character == "\\":
                    is_escaped = True
                elif character == '"':
                    is_text = False
            elif character == '"':
                is_text = True
            elif character in "{[":
                depth += 1
            elif character in "}]":
                depth -= 1
                if depth <= 0:
                    yield say(source.take(place + 1))
                    return
        if source.held:
            yield say(source.take(len(source.held)))
        if source.is_over:
            return
        yield None


def overlap(text: str, mark: str) -> int:
    """Length of the longest tail of `text` that is a proper beginning of `mark`."""
    for length in range(min(len(text), len(mark) - 1), 0, -1):
        if text.endswith(mark[:length]):
            return length
    return 0
