"""The parent's side of reading a file: start the child, take at most so much from it, end it in time.

Raises UnreadableFile when the file is at fault and ChildKilled when the child died: the caller counts those.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import select
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from rag.errors import ChildKilled, UnreadableFile

log = logging.getLogger(__name__)

CHILD = Path(__file__).with_name("extract_child.py")
READ_CHILD = Path(__file__).with_name("read_child.py")
PDF = "pdf"
MIB = 1024 * 1024
PROBE_OUTPUT_BYTES = 32 * MIB
SHARD_OUTPUT_BYTES = 64 * MIB
WALL_SECONDS, WALL_SECONDS_PER_PAGE = 30.0, 2.0
ASK_SECONDS = 4.0
_READ_BYTES = 1 * MIB


class Unwanted(Exception):
    """The caller no longer wants the answer: cancelled, deleted, or given to another worker."""


@dataclass(frozen=True)
class Probe:
    """What is known of a file before its pages are read.

    outline: [level, title, page_no, y or None], and where the format says so the character at which it begins.
    """

    num_pages: int
    outline: list[list[Any]]


@dataclass(frozen=True)
class PageText:
    """A page as rag.models.Page keeps it. is_scan: its pictures should be read too (rag.ocr).

    num_left_out: pictures and attachments that nobody reads, all of the file's with its first page.
    """

    page_no: int
    label: str
    width: float
    height: float
    rotation: int
    text: str
    lines: list[list[float]]
    is_scan: bool = False
    num_hidden: int = 0
    num_left_out: int = 0


def probe(path: Path, file_format: str = PDF) -> Probe:
    """Open the file; about 90 ms. file_format: one of rag.formats."""
    answer = _one_answer(path, child_of(file_format, "probe"), PROBE_OUTPUT_BYTES)
    if not answer["is_isolated"]:
        _say_once_not_isolated()
    return Probe(num_pages=answer["num_pages"], outline=answer["outline"])


def pages(
    path: Path, first: int, count: int, is_wanted: Callable[[], bool] = lambda: True, file_format: str = PDF
) -> list[PageText]:
    """Read count pages from first, in order. Asks every few seconds whether they are still wanted, else stops."""
    arguments = child_of(file_format, "extract", str(first), str(count))
    seconds = WALL_SECONDS + WALL_SECONDS_PER_PAGE * count
    return [
        PageText(
            page_no=page["no"],
            label=page["label"],
            width=page["width"],
            height=page["height"],
            rotation=page["rotation"],
            text=page["text"],
            lines=page["lines"],
            is_scan=page.get("is_scan", False),
            num_hidden=page.get("num_hidden", 0),
            num_left_out=page.get("num_left_out", 0),
        )
        for page in map(_parsed, _frames(_run(path, arguments, SHARD_OUTPUT_BYTES, seconds, is_wanted)))
    ]


def child_of(file_format: str, *arguments: str) -> list[str]:
    """What the child that reads this format is started with."""
    return [str(CHILD), *arguments] if file_format == PDF else [str(READ_CHILD), file_format, *arguments]


def _one_answer(path: Path, arguments: list[str], max_bytes: int) -> dict[str, Any]:
    for frame in _frames(_run(path, arguments, max_bytes, WALL_SECONDS)):
        return _parsed(frame)
    raise UnreadableFile("broken")


def _parsed(frame: bytes) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(frame)
    if "error" in answer:
        raise UnreadableFile(answer["error"], **answer["params"])
    return answer


def _frames(output: bytes) -> Iterator[bytes]:
    position = 0
    while position + 4 <= len(output):
        (length,) = struct.unpack_from(">I", output, position)
        frame = output[position + 4 : position + 4 + length]
        if len(frame) != length:
            raise UnreadableFile("broken")
        yield frame
        position += 4 + length


def _run(
    path: Path, arguments: list[str], max_bytes: int, seconds: float, is_wanted: Callable[[], bool] = lambda: True
) -> bytes:
    """All that the child writes."""
    child = start(path, arguments)
    try:
        output = _read_all(child, max_bytes, time.monotonic() + seconds, is_wanted)
        check_status(child)
    finally:
        end(child)
    return output


def start(path: Path, arguments: list[str]) -> subprocess.Popen[bytes]:
    """A reading child. It gets the file, no environment, and a session of its own to be killed in."""
    try:
        file = path.open("rb")
    except FileNotFoundError as error:
        raise UnreadableFile("file_lost") from error
    with file:
        return start_on(file, arguments)


def start_on(source: IO[bytes] | None, arguments: list[str]) -> subprocess.Popen[bytes]:
    """A reading child that reads from an open file or from another child."""
    return subprocess.Popen(
        [sys.executable, "-I", *arguments],
        stdin=source,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={},
        cwd="/",
        start_new_session=True,
    )


def check_status(child: subprocess.Popen[bytes], seconds: float = 5.0) -> None:
    """Raises ChildKilled unless the child has ended, or ends soon, of its own will."""
    try:
        status = child.wait(timeout=seconds)
    except subprocess.TimeoutExpired as error:
        raise ChildKilled("timeout") from error
    if status < 0:
        raise ChildKilled(signal.Signals(-status).name)
    if status:
        raise ChildKilled(f"exit {status}")


def _read_all(child: subprocess.Popen[bytes], max_bytes: int, deadline: float, is_wanted: Callable[[], bool]) -> bytes:
    if child.stdout is None:
        raise ChildKilled("no output")
    output, descriptor = bytearray(), child.stdout.fileno()
    ask_at = time.monotonic() + ASK_SECONDS
    while True:
        now = time.monotonic()
        if now >= deadline:
            raise ChildKilled("timeout")
        if now >= ask_at:
            if not is_wanted():
                raise Unwanted
            ask_at = now + ASK_SECONDS
        if not select.select([descriptor], [], [], min(deadline, ask_at) - now)[0]:
            continue
        piece = os.read(descriptor, _READ_BYTES)
        if not piece:
            return bytes(output)
        output += piece
        if len(output) > max_bytes:
            raise UnreadableFile("too_much_text")


def end(child: subprocess.Popen[bytes]) -> None:
    """Kill the whole session, whatever became of the child, and leave no zombie."""
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    if child.stdout is not None:
        child.stdout.close()


_said_not_isolated = False


def _say_once_not_isolated() -> None:
    global _said_not_isolated
    if not _said_not_isolated:
        log.warning("this kernel does not let a reader of documents give up its network; its other limits hold")
        _said_not_isolated = True
