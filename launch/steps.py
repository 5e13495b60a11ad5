"""Run one set-up command: its output stays in the background and comes forward only when it fails."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from launch.config import ROOT
from launch.problems import StepFailed
from launch.processes import signal_group

LAST_LINES = 15
DISK_FULL_WORDS = ("No space left on device", "ENOSPC")


def run(
    what: str,
    argv: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    on_line: Callable[[str], None] | None = None,
) -> None:
    """Raises StepFailed, with the last lines that the command printed, when it fails; Ctrl-C ends its children too."""
    lines: deque[str] = deque(maxlen=LAST_LINES)
    process = subprocess.Popen(
        list(argv),
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        for line in process.stdout or ():
            if line.strip():
                lines.append(line.rstrip())
            if on_line:
                on_line(line)
        process.wait()
    finally:
        # After a clean end this finds nobody.
        signal_group(process, 9)
        process.wait()
    if process.returncode != 0:
        if any(words in line for words in DISK_FULL_WORDS for line in lines):
            raise StepFailed(f"{what} failed because the disk is full: make room, then start again.")
        raise StepFailed("\n".join([f"{what} failed; its last lines:", *(f"    {line}" for line in lines)]))


def digest(paths: Iterable[Path], *more: str) -> str:
    """Of names and contents, so that a renamed file counts as a change."""
    result = hashlib.sha256()
    for text in more:
        result.update(f"{text}\0".encode())
    for path in sorted(paths):
        result.update(f"{path}\0".encode() + path.read_bytes())
    return result.hexdigest()


class Stamp:
    """Remembers for which input a step was last done. Lives with what the step made, so that deleting one deletes
    both.
    """

    def __init__(self, path: Path, state: str) -> None:
        self._path = path
        self._state = state

    def is_current(self) -> bool:
        return self._path.is_file() and self._path.read_text() == self._state

    def write(self) -> None:
        self._path.write_text(self._state)
