"""Reads one PDF in a process that can do no harm: with rag/page_objects.py the only importer of PDFium.

PDFium is C++ that meets strangers' files. It is not thread-safe, and over a memory limit it aborts. So it runs
here, in a fresh interpreter that knows nothing of Django: the file comes as standard input, the answer leaves
as frames on standard output, and before the first byte of the file is looked at the process is shut in (rag/jail.py).

Run as: python -I extract_child.py probe | extract FIRST COUNT | scan PAGE,PAGE,…
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import json
import math
import mmap
import os
import struct
import sys
from collections.abc import Iterator
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

# -I leaves the folder of the script out; the packages of this repository are found behind everything else.
sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from rag import jail, page_objects
from rag.jail import MAX_OUTLINE_ITEMS, MAX_PAGES, MAX_TITLE_CHARS, UNSTORABLE, Refused

MAX_PAGE_CHARS = 200_000
MAX_OUTLINE_DEPTH = 8
MAX_IMAGE_PIXELS = 25_000_000
# Tesseract was trained on print of about 30 pixels: 10 points at 200 to 300 an inch (decisions.md).
SCAN_DPI = 200

# PDFium's own marks for a hyphen at a line's end become soft hyphens.
_UNSTORABLE = UNSTORABLE | {0x02: "\u00ad", 0xFFFE: "\u00ad", 0xFFFF: " "}


def main(arguments: list[str]) -> int:
    if arguments[0] == "scan":
        os.nice(19)
    num_pages = int(arguments[2]) if arguments[0] == "extract" else 1 + arguments[-1].count(",")
    cpu_seconds = 20 + 2 * num_pages
    return jail.run(cpu_seconds, lambda is_isolated: answer(arguments, is_isolated))


def answer(arguments: list[str], is_isolated: bool) -> Iterator[bytes]:
    """The frames of one request."""
    mode = arguments[0]
    with open_pdf() as document:
        if mode == "probe":
            yield json.dumps(probe(document) | {"is_isolated": is_isolated}).encode()
        elif mode == "extract":
            first, count = int(arguments[1]), int(arguments[2])
            for page_no in range(first, min(first + count, len(document))):
                yield json.dumps(read_page(document, page_no)).encode()
        else:
            for page_no in map(int, arguments[1].split(",")):
                yield draw_grey(document, page_no)


@contextlib.contextmanager
def open_pdf() -> Iterator[pypdfium2.PdfDocument]:
    """The PDF on standard input, mapped and never copied. An owner's password alone does not lock it."""
    file = mmap.mmap(0, 0, access=mmap.ACCESS_COPY)
    with opened((ctypes.c_char * len(file)).from_buffer(file)) as document:
        yield document


@contextlib.contextmanager
def opened(data: ctypes.Array[ctypes.c_char]) -> Iterator[pypdfium2.PdfDocument]:
    """The PDF in these bytes."""
    try:
        document = pypdfium2.PdfDocument(data, password="")
    except pypdfium2.PdfiumError as error:
        is_locked = error.err_code in (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY)
        raise Refused("needs_password" if is_locked else "broken") from error
    if len(document) > MAX_PAGES:
        raise Refused("too_many_pages", num_pages=len(document), limit=MAX_PAGES)
    try:
        yield document
    except pypdfium2.PdfiumError as error:
        raise Refused("broken") from error


def probe(document: pypdfium2.PdfDocument) -> dict[str, Any]:
    """Number of pages, and the outline as [level, title, page_no, y or null]."""
    return {"num_pages": len(document), "outline": list(outline(document))}


def outline(document: pypdfium2.PdfDocument) -> Iterator[list[object]]:
    for item in itertools.islice(document.get_toc(max_depth=MAX_OUTLINE_DEPTH), MAX_OUTLINE_ITEMS):
        destination = item.get_dest()
        page_no = destination.get_index() if destination else None
        if destination is None or page_no is None:
            continue
        mode, position = destination.get_view()
        y: float | None = None
        if mode == pdfium.PDFDEST_VIEW_XYZ and len(position) > 1 and math.isfinite(position[1]):
            y = position[1]
        title = " ".join(item.get_title().translate(_UNSTORABLE).split())[:MAX_TITLE_CHARS]
        yield [item.level, title, page_no, y]


def read_page(document: pypdfium2.PdfDocument, page_no: int) -> dict[str, Any]:
    """The text of a page as PDFium gives it, and a box and font size for each of its lines."""
    try:
        page = document[page_no]
    except pypdfium2.PdfiumError:  # one damaged page does not take the document's other pages away
        return {"no": page_no, "label": "", "width": 0, "height": 0, "rotation": 0, "text": "", "lines": [],
                "is_scan": False, "num_hidden": 0}  # fmt: skip
    left, bottom, right, top = page.get_cropbox()
    text_page = page.get_textpage()
    box = (left, bottom, right, top)
    drawn = page_objects.drawn_on(page, box)
    text, num_hidden = page_objects.without_hidden(page_text(text_page), drawn, page, text_page)
    found = {
        "no": page_no,
        "label": document.get_page_label(page_no).translate(_UNSTORABLE)[:40],
        "width": round(right - left, 2),
        "height": round(top - bottom, 2),
        "rotation": page.get_rotation(),
        "text": text,
        "lines": list(lines(text_page, text, left, bottom)),
        "is_scan": page_objects.is_scan(text, drawn, box),
        "num_hidden": num_hidden,
    }
    text_page.close()
    page.close()
    return found


def page_text(text_page: pypdfium2.PdfTextPage) -> str:
    """One character for each of PDFium's, so that its index and ours are the same."""
    num_chars = text_page.count_chars()
    if num_chars > MAX_PAGE_CHARS:
        raise Refused("too_much_text")
    if num_chars <= 0:
        return ""
    text: str = text_page.get_text_range()
    if len(text) != num_chars:  # characters beyond 16 bits, or some that PDFium inserts or leaves out
        codes = (pdfium.FPDFText_GetUnicode(text_page, index) for index in range(num_chars))
        text = "".join(chr(code) if code <= 0x10FFFF else "\ufffd" for code in codes)
    return text.translate(_UNSTORABLE)


def lines(text_page: pypdfium2.PdfTextPage, text: str, left: float, bottom: float) -> Iterator[list[float]]:
    """[char_start, length, x0, y0, x1, y1, font_size] with the crop box's corner as origin."""
    start = 0
    for raw_line in text.splitlines(keepends=True):
        line = raw_line.rstrip()
        first = start + len(line) - len(line.lstrip())
        last = start + len(line) - 1
        start += len(raw_line)
        if first > last:
            continue
        boxes = [box for box in (char_box(text_page, first), char_box(text_page, last)) if box]
        if boxes:
            x0, y0 = min(box[0] for box in boxes) - left, min(box[1] for box in boxes) - bottom
            x1, y1 = max(box[2] for box in boxes) - left, max(box[3] for box in boxes) - bottom
            corners = [round(value, 1) for value in (x0, y0, x1, y1)]
            if all(math.isfinite(value) for value in corners):
                yield [first, last - first + 1, *corners, font_size(text_page, first)]


_RECT, _MATRIX = pdfium.FS_RECTF(), pdfium.FS_MATRIX()


def char_box(text_page: pypdfium2.PdfTextPage, index: int) -> tuple[float, float, float, float] | None:
    """Left, bottom, right, top of a character's cell: as high as its font, not as its ink."""
    if not pdfium.FPDFText_GetLooseCharBox(text_page, index, _RECT):
        return None
    return _RECT.left, _RECT.bottom, _RECT.right, _RECT.top


def font_size(text_page: pypdfium2.PdfTextPage, index: int) -> float:
    """In points on the page: many producers set size 1 and scale by the text matrix."""
    size = float(pdfium.FPDFText_GetFontSize(text_page, index))
    if pdfium.FPDFText_GetMatrix(text_page, index, _MATRIX):
        size *= math.hypot(_MATRIX.c, _MATRIX.d)
    return round(size, 1) if math.isfinite(size) else 0.0


def draw_grey(document: pypdfium2.PdfDocument, page_no: int) -> bytes:
    """The page as shown, one byte a pixel, under a header as rag/ocr_child.py reads it. Fewer pixels an inch if they
    would be more than 25 million.
    """
    page = document[page_no]
    scale = SCAN_DPI / 72
    num_pixels = page.get_width() * page.get_height() * scale * scale
    scale *= min(1.0, math.sqrt(MAX_IMAGE_PIXELS / max(num_pixels, 1.0)))
    bitmap = page.render(scale=scale, grayscale=True, may_draw_forms=False)
    width, height, stride, pixels = bitmap.width, bitmap.height, bitmap.stride, bytes(bitmap.buffer)
    if stride != width:
        pixels = b"".join(pixels[y * stride : y * stride + width] for y in range(height))
    header = struct.pack(">4sIIII", b"GREY", page_no, width, height, max(round(scale * 72), 1))
    page.close()
    return header + pixels[: width * height]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
