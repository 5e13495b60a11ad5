"""What is drawn on a page of a PDF: is it a scan, and which of its text does nobody see? In the reading child only.

Text is hidden in the ways that injected orders are: drawn in no colour (render mode 3), in the colour of what lies
under it, smaller than anybody reads, or off the page. It is taken out of the text, a space for each character, so that
offsets stay true. Text in render mode 3 over a picture is the layer that a scanner's own text recognition has put
there, and stays.
Left out: text that something drawn later covers, and clipping paths.
"""

from __future__ import annotations

import ctypes
import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from rag.clean import is_junk, num_visible

MAX_OBJECTS = 20_000
MAX_FORM_DEPTH = 3
MIN_POINTS = 1.5
# Light text on a dark ground is common; only what is light is worth drawing the page for.
LIGHT, MIN_ALPHA, MIN_CONTRAST = 190, 20, 12
UNSEEN_MODES = (pdfium.FPDF_TEXTRENDERMODE_INVISIBLE, pdfium.FPDF_TEXTRENDERMODE_CLIP)
# A page with less text than this, under a picture of most of its size, is a scan with a stamp on it.
FEW_CHARS, STAMP_CHARS, SCAN_SHARE = 20, 250, 0.5

Bounds = tuple[float, float, float, float]


@dataclass
class Drawn:
    """images: left, bottom, right, top of each; suspects: address of a text object -> why it may be unseen."""

    images: list[Bounds] = field(default_factory=list)
    suspects: dict[int, tuple[str, Bounds]] = field(default_factory=dict)
    num_objects: int = 0
    num_texts: int = 0

    def has_image_under(self, box: Bounds) -> bool:
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        return any(left <= x <= right and bottom <= y <= top for left, bottom, right, top in self.images)

    def image_share(self, page: Bounds) -> float:
        """How much of the page its pictures cover, at most 1. Strips of one scan add up."""
        area = max((page[2] - page[0]) * (page[3] - page[1]), 1.0)
        covered = 0.0
        for left, bottom, right, top in self.images:
            width, height = min(right, page[2]) - max(left, page[0]), min(top, page[3]) - max(bottom, page[1])
            covered += max(width, 0.0) * max(height, 0.0)
        return min(covered / area, 1.0)


def drawn_on(page: pypdfium2.PdfPage, box: Bounds) -> Drawn:
    """One look at each object. About 0.3 ms for a page of text."""
    drawn = Drawn()
    for item, kind, depth in _objects(page.raw):
        drawn.num_objects += 1
        if kind == pdfium.FPDF_PAGEOBJ_TEXT:
            drawn.num_texts += 1
            # Inside a form the coordinates are the form's own, so place and size say nothing there.
            if why := _suspicion(item, box if depth == 0 else None):
                drawn.suspects[ctypes.addressof(item.contents)] = (why, _bounds(item))
        elif depth == 0 and (
            kind == pdfium.FPDF_PAGEOBJ_IMAGE or (kind == pdfium.FPDF_PAGEOBJ_FORM and _holds_image(item))
        ):
            drawn.images.append(_bounds(item))
    return drawn


def is_scan(text: str, drawn: Drawn, box: Bounds) -> bool:
    """Should the pictures of the page be read? Text is what remains without the hidden."""
    num_chars = num_visible(text)
    if num_chars < FEW_CHARS:
        return drawn.num_objects > drawn.num_texts or (num_chars == 0 and drawn.num_texts > 0)
    return is_junk(text) or (num_chars < STAMP_CHARS and drawn.image_share(box) >= SCAN_SHARE)


def without_hidden(
    text: str, drawn: Drawn, page: pypdfium2.PdfPage, text_page: pypdfium2.PdfTextPage
) -> tuple[str, int]:
    """The text with a space for each hidden character, and how many there were."""
    if not drawn.suspects:
        return text, 0
    hidden = _hidden_objects(drawn, page)
    if not hidden:
        return text, 0
    chars, num_hidden = list(text), 0
    for index, char in enumerate(text):
        if char in "\r\n":
            continue
        item = pdfium.FPDFText_GetTextObject(text_page, index)
        if item and ctypes.addressof(item.contents) in hidden:
            num_hidden += not char.isspace()
            chars[index] = " "
    return "".join(chars), num_hidden


def _hidden_objects(drawn: Drawn, page: pypdfium2.PdfPage) -> set[int]:
    contrast: Callable[[Bounds], int] | None = None
    hidden: set[int] = set()
    for address, (why, box) in drawn.suspects.items():
        if why == "mode":
            if not drawn.has_image_under(box):
                hidden.add(address)
        elif why == "light":
            contrast = contrast or _contrast_on(page)
            if contrast(box) < MIN_CONTRAST:
                hidden.add(address)
        else:
            hidden.add(address)
    return hidden


def _contrast_on(page: pypdfium2.PdfPage) -> Callable[[Bounds], int]:
    """Difference of the lightest and the darkest pixel in a box, on the page drawn at one pixel a point."""
    left, bottom, right, top = page.get_cropbox()
    scale = min(1.0, math.sqrt(4_000_000 / max((right - left) * (top - bottom), 1.0)))
    bitmap = page.render(scale=scale, rotation=(360 - page.get_rotation()) % 360, grayscale=True, may_draw_forms=False)
    pixels, width, height, stride = bytes(bitmap.buffer), bitmap.width, bitmap.height, bitmap.stride

    def contrast(box: Bounds) -> int:
        x0, x1 = max(int((box[0] - left) * scale), 0), min(math.ceil((box[2] - left) * scale), width)
        y0, y1 = max(int((top - box[3]) * scale), 0), min(math.ceil((top - box[1]) * scale), height)
        rows = [row for y in range(y0, y1) if (row := pixels[y * stride + x0 : y * stride + x1])]
        return max(map(max, rows)) - min(map(min, rows)) if rows else 0

    return contrast


_COLOUR = tuple(ctypes.c_uint() for _ in range(4))
_COLOUR_REFERENCES = tuple(map(ctypes.byref, _COLOUR))
_SIZE, _MATRIX = ctypes.c_float(), pdfium.FS_MATRIX()
_SIZE_REFERENCE, _MATRIX_REFERENCE = ctypes.byref(_SIZE), ctypes.byref(_MATRIX)
_EDGES = tuple(ctypes.c_float() for _ in range(4))
_EDGE_REFERENCES = tuple(map(ctypes.byref, _EDGES))


def _suspicion(item: Any, page: Bounds | None) -> str:
    """Why a text object may be unseen: mode, light, size or place; empty for all ordinary text."""
    if pdfium.FPDFTextObj_GetTextRenderMode(item) in UNSEEN_MODES:
        return "mode"
    if page is not None and pdfium.FPDFTextObj_GetFontSize(item, _SIZE_REFERENCE):
        pdfium.FPDFPageObj_GetMatrix(item, _MATRIX_REFERENCE)
        if _SIZE.value * math.hypot(_MATRIX.c, _MATRIX.d) < MIN_POINTS:
            return "size"
        if not (page[0] - 2 <= _MATRIX.e <= page[2] + 2 and page[1] - 2 <= _MATRIX.f <= page[3] + 2):
            left, bottom, right, top = _bounds(item)
            if right < page[0] or left > page[2] or top < page[1] or bottom > page[3]:
                return "place"
    if pdfium.FPDFPageObj_GetFillColor(item, *_COLOUR_REFERENCES):
        red, green, blue, alpha = (channel.value for channel in _COLOUR)
        if alpha < MIN_ALPHA or min(red, green, blue) >= LIGHT:
            return "light" if page is not None else ""
    return ""


def _bounds(item: Any) -> Bounds:
    if not pdfium.FPDFPageObj_GetBounds(item, *_EDGE_REFERENCES):
        return 0.0, 0.0, 0.0, 0.0
    left, bottom, right, top = (edge.value for edge in _EDGES)
    return left, bottom, right, top


def _objects(page: Any) -> Iterator[tuple[Any, int, int]]:
    """(object, kind, depth) of the page and of its forms, MAX_OBJECTS at most."""
    todo = [(pdfium.FPDFPage_GetObject, page, pdfium.FPDFPage_CountObjects(page), 0)]
    num_left = MAX_OBJECTS
    while todo:
        get, holder, count, depth = todo.pop()
        for index in range(min(count, num_left)):
            num_left -= 1
            item = get(holder, index)
            kind = pdfium.FPDFPageObj_GetType(item)
            yield item, kind, depth
            if kind == pdfium.FPDF_PAGEOBJ_FORM and depth < MAX_FORM_DEPTH:
                todo.append((pdfium.FPDFFormObj_GetObject, item, pdfium.FPDFFormObj_CountObjects(item), depth + 1))


def _holds_image(form: Any) -> bool:
    kinds: Counter[int] = Counter()
    for index in range(min(pdfium.FPDFFormObj_CountObjects(form), 50)):
        kinds[pdfium.FPDFPageObj_GetType(pdfium.FPDFFormObj_GetObject(form, index))] += 1
    return kinds[pdfium.FPDF_PAGEOBJ_IMAGE] > 0
