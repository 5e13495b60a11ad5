"""What a model's text means: words for the reader, reasoning, and calls of tools. Pure, and fed piece by piece.

Models write calls in the form they were trained on; the family is told from the chat template. Every family also gets
the generic form: an answer that is nothing but a JSON object with "name" and "arguments". What looked like a call and
is none is text after all; nothing a model says is lost.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from inference import wire

Family = Literal["hermes", "mistral", "llama", "generic"]
THINK, THINK_END = "<think>", "</think>"
CALL, CALL_END = "<tool_call>", "</tool_call>"
MISTRAL, PYTHON = "[TOOL_CALLS]", "<|python_tag|>"
# Shown although they may be control tokens, because they carry meaning.
MARKERS = (THINK, THINK_END, CALL, CALL_END, MISTRAL, PYTHON, "[ARGS]", "[CALL_ID]")


def family_of(template: str | None) -> Family:
    """How a model with this template writes its calls."""
    text = template or ""
    if MISTRAL in text:
        return "mistral"
    if PYTHON in text:
        return "llama"
    return "hermes" if CALL in text else "generic"


@dataclass(frozen=True, slots=True)
class Style:
    """What to look for in an answer: reasoning always, calls only where tools were offered."""

    has_tools: bool = False
    thinks: bool = False

    @property
    def is_plain(self) -> bool:
        return not (self.has_tools or self.thinks)


class AnswerParser:
    """Feed it text; it gives deltas and calls as soon as they are certain."""

    def __init__(self, style: Style) -> None:
        self._style = style
        self._held = ""
        self._mode: Literal["start", "text", "think", "call", "rest", "json"] = "start"
        self._opening = ""  # the mark that began what is held back
        self._is_after_mark = False
        self.num_calls = 0

    def feed(self, text: str) -> Iterator[wire.Delta | wire.ToolCall]:
        if self._style.is_plain:
            yield wire.Delta(text)
            return
        self._held += text
        while self._held:
            before = (self._mode, self._held)
            yield from self._advance()
            if (self._mode, self._held) == before:
                return

    def finish(self) -> Iterator[wire.Delta | wire.ToolCall]:
        """The answer is over: what was held back is a call, or text after all."""
        held, self._held = self._held, ""
        if self._mode == "think":
            yield from _delta("", held)
        elif self._mode in ("call", "rest", "json"):
            calls = read_calls(held)
            yield from self._counted(calls) if calls else _delta(self._opening + held)
        else:
            yield from _delta(held)

    def _advance(self) -> Iterator[wire.Delta | wire.ToolCall]:
        if self._mode == "start":
            yield from self._begin()
        elif self._mode == "text":
            yield from self._read_text()
        elif self._mode == "think":
            text, found = self._until(THINK_END)
            yield from _delta("", text)
            if found:
                self._mode, self._is_after_mark = "start", True
        elif self._mode == "call" and CALL_END in self._held:
            body, _, self._held = self._held.partition(CALL_END)
            calls = read_calls(body)
            yield from self._counted(calls) if calls else _delta(CALL + body + CALL_END)
            self._mode, self._is_after_mark = "start", True

    def _begin(self) -> Iterator[wire.Delta]:
        """Nothing said yet: may it become a bare JSON call?"""
        stripped = self._held.lstrip()
        if self._style.has_tools and stripped and stripped[0] in "{[" and not MISTRAL.startswith(stripped[:12]):
            self._mode, self._opening = "json", ""
        elif stripped and not any(mark.startswith(stripped) for mark in self._marks()):
            self._mode = "text"
            if self._is_after_mark or any(stripped.startswith(mark) for mark in self._marks()):
                self._held = stripped
        return
        yield  # a generator, like its neighbours

    def _read_text(self) -> Iterator[wire.Delta]:
        found = [(place, mark) for mark in self._marks() if (place := self._held.find(mark)) >= 0]
        if not found:
            keep = max(_overlap(self._held, mark) for mark in self._marks())
            text, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
            yield from _delta(text)
            return
        place, mark = min(found)
        text, self._held = self._held[:place], self._held[place + len(mark) :]
        yield from _delta(text if text.strip() or not self._style.has_tools else "")
        self._opening = mark
        self._mode = "think" if mark == THINK else "call" if mark == CALL else "rest"

    def _marks(self) -> tuple[str, ...]:
        calls = (CALL, MISTRAL, PYTHON) if self._style.has_tools else ()
        return (*calls, THINK) if self._style.thinks else calls

    def _until(self, mark: str) -> tuple[str, bool]:
        place = self._held.find(mark)
        if place >= 0:
            text, self._held = self._held[:place], self._held[place + len(mark) :]
            return text, True
        keep = _overlap(self._held, mark)
        text, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        return text, False

    def _counted(self, calls: list[wire.ToolCall]) -> Iterator[wire.ToolCall]:
        self.num_calls += len(calls)
        yield from calls


def read_calls(text: str) -> list[wire.ToolCall]:
    """The calls in a piece of text that should hold nothing else; none when it holds something else."""
    text = text.strip().removeprefix("```json").removesuffix("```").strip()
    name, mark, arguments = text.partition("[ARGS]")
    if mark:  # Mistral's newer form: name[ARGS]{...}
        return _calls([{"name": name.partition("[CALL_ID]")[0].strip(), "arguments": arguments}])
    decoder, values, place = json.JSONDecoder(), [], 0
    while place < len(text):
        try:
            value, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            return []
        values += value if isinstance(value, list) else [value]
        while place < len(text) and text[place] in "; \n\t,":
            place += 1
    return _calls(values)


def _calls(values: list[Any]) -> list[wire.ToolCall]:
    calls = []
    for value in values:
        if not isinstance(value, dict) or not isinstance(value.get("name"), str):
            return []
        arguments = value.get("arguments", value.get("parameters", {}))
        try:
            given = json.loads(arguments) if isinstance(arguments, str) else arguments
        except (ValueError, RecursionError):
            return []
        if not isinstance(given, dict):
            return []
        written = json.dumps(given, ensure_ascii=False)
        calls.append(wire.ToolCall(f"call_{secrets.token_hex(12)}", value["name"], written))
    return calls


def _delta(text: str, reasoning: str = "") -> Iterator[wire.Delta]:
    if text or reasoning:
        yield wire.Delta(text, reasoning)


def _overlap(text: str, mark: str) -> int:
    """Length of the longest tail of `text` that is a proper beginning of `mark`."""
    for length in range(min(len(text), len(mark) - 1), 0, -1):
        if text.endswith(mark[:length]):
            return length
    return 0
