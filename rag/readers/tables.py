"""Spreadsheets: a page for each run of rows, labelled with sheet and cells, every row named by its header.

Formulas show the value that was saved with them. Left out: charts, comments, macros, and hidden sheets, rows and
columns, also those that a filter hides.
"""

from __future__ import annotations

import csv
import datetime
import io
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO
from xml.etree import ElementTree

import openpyxl
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException

from rag.jail import MAX_LABEL_CHARS, Refused
from rag.readers.archive import DAMAGED, opened
from rag.readers.paper import Paper, has_header
from rag.readers.plain import decoded
from rag.readers.sheet_marks import marks_of

ROWS_OF_A_PAGE = 25
# Letters for more there are none; the text of such a row is whole all the same.
MAX_LETTERED_COLUMN = 18_278
MAX_HEADER_ROW = 10
SAMPLE_CHARS = 8_000
DELIMITERS = ",;\t|"

NumberedRow = tuple[int, list[str]]


def read_xlsx(file: BinaryIO) -> Paper:
    archive = opened(file)
    paper = Paper(has_pages=True)
    try:
        book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
        for sheet in book.worksheets:
            if sheet.sheet_state == "visible":
                sheet.reset_dimensions()
                rows = enumerate(sheet.iter_rows(values_only=True), start=1)
                marks = marks_of(archive, sheet._worksheet_path)
                # One cell a million rows down is common, and what lies between is quickly passed.
                filled = ((n, _shown(row)) for n, row in rows if row.count(None) < len(row))
                _write_sheet(paper, sheet.title, marks.applied(filled))
    except (
        InvalidFileException, ElementTree.ParseError, KeyError, TypeError, AttributeError, IndexError, *DAMAGED,
    ) as error:  # fmt: skip  # openpyxl says all of these of damaged files
        raise Refused("broken") from error
    return paper


def read_csv(file: BinaryIO) -> Paper:
    text = decoded(file.read())
    paper = Paper(has_pages=True)
    try:
        rows = csv.reader(io.StringIO(text), delimiter=_delimiter(text[:SAMPLE_CHARS]))
        _write_sheet(paper, "", enumerate(rows, start=1))
    except csv.Error as error:
        raise Refused("broken") from error
    return paper


def _delimiter(sample: str) -> str:
    """The one that gives most rows the same number of cells, and more than one. The library's own guess also guesses
    quotes, and wrongly where a quoted cell begins a line.
    """

    def regularity(delimiter: str) -> tuple[int, int]:
        widths = Counter(len(row) for row in csv.reader(io.StringIO(sample), delimiter=delimiter) if len(row) > 1)
        width, num_rows = max(widths.items(), key=lambda item: (item[1], item[0]), default=(0, 0))
        return num_rows, width

    return max(DELIMITERS, key=regularity)


def _write_sheet(paper: Paper, title: str, rows: Iterable[NumberedRow]) -> None:
    filled = ((number, row) for number, row in rows if any(row))
    first = list(itertools.islice(filled, MAX_HEADER_ROW))
    at, header = _header(first)
    everything = itertools.chain(first, filled)
    is_first_page = True
    while run := list(itertools.islice(everything, ROWS_OF_A_PAGE)):
        width = max(len(_trimmed(row)) for _number, row in run)
        cells = f"A{run[0][0]}:{get_column_letter(min(max(width, 1), MAX_LETTERED_COLUMN))}{run[-1][0]}"
        name = title[: MAX_LABEL_CHARS - len(cells) - 1]
        paper.page(f"{name}!{cells}" if name else cells)
        if title and is_first_page:
            paper.heading(title, 1)
        is_first_page = False
        for number, row in run:
            paper.row(row, header if number > at else ())


def _header(rows: Sequence[NumberedRow]) -> tuple[int, list[str]]:
    """The number of the header's row and its cells; what stands above it is a title."""
    for index, (number, _row) in enumerate(rows):
        below = [_trimmed(other) for _number, other in rows[index:]]
        if has_header(below) and all(len(other) <= len(below[0]) for other in below):
            return number, below[0]
    return 0, []


def _trimmed(row: Sequence[str]) -> list[str]:
    cells = list(row)
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _shown(row: Iterable[object]) -> list[str]:
    return list(_values(row))


def _values(row: Iterable[object]) -> Iterator[str]:
    for value in row:
        if value is None:
            yield ""
        elif isinstance(value, bool):
            yield str(value).lower()
        elif isinstance(value, float):
            yield f"{value:.10g}"
        elif isinstance(value, datetime.datetime) and value.time() == datetime.time():
            yield value.date().isoformat()
        else:
            yield " ".join(str(value).split())
