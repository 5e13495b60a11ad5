"""What a model's text means: words for the reader, reasoning, and calls of tools. Pure, and fed piece by piece.

Models write calls in the form they were trained on; the family is told from the chat template. Every family also gets
the generic form: an answer that is nothing but JSON objects with "name" and "arguments". What looked like a call and
is none is text after all; nothing a model says is lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inference import wire
from inference.dialects import GENERIC, Dialect, Think, dialect_of, think_of
from inference.dialects.calls import Calls
from inference.dialects.harmony import read_channels
from inference.dialects.reading import read_calls, read_json_calls
from inference.dialects.source import Piece, Reading, Source, copy_until, pump, skip_blank, starts_with


@dataclass(frozen=True, slots=True)
class Style:
    """What to look for in an answer: reasoning if the model has marks for it, calls only where tools were offered."""

    tools: Sequence[Mapping[str, Any]] = ()
    dialect: Dialect = GENERIC
    think: Think | None = None

    @classmethod
    def of(cls, template: str | None, tools: Sequence[Mapping[str, Any]]) -> Style:
        return cls(tools, dialect_of(template), think_of(template))

    @property
    def is_plain(self) -> bool:
        return not (self.tools or self.think or self.dialect.form == "harmony")


class AnswerParser:
    """Feed it text; it gives deltas and pieces of calls as soon as they are certain."""

    def __init__(self, style: Style) -> None:
        self._style = style
        self._source = Source()
        self._calls = Calls(style.tools)
        channels = style.dialect.form == "harmony"
        self._reading = read_channels(self._source, self._calls) if channels else self._read()
        self._is_plain = style.is_plain

    @property
    def num_calls(self) -> int:
        return self._calls.num

    def feed(self, text: str) -> Iterator[Piece]:
        if self._is_plain:
            yield wire.Delta(text)
            return
        self._source.held += text
        yield from pump(self._reading)

    def finish(self) -> Iterator[Piece]:
        """The answer is over: what was held back is a call, or text after all."""
        self._source.is_over = True
        if not self._is_plain:
            yield from pump(self._reading)

    def _read(self) -> Reading[None]:
        is_after_mark, think = False, self._style.think
        if think is not None and think.closes_alone:  # an answer without reasoning says so first
            is_after_mark = yield from starts_with(self._source, think.close)
        while True:
            blanks = yield from skip_blank(self._source)
            if self._may_be_bare() and (yield from read_json_calls(self._source, "", self._calls, is_bare=True)):
                is_after_mark = True
                continue
            mark = yield from self._words("" if is_after_mark else blanks)
            if mark is None:
                return
            is_after_mark = yield from self._read_marked(mark)

    def _may_be_bare(self) -> bool:
        held = self._source.held
        if not self._style.tools:
            return False
        return held[:1] in ("{", "[") and not any(mark.startswith(held[:12]) for mark in self._marks())

    def _words(self, blanks: str) -> Reading[str | None]:
        """Text up to a mark. Blanks before it are shown only if words follow them."""

        def say(text: str) -> wire.Delta:
            nonlocal blanks
            text, blanks = blanks + text, ""
            return wire.Delta(text)

        return (yield from copy_until(self._source, self._marks(), say))

    def _read_marked(self, mark: str) -> Reading[bool]:
        """What a mark announced; whether it came."""
        think = self._style.think
        if think is not None and mark == think.opens:
            yield from copy_until(self._source, (think.close,), lambda text: wire.Delta("", text))
            return True
        if (yield from read_calls(self._source, self._style.dialect, self._calls)):
            return True
        yield wire.Delta(mark)
        return False

    def _marks(self) -> tuple[str, ...]:
        marks = self._style.dialect.marks if self._style.tools else ()
        return (*marks, self._style.think.opens) if self._style.think else marks


def opening_of(text: str, think: Think | None) -> str:
    """Some templates begin the reasoning themselves; the reader of the answer must see that it began."""
    return think.opens if think is not None and text.rstrip().endswith(think.opens.rstrip()) else ""
