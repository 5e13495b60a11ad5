"""Word: the body in its order, with headings by outline level and tables as rows.

A picture that may carry text is a page of its own.
Left out: what is deleted in tracked changes, hidden text, comments, headers and footers. A file has no pages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO
from xml.etree.ElementTree import Element
from zipfile import ZipFile

from rag.jail import Refused
from rag.readers.archive import attribute, children, local, opened, pictures_in, relations, xml
from rag.readers.paper import Paper
from rag.readers.pictures import Album

_HEADING_STYLE = re.compile(r"^(?:heading|überschrift)\s*([1-9])$", re.I)
MAX_SPAN = 100
_SKIPPED = {"del", "moveFrom", "Fallback", "txbxContent", "instrText", "delText", "pPr"}


def read(file: BinaryIO) -> Paper:
    archive = opened(file)
    root = xml(archive, "word/document.xml")
    body = next(children(root, "body"), None) if root is not None else None
    if body is None:
        raise Refused("broken")
    levels = _heading_levels(archive)
    paper = Paper()
    album, targets = Album(paper), relations(archive, "word/document.xml")
    for block in _blocks(body):
        _write(paper, block, levels)
        pictures_in(archive, block, targets, album)
    for name in ("word/footnotes.xml", "word/endnotes.xml"):
        notes = xml(archive, name)
        for note in notes if notes is not None else ():
            paper.paragraph(" ".join(_text(part) for part in note.iter() if local(part) == "p"))
    return paper


def _heading_levels(archive: ZipFile) -> dict[str, int]:
    """Style id -> level. Word keeps the English names of its own styles whatever language it speaks."""
    root = xml(archive, "word/styles.xml")
    found: dict[str, int] = {}
    for style in children(root, "style") if root is not None else ():
        name = attribute(next(children(style, "name"), None), "val")
        outline = next((item for item in style.iter() if local(item) == "outlineLvl"), None)
        if match := _HEADING_STYLE.match(name):
            found[attribute(style, "styleId")] = int(match[1])
        elif name.casefold() == "title":
            found[attribute(style, "styleId")] = 1
        elif outline is not None and attribute(outline, "val").isdigit() and int(attribute(outline, "val")) < 9:
            found[attribute(style, "styleId")] = int(attribute(outline, "val")) + 1
    return found


def _blocks(element: Element) -> Iterator[Element]:
    """Paragraphs and tables in order, through content controls and inserted text, each once."""
    for child in element:
        if local(child) in ("p", "tbl"):
            yield child
        elif local(child) not in _SKIPPED:
            yield from _blocks(child)


def _write(paper: Paper, block: Element, levels: dict[str, int]) -> None:
    if local(block) == "tbl":
        rows = _rows(block)
        num_header_rows = sum(any(local(item) == "tblHeader" for item in row.iter()) for row in _inside(block, "tr"))
        paper.table(rows, num_header_rows or -1)
        return
    properties = next(children(block, "pPr"), None)
    style = next(children(properties, "pStyle"), None) if properties is not None else None
    outline = next(children(properties, "outlineLvl"), None) if properties is not None else None
    level = levels.get(attribute(style, "val"))
    if outline is not None and attribute(outline, "val").isdigit():
        level = int(attribute(outline, "val")) + 1 if int(attribute(outline, "val")) < 9 else None
    if level is not None:
        paper.heading(_text(block), level)
    else:
        paper.paragraph(_text(block))
    for box in (item for item in block.iter() if local(item) == "txbxContent"):
        for inner in _blocks(box):
            _write(paper, inner, levels)


def _inside(element: Element, name: str) -> Iterator[Element]:
    """The rows of a table or the cells of a row, through content controls, without those of inner tables."""
    for child in element:
        if local(child) == name:
            yield child
        elif local(child) not in ("tbl", "p", *_SKIPPED):
            yield from _inside(child, name)


def _rows(table: Element) -> list[list[str]]:
    """A cell over several columns or rows stands in the first of the columns and in each of the rows."""
    rows: list[list[str]] = []
    for row in _inside(table, "tr"):
        cells = [""] * _number(_property(row, "trPr", "gridBefore"), 0)
        for cell in _inside(row, "tc"):
            merge = _property(cell, "tcPr", "vMerge")
            goes_on = merge is not None and attribute(merge, "val") != "restart"
            above = rows[-1][len(cells)] if goes_on and rows and len(cells) < len(rows[-1]) else ""
            cells += [above if goes_on else _cell(cell)]
            cells += [""] * (_number(_property(cell, "tcPr", "gridSpan"), 1) - 1)
        rows.append(cells)
    return rows


def _property(element: Element, group: str, name: str) -> Element | None:
    properties = next(children(element, group), None)
    return next(children(properties, name), None) if properties is not None else None


def _number(element: Element | None, default: int) -> int:
    value = attribute(element, "val")
    return min(int(value), MAX_SPAN) if value.isdecimal() else default


def _cell(cell: Element) -> str:
    return " ".join(_text(part) for part in cell.iter() if local(part) == "p")


def _text(element: Element) -> str:
    """What a reader sees of a paragraph."""
    parts: list[str] = []
    for child in element:
        name = local(child)
        if name == "t":
            parts.append(child.text or "")
        elif name in ("tab", "br", "cr"):
            parts.append(" ")
        elif name == "noBreakHyphen":
            parts.append("-")
        elif name not in _SKIPPED and not (name == "r" and _is_hidden(child)):
            parts.append(_text(child))
    return "".join(parts)


def _is_hidden(run: Element) -> bool:
    properties = next(children(run, "rPr"), None)
    vanish = next(children(properties, "vanish"), None) if properties is not None else None
    return vanish is not None and attribute(vanish, "val") not in ("0", "false", "off")
