"""Boxes on a page: from character ranges to rectangles, from PDF points to the page as shown. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Rect = list[float]
# [char_start, length, x0, y0, x1, y1, font_size]
Line = Sequence[float]


def shown_size(width: float, height: float, rotation: int) -> tuple[float, float]:
    """A page with /Rotate 90 or 270 lies on its side."""
    return (height, width) if rotation % 180 else (width, height)


def rects_between(lines: Iterable[Line], char_start: int, char_end: int) -> list[Rect]:
    """One rectangle for each line that holds some of the characters.

    Inside a line the ends are placed in proportion to the characters: good to about a letter.
    """
    found: list[Rect] = []
    for start, length, x0, y0, x1, y1, *_rest in lines:
        first, last = max(start, char_start), min(start + length, char_end)
        if length <= 0 or first >= last:
            continue
        step = (x1 - x0) / length
        left, right = x0 + (first - start) * step, x0 + (last - start) * step
        found.append([round(left, 2), round(y0, 2), round(right, 2), round(y1, 2)])
    return found


def fractions(rects: Iterable[Rect], width: float, height: float, rotation: int) -> list[Rect]:
    """PDF points (y up, unrotated) to [left, top, right, bottom] of the shown page, each 0 to 1."""
    if width <= 0 or height <= 0:
        return []
    return [_fraction(rect, width, height, rotation % 360) for rect in rects]


def _fraction(rect: Rect, width: float, height: float, rotation: int) -> Rect:
    left, right = rect[0] / width, rect[2] / width
    top, bottom = 1 - rect[3] / height, 1 - rect[1] / height
    if rotation == 90:  # clockwise: the left edge becomes the top
        left, top, right, bottom = 1 - bottom, left, 1 - top, right
    elif rotation == 180:
        left, top, right, bottom = 1 - right, 1 - bottom, 1 - left, 1 - top
    elif rotation == 270:
        left, top, right, bottom = top, 1 - right, bottom, 1 - left
    return [round(min(max(value, 0.0), 1.0), 5) for value in (left, top, right, bottom)]
