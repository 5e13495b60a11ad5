"""What openpyxl does not say when it reads cell by cell: hidden rows and columns, and cells that are merged.

The part is scanned for its tags by pattern, without a tree: a sheet may be large.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from openpyxl.utils import range_boundaries

from rag.jail import Refused
from rag.readers.archive import MAX_PART_BYTES

MAX_MERGES, MAX_MERGED_ROWS = 20_000, 5_000
_HIDDEN_ROW = re.compile(rb'<(?:\w+:)?row\b(?=[^>]*\shidden="(?:1|true)")[^>]*\sr="(\d{1,7})"')
_HIDDEN_COLUMN = re.compile(rb'<(?:\w+:)?col\b(?=[^>]*\shidden="(?:1|true)")[^>]*>')
_BOUND = re.compile(rb'\s(min|max)="(\d{1,5})"')
_MERGE = re.compile(rb'<(?:\w+:)?mergeCell\b[^>]*\sref="([A-Z]{1,3}\d{1,7}:[A-Z]{1,3}\d{1,7})"')


@dataclass
class Marks:
    """merges: first row -> (first column, last row), both counted from 1, of cells that go on for several rows."""

    rows: set[int] = field(default_factory=set)
    columns: set[int] = field(default_factory=set)
    merges: dict[int, list[tuple[int, int]]] = field(default_factory=dict)

    def applied(self, rows: Iterable[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
        """Hidden rows left out, hidden columns empty, and a merged cell in each of its rows."""
        open_cells: dict[int, tuple[str, int]] = {}
        for number, cells in rows:
            for column, (text, last) in list(open_cells.items()):
                if number > last:
                    del open_cells[column]
                elif column <= len(cells) and any(cells):
                    cells[column - 1] = cells[column - 1] or text
            for column, last in self.merges.get(number, ()):
                if column <= len(cells):
                    open_cells[column] = (cells[column - 1], last)
            if number in self.rows:
                continue
            for column in self.columns:
                if column <= len(cells):
                    cells[column - 1] = ""
            yield number, cells


def marks_of(archive: zipfile.ZipFile, part: str) -> Marks:
    """part: the name of the sheet in the archive."""
    try:
        member = archive.getinfo(part)
    except KeyError:
        return Marks()
    if member.file_size > MAX_PART_BYTES:
        raise Refused("too_much_text")
    content = archive.read(member)
    found = Marks(rows={int(match[1]) for match in _HIDDEN_ROW.finditer(content)})
    for match in _HIDDEN_COLUMN.finditer(content):
        bounds = {name: int(value) for name, value in _BOUND.findall(match[0])}
        first, last = bounds.get(b"min", 1), bounds.get(b"max", 0)
        found.columns.update(range(first, min(last, first + 512) + 1))
    for count, match in enumerate(_MERGE.finditer(content)):
        column, first, _last_column, last = range_boundaries(match[1].decode())
        if count >= MAX_MERGES or None in (column, first, last):
            break
        if first < last:
            found.merges.setdefault(first, []).append((column, min(last, first + MAX_MERGED_ROWS)))
    return found
