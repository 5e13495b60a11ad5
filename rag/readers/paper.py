"""What every reader writes on: pages of text with headings at exact characters. Pure.

A paragraph, a heading and a row of a table are one line each, with an empty line between paragraphs. A document
without pages is cut into parts of some thousand characters, before a heading where there is one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rag.jail import MAX_LABEL_CHARS, MAX_OUTLINE_ITEMS, MAX_PAGES, MAX_TITLE_CHARS, UNSTORABLE, Refused

MAX_CHARS = 20_000_000
PART_CHARS = 4_000
MAX_PICTURES = 100
CELLS = " | "
_HAS_DIGIT = re.compile(r"\d")


@dataclass
class Sheet:
    """One page: a slide, a run of rows, a part of a text, or a picture."""

    label: str = ""
    text: str = ""
    # Its pixels, where the page is a picture whose text has still to be read: see rag.readers.pictures.
    picture: Callable[[], bytes] | None = None


@dataclass
class Paper:
    """has_pages: the file says where a page ends (slides, sheets), so none is cut here.

    num_left_out: pictures and attachments that are not read. label: of pages that are begun because one is full.
    """

    has_pages: bool = False
    sheets: list[Sheet] = field(default_factory=list)
    outline: list[list[object]] = field(default_factory=list)
    num_chars: int = 0
    num_pictures: int = 0
    num_left_out: int = 0
    label: str = ""
    _lines: list[str] = field(default_factory=list)
    _length: int = 0
    _was_row: bool = False
    _is_closed: bool = False

    def page(self, label: str = "") -> None:
        """Everything from here on stands on a new page."""
        self._finish()
        self._is_closed = False
        if len(self.sheets) >= MAX_PAGES:
            raise Refused("too_many_pages", num_pages=len(self.sheets) + 1, limit=MAX_PAGES)
        self.sheets.append(Sheet(label[:MAX_LABEL_CHARS]))

    def picture(self, pixels: Callable[[], bytes], label: str = "") -> None:
        """A page that is a picture; what comes after it stands on another."""
        if self.num_pictures >= MAX_PICTURES:
            self.num_left_out += 1
            return
        self.num_pictures += 1
        self.page(label or self.label)
        self.sheets[-1].picture = pixels
        self._is_closed = True

    def heading(self, text: str, level: int) -> None:
        line = _one_line(text)
        if not line:
            return
        if not self.has_pages and self._length > PART_CHARS // 2:
            self.page(self.label)
        start = self._add(line, is_row=False)
        if len(self.outline) < MAX_OUTLINE_ITEMS:
            title = line[:MAX_TITLE_CHARS]
            self.outline.append([max(level, 1) - 1, title, len(self.sheets) - 1, None, start])

    def paragraph(self, text: str) -> None:
        line = _one_line(text)
        if line:
            self._add(line, is_row=False)

    def table(self, rows: Sequence[Sequence[str]], num_header_rows: int = -1) -> None:
        """Each row as one line. Under a header "Country: Norway | Limit: 180 EUR", so that a row alone says what it
        says. num_header_rows: -1 where the file does not tell.
        """
        cleaned = [[_one_line(cell) for cell in row] for row in rows]
        cleaned = [row for row in cleaned if any(row)]
        if num_header_rows > 0 or (num_header_rows < 0 and has_header(cleaned)):
            num_header_rows = max(num_header_rows, 1)
            header, cleaned = header_of(cleaned[:num_header_rows]), cleaned[num_header_rows:]
            if not cleaned:
                self.row(header)
        else:
            header = []
        for row in cleaned:
            self.row(row, header)

    def row(self, cells: Sequence[str], header: Sequence[str] = ()) -> None:
        """One line; empty cells are left out."""
        cells = [_one_line(cell) for cell in cells]
        named = [
            f"{header[n]}: {cell}" if n < len(header) and header[n] else cell for n, cell in enumerate(cells) if cell
        ]
        if named:
            self._add(CELLS.join(named), is_row=True)

    def append(self, other: Paper, level: int, label: str) -> None:
        """What another reader has written, on the page just begun and on others of this label, headings below level."""
        self.num_left_out += other.num_left_out
        for number, sheet in enumerate(other.finished()):
            self.label = _joined(label, sheet.label)
            if sheet.picture is not None:
                self.picture(sheet.picture)
                continue
            if sheet.label and number:
                self.page(self.label)
            self.sheets[-1].label = self.label
            headings = {int(str(item[4])): item for item in other.outline if item[2] == number}
            position = 0
            for line in sheet.text.split("\n"):
                if item := headings.get(position):
                    self.heading(line, int(str(item[0])) + 1 + level)
                elif line.strip():
                    self._add(_one_line(line), is_row=CELLS in line)
                position += len(line) + 1

    def close(self) -> None:
        """What comes now stands on another page, without a label."""
        self.label, self._is_closed = "", True

    def finished(self) -> list[Sheet]:
        """The pages; an empty file has one without text."""
        self._finish()
        return self.sheets or [Sheet()]

    def _add(self, line: str, *, is_row: bool) -> int:
        """Where the line begins on its page."""
        if not self.sheets or self._is_closed or (not self.has_pages and self._length > PART_CHARS):
            self.page(self.label)
        self.num_chars += len(line) + 2
        if self.num_chars > MAX_CHARS:
            raise Refused("too_much_text")
        if self._lines:
            gap = "\n" if is_row and self._was_row else "\n\n"
            self._lines.append(gap)
            self._length += len(gap)
        start = self._length
        self._lines.append(line)
        self._length += len(line)
        self._was_row = is_row
        return start

    def _finish(self) -> None:
        if self.sheets:
            self.sheets[-1].text += "".join(self._lines)
        self._lines, self._length, self._was_row = [], 0, False


def _joined(label: str, inner: str) -> str:
    """ "Offer.pdf › 3", of which the end stays whole."""
    end = f" › {inner}" if inner else ""
    return label[: MAX_LABEL_CHARS - len(end)] + end


def has_header(rows: Sequence[Sequence[str]]) -> bool:
    """The first row names its columns: several cells, all filled, no digit in any, and digits below some of them."""
    if len(rows) < 2 or len(rows[0]) < 2 or not all(rows[0]) or any(map(_HAS_DIGIT.search, rows[0])):
        return False
    columns = range(len(rows[0]))
    below = [any(_HAS_DIGIT.search(row[n]) for row in rows[1:] if n < len(row)) for n in columns]
    # Two columns of which the first holds numbers may be "1 | first step": the second must be of another kind too.
    return below[1] if len(rows[0]) == 2 else any(below) or len(rows) >= 3


def header_of(rows: Sequence[Sequence[str]]) -> list[str]:
    """Several header rows become one: "2026 Norway"."""
    width = max((len(row) for row in rows), default=0)
    return [" ".join(dict.fromkeys(row[n] for row in rows if n < len(row) and row[n])) for n in range(width)]


def _one_line(text: str) -> str:
    return " ".join(text.translate(UNSTORABLE).split())
