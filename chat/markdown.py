"""Answers' Markdown as trees, for files and paper. Pure.

CommonMark with tables, strikethrough and footnotes, as static/ts/markdown reads it: HTML is text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from markdown_it import MarkdownIt
from markdown_it.token import Token

_PARSER = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable(["html_inline"])
_DEFINITION = re.compile(r"^ {0,3}\[\^([^\]\s]{1,60})\]:[ \t]*")
_NOTE = re.compile(r"\[\^([^\]\s]{1,60})\](?!:)")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_INDENT = re.compile(r"^(?: {1,4}|\t)")


@dataclass
class Text:
    """Tokens of the text, and of each footnote by its label in the order in which the text names them first.

    A note that the text does not name comes after those that it does.
    """

    tokens: list[Token]
    notes: dict[str, list[Token]] = field(default_factory=dict)

    def number_of(self, label: str) -> int | None:
        """From 1; None for a mark without a note, which is text."""
        return list(self.notes).index(label) + 1 if label in self.notes else None

    def pieces(self, text: str) -> Iterator[str | int]:
        """A text token cut at its marks: strings, and numbers of notes."""
        at = 0
        for mark in _NOTE.finditer(text):
            number = self.number_of(mark[1])
            if number is not None:
                yield text[at : mark.start()]
                yield number
                at = mark.end()
        yield text[at:]


def parse(text: str) -> Text:
    body, notes = _without_notes(text)
    tokens = _PARSER.parse(body)
    named = [mark[1] for token in tokens if token.type == "inline" for mark in _NOTE.finditer(token.content)]
    order = dict.fromkeys([label for label in named if label in notes] + list(notes))
    return Text(tokens, {label: _PARSER.parse(notes[label]) for label in order})


def _without_notes(text: str) -> tuple[str, dict[str, str]]:
    """The text without the definitions of its footnotes, and those by label; the first of a label counts."""
    body: list[str] = []
    notes: dict[str, list[str]] = {}
    fence = ""
    note: list[str] | None = None
    for line in text.split("\n"):
        definition = None if fence else _DEFINITION.match(line)
        if definition:
            note = [line[definition.end() :]]
            notes.setdefault(definition[1], note)
        elif note is not None and _goes_on(note, line):
            note.append(_INDENT.sub("", line))
        else:
            note = None
            body.append(line)
            fence = _fence_after(fence, line)
    return "\n".join(body), {label: "\n".join(lines) for label, lines in notes.items()}


def _goes_on(note: list[str], line: str) -> bool:
    """A line belongs to the note above it while nothing is empty between them, and when it is indented."""
    return not line.strip() or line.startswith(("  ", "\t")) or bool(note[-1].strip())


def _fence_after(fence: str, line: str) -> str:
    found = _FENCE.match(line)
    if not found:
        return fence
    if not fence:
        return found[1]
    return "" if found[1].startswith(fence) and not line.strip().strip(fence[0]) else fence
