"""HTML: what a browser would show as text, with headings and tables. Nothing is ever fetched and no script is run."""

from __future__ import annotations

import contextlib
import re
from html.parser import HTMLParser
from typing import BinaryIO

from rag.readers.paper import Paper
from rag.readers.pictures import Album
from rag.readers.plain import DATA_URI, decoded, picture_of

_CHARSET = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*["']?([\w-]{1,30})""", re.I)
_SKIPPED = {"script", "style", "template", "noscript", "svg", "math", "iframe", "object", "select", "textarea", "head"}
_VOID = {"br", "hr", "img", "input", "meta", "link", "col", "area", "base", "embed", "source", "track", "wbr"}
_BLOCKS = {
    "p", "div", "section", "article", "aside", "header", "footer", "nav", "main", "ul", "ol", "li", "dl", "dt", "dd",
    "pre", "blockquote", "figure", "figcaption", "address", "form", "fieldset", "details", "summary", "hr", "body",
}  # fmt: skip
MAX_SPAN = 100
_UNSEEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0", re.I)


def read(file: BinaryIO) -> Paper:
    data = file.read()
    found = _CHARSET.search(data[:2048])
    text = decoded(data)
    if found and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        with contextlib.suppress(LookupError, ValueError):  # no such encoding
            text = data.decode(found[1].decode("ascii"), errors="replace")
    paper = Paper()
    write(paper, text)
    return paper


def write(paper: Paper, html: str) -> None:
    """The page's text onto the paper."""
    page = _Page(paper)
    page.feed(html)
    page.close()
    page.flush()


class _Page(HTMLParser):
    def __init__(self, paper: Paper) -> None:
        super().__init__(convert_charrefs=True)
        self.paper = paper
        self.text: list[str] = []
        self.hidden: list[str] = []  # open elements from the first that is not shown
        self.level = 0
        self.rows: list[list[str]] | None = None
        self.num_header_rows = 0
        self.span: tuple[int, int] | None = None  # columns and rows of the open cell
        self.below: dict[int, tuple[str, int, int]] = {}  # column -> text, rows it goes on for, the last row it is in
        self.album, self.pictures = Album(paper), list[str]()  # those of the page, and those not yet on the paper
        self.depth = 0  # tables in tables are read as text of the cell

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag in _VOID:
            if tag == "img" and not self.hidden and DATA_URI.match(source := dict(attributes).get("src") or ""):
                self.pictures.append(source)
            if tag in ("br", "hr"):
                self.text.append(" ")
            return
        given = dict(attributes)
        is_unseen = "hidden" in given or bool(_UNSEEN.search(given.get("style") or ""))
        if self.hidden or is_unseen or tag in _SKIPPED:
            # body ends a head that nobody closed
            if tag == "body" and self.hidden[:1] == ["head"]:
                self.hidden = []
            else:
                self.hidden.append(tag)
                return
        if tag == "table":
            self._open_table()
        elif self.rows is not None:
            self._inside_table(tag, given)
        elif re.fullmatch(r"h[1-6]", tag):
            self.flush()
            self.level = int(tag[1])
        elif tag in _BLOCKS:
            self.flush()

    def handle_endtag(self, tag: str) -> None:
        if self.hidden:
            if tag in self.hidden:
                while self.hidden.pop() != tag:
                    pass
            return
        if tag == "table" and self.rows is not None:
            self.depth -= 1
            if self.depth == 0:
                self._close_table()
        elif self.rows is not None:
            if tag in ("td", "th") and self.depth == 1:
                self._close_cell()
        elif tag in _BLOCKS or re.fullmatch(r"h[1-6]", tag):
            self.flush()

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.text.append(data)

    def flush(self) -> None:
        """What has been gathered is a paragraph or a heading."""
        if self.rows is not None:
            self._close_table()
        text, self.text = "".join(self.text), []
        if self.level:
            self.paper.heading(text, self.level)
        else:
            self.paper.paragraph(text)
        self.level = 0
        self._show_pictures()

    def _show_pictures(self) -> None:
        pictures, self.pictures = self.pictures, []
        for source in pictures:
            self.album.add(picture_of(source))

    def _open_table(self) -> None:
        if self.rows is None:
            self.flush()
            self.rows, self.num_header_rows = [], 0
        self.depth += 1

    def _inside_table(self, tag: str, given: dict[str, str | None]) -> None:
        if self.depth > 1 or self.rows is None:
            self.text.append(" ")
        elif tag == "tr":
            self._close_cell()
            self._fill_down()
            self.rows.append([])
        elif tag in ("td", "th"):
            self._close_cell()
            self.rows = self.rows or [[]]
            is_first = not self.rows[-1]
            self._fill_down()
            self.span = _span(given, "colspan"), _span(given, "rowspan")
            if tag == "th" and is_first and len(self.rows) == self.num_header_rows + 1:
                self.num_header_rows += 1
            elif tag == "td" and self.num_header_rows == len(self.rows):
                self.num_header_rows -= 1  # a row that begins with a th and goes on is named by it, not a header
        else:
            self.text.append(" ")

    def _close_cell(self) -> None:
        text, self.text = "".join(self.text), []
        if self.rows and (text.strip() or self.span):
            num_columns, num_rows = self.span or (1, 1)
            if num_rows > 1:
                self.below[len(self.rows[-1])] = (text, num_rows - 1, len(self.rows))
            self.rows[-1] += [text] + [""] * (num_columns - 1)
        self.span = None

    def _fill_down(self) -> None:
        """What a cell of an earlier row says of this place too."""
        while self.rows and (found := self.below.get(len(self.rows[-1]))) and found[2] < len(self.rows):
            text, num_left, _row = self.below.pop(len(self.rows[-1]))
            if num_left > 1:
                self.below[len(self.rows[-1])] = (text, num_left - 1, len(self.rows))
            self.rows[-1].append(text)

    def _close_table(self) -> None:
        self._close_cell()  # its end may be left away, and that of its row
        rows, self.rows, self.depth = self.rows or [], None, 0
        self.span, self.below = None, {}
        self.text = []
        self.paper.table(rows, self.num_header_rows or -1)
        self._show_pictures()


def _span(given: dict[str, str | None], name: str) -> int:
    value = given.get(name) or ""
    return min(max(int(value), 1), MAX_SPAN) if value.isdecimal() else 1
