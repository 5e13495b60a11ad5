"""The parent's side of reading scans: one child draws the pages, a second one reads the pictures, and neither can do
harm. The pictures go from one to the other and never through this process.

Raises UnreadableFile when the file is at fault and ChildKilled when a child died or took too long for a page.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import struct
import subprocess
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag import extract
from rag.errors import ChildKilled, UnreadableFile

CHILD = Path(__file__).with_name("ocr_child.py")
# At the lowest priority beside a busy engine a page may take many times its 1.4 seconds.
PAGE_SECONDS = 150.0
# And with all pages given, a while to come to its end.
END_SECONDS = 60.0
MAX_FRAME_BYTES = 8 * extract.MIB
_READ_BYTES = 64 * 1024


@dataclass(frozen=True)
class ReadPage:
    """What the pictures of a page say. lines and rotation as in rag.models.Page, confidence from 0 to 100."""

    page_no: int
    width: float
    height: float
    rotation: int
    text: str
    lines: list[list[float]]
    confidence: int


def pages(
    path: Path,
    page_nos: Sequence[int],
    is_wanted: Callable[[], bool] = lambda: True,
    file_format: str = extract.PDF,
) -> Generator[ReadPage, None, None]:
    """Each page as soon as it is read, in the order asked for. Closing the iterator ends the children at once.

    Measured at 0.7 pages a second of one core (200 pixels an inch). Raises extract.Unwanted when is_wanted, asked every
    few seconds, says no.
    """
    drawing = extract.start(path, extract.child_of(file_format, "scan", ",".join(map(str, page_nos))))
    try:
        reading = extract.start_on(drawing.stdout, [str(CHILD), str(len(page_nos))])
    except BaseException:
        extract.end(drawing)
        raise
    if drawing.stdout is not None:
        drawing.stdout.close()
    try:
        yield from map(_page, _frames(reading, len(page_nos), is_wanted))
        extract.check_status(reading, END_SECONDS)
        extract.check_status(drawing, END_SECONDS)
    finally:
        extract.end(reading)
        extract.end(drawing)


def _page(answer: dict[str, Any]) -> ReadPage:
    return ReadPage(
        page_no=answer["no"],
        width=answer["width"],
        height=answer["height"],
        rotation=answer["rotation"],
        text=answer["text"],
        lines=answer["lines"],
        confidence=answer["confidence"],
    )


def _frames(child: subprocess.Popen[bytes], num_frames: int, is_wanted: Callable[[], bool]) -> Iterator[dict[str, Any]]:
    if child.stdout is None:
        raise ChildKilled("no output")
    output = bytearray()
    for _ in range(num_frames):
        deadline = time.monotonic() + PAGE_SECONDS
        while (frame := _cut(output)) is None:
            piece = _read(child.stdout.fileno(), deadline, is_wanted)
            if not piece:
                return
            output += piece
            if len(output) > MAX_FRAME_BYTES:
                raise UnreadableFile("too_much_text")
        answer = json.loads(frame)
        if "error" in answer:
            raise UnreadableFile(answer["error"], **answer["params"])
        yield answer


def _cut(output: bytearray) -> bytes | None:
    if len(output) < 4:
        return None
    (length,) = struct.unpack_from(">I", output)
    if len(output) < 4 + length:
        return None
    frame = bytes(output[4 : 4 + length])
    del output[: 4 + length]
    return frame


def _read(descriptor: int, deadline: float, is_wanted: Callable[[], bool]) -> bytes:
    """The next bytes; none at the end."""
    ask_at = time.monotonic() + extract.ASK_SECONDS
    while (now := time.monotonic()) < deadline:
        if now >= ask_at:
            if not is_wanted():
                raise extract.Unwanted
            ask_at = now + extract.ASK_SECONDS
        with contextlib.suppress(InterruptedError):
            if select.select([descriptor], [], [], max(0.0, min(deadline, ask_at) - now))[0]:
                return os.read(descriptor, _READ_BYTES)
    raise ChildKilled("timeout")
