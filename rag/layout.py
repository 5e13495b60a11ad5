"""From the lines of a page to its paragraphs, with headings recognised and running heads dropped. Pure.

A paragraph is a run of lines at the page's usual distance and in one font size. Headings come from the PDF's
outline where it has one, else from font size. Tables need no special case: a row is a line, and lines are never
cut apart here.
"""

from __future__ import annotations

import itertools
import re
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rag import clean

Span = tuple[int, int, int]  # page_no, char_start, char_end in the raw text
OutlineItem = Sequence[Any]  # level, title, page_no, y or None


@dataclass(frozen=True)
class RawPage:
    """A page as stored."""

    page_no: int
    text: str
    lines: Sequence[Sequence[float]]
    height: float = 0.0


@dataclass(frozen=True)
class Line:
    """One printed line."""

    page_no: int
    start: int
    end: int
    x0: float
    y0: float
    y1: float
    size: float
    text: str
    # Begins something new whatever the distance: only text without boxes tells by itself.
    is_apart: bool = False

    @property
    def key(self) -> str:
        """The same for "Page 3" and "Page 4"."""
        return re.sub(r"\d+|\b[ivxlc]+\b", "#", self.text.casefold())


@dataclass
class Block:
    """A paragraph (level None) or a heading (level 1 is the highest)."""

    lines: list[Line]
    level: int | None = None
    text: str = field(default="", repr=False)

    @property
    def spans(self) -> list[Span]:
        """Where the block stands: its lines from first to last, one span a page."""
        found: dict[int, tuple[int, int]] = {}
        for line in self.lines:
            start, end = found.get(line.page_no, (line.start, line.end))
            found[line.page_no] = (min(start, line.start), max(end, line.end))
        return [(page_no, start, end) for page_no, (start, end) in found.items()]


MIN_REPEATS = 3
MAX_HEADING_CHARS = 160
_CONTENTS = re.compile(r"(?:[.…]\s?){5,}\s*(?:\d+|[ivxlc]+)$")
# Nobody wraps lines by hand at more than this: a longer one is a paragraph of its own.
MAX_WRAPPED_CHARS = 140
_LINE = re.compile(r"[^\r\n]+")
_STANDS_APART = re.compile(r"[|#>]|[-*+•–]\s|\(?\d{1,3}[.)]\s")
_ONLY_NUMBER = re.compile(r"[-–—\s#]*")
_NUMBER_AT_END = re.compile(r"^(?:\d+|[ivxlc]+)\b|\b(?:\d+|[ivxlc]+)$", re.I)
_NUMBERED = re.compile(r"^(?:(?:chapter|part|appendix|kapitel|teil|anhang)\s+)?(?:\d+|[A-Z])(?:\.\d+)*\.?\s+", re.I)


def blocks(pages: Sequence[RawPage], outline: Sequence[OutlineItem]) -> list[Block]:
    """All paragraphs and headings of a document in reading order."""
    by_page = [page_lines(page) for page in pages]
    every_line = [line for lines in by_page for line in lines]
    if not every_line:
        return []
    levels = outline_levels(every_line, outline)
    running = running_heads(pages, by_page, body_size(every_line)) - levels.keys()
    kept = [[line for line in lines if (line.page_no, line.start) not in running] for lines in by_page]
    if len(levels) < MIN_REPEATS and not any(page.text and not page.lines for page in pages):
        levels = size_levels([line for lines in kept for line in lines])
    texts = {page.page_no: page.text for page in pages}
    found: list[Block] = []
    for lines in kept:
        for block in paragraphs(lines, levels):
            block.text = clean.joined("\n".join(texts[line.page_no][line.start : line.end] for line in block.lines))
            if block.text:
                found.append(block)
    return found


def page_lines(page: RawPage) -> list[Line]:
    """The lines with boxes, without those of a table of contents."""
    if not page.lines:
        return _text_lines(page)
    found = []
    for start, length, x0, y0, _x1, y1, size in page.lines:
        first, end = int(start), int(start + length)
        text = " ".join(page.text[first:end].split())
        # A line of a table of contents names a section and says nothing; the section itself is found by its heading.
        if text and not _CONTENTS.search(text):
            found.append(Line(page.page_no, first, end, x0, y0, y1, size, text))
    return found


def _text_lines(page: RawPage) -> list[Line]:
    """The lines of a page that is text alone. Empty lines, marks of lists and tables, and length set them apart."""
    found: list[Line] = []
    last_end, was_long = 0, False
    for match in _LINE.finditer(page.text):
        text = " ".join(match.group().split())
        if not text:
            continue
        between = page.text[last_end : match.start()]
        is_long = len(text) > MAX_WRAPPED_CHARS
        is_apart = between.count("\n") > 1 or is_long or was_long or bool(_STANDS_APART.match(text)) or " | " in text
        last_end, was_long = match.end(), is_long
        if not _CONTENTS.search(text):
            found.append(Line(page.page_no, match.start(), match.end(), 0, 0, 0, 0, text, is_apart))
    return found


def running_heads(pages: Sequence[RawPage], by_page: Sequence[Sequence[Line]], body: float) -> set[tuple[int, int]]:
    """(page_no, start) of lines at the top and bottom that repeat at the same height, and of bare page numbers."""
    edges: list[tuple[Line, int]] = []
    for page, lines in zip(pages, by_page, strict=True):
        by_height = sorted(lines, key=lambda line: line.y0)
        outermost = by_height if len(by_height) < 4 else [*by_height[:2], *by_height[-2:]]
        if page.height:
            edges += [(line, round(line.y0 / 4)) for line in outermost if not 0.12 < line.y0 / page.height < 0.88]
    same = Counter((line.text, height) for line, height in edges)
    alike = Counter((line.key, height) for line, height in edges)
    # "Chapter 3: Utilities 6" differs from chapter to chapter, but stands where a numbered line stands on most pages.
    numbered = Counter(height for line, height in edges if _NUMBER_AT_END.search(line.text))
    enough = max(MIN_REPEATS, len(pages) * 0.4)
    found = set()
    for line, height in edges:
        # "Chapter 4" in large type at the top of a page is a heading, however often its like stands there.
        is_small = line.size <= body * 1.12
        repeats = same[line.text, height] >= MIN_REPEATS or (is_small and alike[line.key, height] >= MIN_REPEATS)
        counts = is_small and _NUMBER_AT_END.search(line.text) and numbered[height] >= enough
        if repeats or counts or _ONLY_NUMBER.fullmatch(line.key):
            found.add((line.page_no, line.start))
    return found


def outline_levels(lines: Sequence[Line], outline: Sequence[OutlineItem]) -> dict[tuple[int, int], int]:
    """Each outline entry finds the line on its page that says the same; an entry whose line is not found is skipped.

    Levels count from 1 here and from 0 in an outline.
    """
    by_page: dict[int, list[Line]] = {}
    for line in lines:
        by_page.setdefault(line.page_no, []).append(line)
    found: dict[tuple[int, int], int] = {}
    # An outline may name a page many times: its lines are compared once.
    bare_by_page: dict[int, list[tuple[Line, tuple[str, str]]]] = {}
    for level, title, page_no, y, *exactly in outline:
        if exactly:  # the format itself says where a heading begins
            found[(page_no, exactly[0])] = level + 1
            continue
        wanted = _bare(str(title))
        if page_no not in bare_by_page:
            bare_by_page[page_no] = [(line, _bare_heading(line.text)) for line in by_page.get(page_no, [])]
        matches = [line for line, bare in bare_by_page[page_no] if _is_said(bare, wanted)]
        if not matches:
            continue
        # Printed contents pages repeat headings in small type: the largest wins, then the one nearest to the target.
        goal = float(y) if isinstance(y, int | float) else matches[0].y1
        best = max(matches, key=lambda line: (line.size, -abs(line.y1 - goal)))
        found.setdefault((best.page_no, best.start), level + 1)
    return found


def size_levels(lines: Sequence[Line]) -> dict[tuple[int, int], int]:
    """Lines clearly larger than the body are headings, the largest three sizes levels 1 to 3, others 4."""
    body = body_size(lines)
    large = [line for line in lines if line.size > body * 1.12 and len(line.text) <= MAX_HEADING_CHARS]
    num_large, num_all = sum(len(line.text) for line in large), sum(len(line.text) for line in lines)
    if not large or num_large > num_all * 0.3:  # a title page or slides: size says nothing
        return {}
    sizes = sorted({line.size for line in large}, reverse=True)
    return {(line.page_no, line.start): min(sizes.index(line.size) + 1, 4) for line in large}


def body_size(lines: Iterable[Line]) -> float:
    """The font size that most characters have."""
    sizes: Counter[float] = Counter()
    for line in lines:
        sizes[line.size] += len(line.text)
    return sizes.most_common(1)[0][0]


def paragraphs(lines: Sequence[Line], levels: dict[tuple[int, int], int]) -> Iterable[Block]:
    """Split one page's lines where the distance, the font size or the column changes, and around headings."""
    pitch = _usual_pitch(lines)
    current: Block | None = None
    for line in lines:
        level = levels.get((line.page_no, line.start))
        if current is not None and _joins(current, line, level, pitch):
            current.lines.append(line)
            continue
        if current is not None:
            yield current
        current = Block([line], level)
    if current is not None:
        yield current


def breaks(page: RawPage, headings: Iterable[str] = ()) -> list[int]:
    """Characters of the page where a new thing begins: a heading, what it heads, a paragraph. No sentence spans one.

    headings: what stands above the passage in question, however they were found when it was split.
    """
    lines = page_lines(page)
    wanted = [bare for bare in map(_bare, headings) if bare]
    levels = {(line.page_no, line.start): 1 for line in lines if any(_says(line.text, title) for title in wanted)}
    found: list[int] = []
    before: Block | None = None
    for block in paragraphs(lines, levels):
        # A superscript or an inline formula moves a line; a sentence that goes on in small letters is still one.
        goes_on = before is not None and before.level == block.level is None and block.lines[0].text[0].islower()
        if before is not None and not goes_on:
            found.append(block.lines[0].start)
        before = block
    return found


def _joins(block: Block, line: Line, level: int | None, pitch: float) -> bool:
    last = block.lines[-1]
    if level != block.level or line.is_apart:
        return False
    drop = last.y0 - line.y0
    if level is not None and line.size:  # a heading of two printed lines
        return abs(line.size - last.size) < 0.2 and 0 < drop < line.size * 1.6 and len(block.lines) < 3
    if pitch <= 0:  # no boxes: what tells paragraphs apart is in the lines themselves
        return level is None
    return -pitch * 0.3 < drop <= pitch * 1.3 and abs(line.size - last.size) <= max(1.0, last.size * 0.15)


def _usual_pitch(lines: Sequence[Line]) -> float:
    drops = [
        first.y0 - second.y0
        for first, second in itertools.pairwise(lines)
        if 0 < first.y0 - second.y0 < 3 * max(first.y1 - first.y0, 1)
    ]
    return statistics.median_low(drops) if drops else 0.0


def _bare(text: str) -> str:
    return re.sub(r"[\W_]+", "", clean.joined(text).casefold())


def _says(line: str, wanted: str) -> bool:
    return _is_said(_bare_heading(line), wanted)


def _bare_heading(line: str) -> tuple[str, str]:
    """The line's letters, and those without its number; empty for what is too long to be a heading."""
    return ("", "") if len(line) > MAX_HEADING_CHARS else (_bare(line), _bare(_NUMBERED.sub("", line)))


def _is_said(line: tuple[str, str], wanted: str) -> bool:
    if not wanted:
        return False
    if len(line[0]) >= 8 and wanted.startswith(line[0]):  # the heading goes on in the next line
        return True
    return wanted in line
