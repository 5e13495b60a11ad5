"""Pictures inside other files: which may carry text, and their pixels as rag/ocr_child.py takes them.

A picture that is worth reading becomes a page of its own, without text until it has been recognised. Small ones are
ornaments. Left out, and counted: drawings (SVG, EMF, WMF), what cannot be opened, what is beyond the limits.
"""

from __future__ import annotations

import hashlib
import io
import math
import struct

from PIL import Image

from rag.readers.paper import MAX_PICTURES, Paper

# Pillow looks for its parts when they are first needed, which is too late here.
Image.init()

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")
MAX_BYTES = 32 * 1024 * 1024
MAX_DECODED_PIXELS, MAX_PIXELS = 60_000_000, 25_000_000
Image.MAX_IMAGE_PIXELS = MAX_DECODED_PIXELS
# Smaller ones are logos, icons and lines.
MIN_WIDTH, MIN_HEIGHT, MIN_PIXELS = 200, 60, 40_000
# What a screen shows is enlarged: Tesseract was trained on print of about 30 pixels.
SCREEN_DPI, SCREEN_WIDTH = 96, 1_200
USUAL_DPI = (100, 600)
# What Pillow says of a file that is not what it promises to be.
DAMAGED = (OSError, ValueError, SyntaxError, TypeError, KeyError, IndexError, EOFError, OverflowError, struct.error,
           AttributeError, RuntimeError, NotImplementedError, Image.DecompressionBombError)  # fmt: skip

# A small white page.
BLANK = struct.pack(">III", 64, 64, 96) + b"\xff" * 64 * 64


class Album:
    """The pictures of one file, each once however often it is shown."""

    def __init__(self, paper: Paper) -> None:
        self._paper = paper
        self._seen: set[bytes] = set()
        self._names: set[str] = set()

    @property
    def is_full(self) -> bool:
        return self._paper.num_pictures >= MAX_PICTURES

    def has(self, name: str) -> bool:
        """Whether one of this name was met already."""
        return name in self._names

    def leave_out(self, name: str = "") -> None:
        """There was one, and it is not read."""
        self._paper.num_left_out += not (name and self.has(name))
        self._names.add(name)

    def add(self, data: bytes, label: str = "", name: str = "") -> None:
        """A page for the picture, if text may be in it. label as of Paper.page; name: what the file calls it."""
        self._names.add(name)
        digest = hashlib.sha256(data).digest()
        if digest in self._seen:
            return
        self._seen.add(digest)
        size = _size(data) if len(data) <= MAX_BYTES else None
        if size is None:
            return self._count()
        width, height = size
        if width < MIN_WIDTH or height < MIN_HEIGHT or width * height < MIN_PIXELS:
            return
        if width * height > MAX_DECODED_PIXELS or self.is_full:
            return self._count()
        self._paper.picture(lambda: pixels(data), label)

    def _count(self) -> None:
        self._paper.num_left_out += 1


def pixels(data: bytes) -> bytes:
    """Width, height and pixels an inch as three big-endian numbers, then one byte a pixel. White when it cannot be
    opened after all.
    """
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            dpi = _dpi(picture)
            grey = _grey(picture)
    except DAMAGED:
        return BLANK
    if dpi <= SCREEN_DPI:
        grey, dpi = _scaled(grey, 2.0), dpi * 2
    return struct.pack(">III", grey.width, grey.height, dpi) + grey.tobytes()


def _size(data: bytes) -> tuple[int, int] | None:
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            return picture.size
    except DAMAGED:
        return None


def _grey(picture: Image.Image) -> Image.Image:
    """As it is on white paper, at most MAX_PIXELS."""
    picture.load()
    if "A" in picture.getbands() or "transparency" in picture.info:
        shown = Image.new("RGBA", picture.size, "white")
        shown.alpha_composite(picture.convert("RGBA"))
        picture = shown
    grey = picture.convert("L")
    return _scaled(grey, min(1.0, math.sqrt(MAX_PIXELS / (grey.width * grey.height))))


def _scaled(grey: Image.Image, scale: float) -> Image.Image:
    scale = min(scale, math.sqrt(MAX_PIXELS / (grey.width * grey.height)))
    if scale == 1.0:
        return grey
    return grey.resize((max(int(grey.width * scale), 1), max(int(grey.height * scale), 1)), Image.Resampling.BICUBIC)


def _dpi(picture: Image.Image) -> int:
    """What the file says when that is sensible, else what a scan or a screenshot of this width usually has."""
    said = picture.info.get("dpi", (0, 0))[0]
    if USUAL_DPI[0] <= said <= USUAL_DPI[1]:
        return int(said)
    return SCREEN_DPI if picture.width < SCREEN_WIDTH else min(max(picture.width * 100 // 827, 120), 300)
