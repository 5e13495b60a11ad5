"""Lines on the terminal: a coloured name in front of each, progress that overwrites itself where that is possible."""

from __future__ import annotations

import os
import sys
import time
from typing import TextIO

NAME_WIDTH = 9
COLOURS = (36, 33, 35, 32, 34, 96, 93, 95)


class Console:
    """Everything goes through one of these, so that a closed terminal is handled in one place."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._is_terminal = self._stream.isatty() and "NO_COLOR" not in os.environ
        self._colour_of: dict[str, int] = {}
        self._is_in_progress = False

    def say(self, text: str) -> None:
        self._write(f"{text}\n")

    def line(self, name: str, text: str) -> None:
        """One line of a process's log."""
        self._write(f"{self._prefix(name)} {text}\n")

    def _prefix(self, name: str) -> str:
        label = f"{name:<{NAME_WIDTH}}|"
        if not self._is_terminal:
            return label
        colour = self._colour_of.setdefault(name, COLOURS[len(self._colour_of) % len(COLOURS)])
        return f"\x1b[{colour}m{label}\x1b[0m"

    def progress(self, text: str) -> None:
        """Replaces the last progress line on a terminal; elsewhere the caller spaces its calls (see Paced)."""
        if self._is_terminal:
            self._raw(f"\r\x1b[2K{text}")
            self._is_in_progress = True
        else:
            self._raw(f"{text}\n")

    @property
    def seconds_between_progress(self) -> float:
        return 0.2 if self._is_terminal else 15.0

    def _write(self, text: str) -> None:
        if self._is_in_progress:
            self._is_in_progress = False
            self._raw("\r\x1b[2K")
        self._raw(text)

    def _raw(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (BrokenPipeError, ValueError):
            # Nobody reads any more (`bin/run | head`); the processes go on until they are told to stop.
            self._stream = open(os.devnull, "w")  # noqa: SIM115 - lives as long as the program


class Paced:
    """Passes on at most one progress text per interval."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last = 0.0

    def __call__(self, text: str) -> None:
        now = time.monotonic()
        if now - self._last >= self._console.seconds_between_progress:
            self._last = now
            self._console.progress(text)
