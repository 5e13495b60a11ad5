"""OpenDocument text: paragraphs, headings by outline level, tables as rows. Deleted text and comments are left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO
from xml.etree.ElementTree import Element
from zipfile import ZipFile

from rag.jail import Refused
from rag.readers.archive import add_picture, attribute, children, local, opened, xml
from rag.readers.paper import Paper
from rag.readers.pictures import Album

MAX_REPEATED = 50
_SKIPPED = {"tracked-changes", "annotation", "annotation-end", "sequence-decls", "forms", "table-of-content"}


def read(file: BinaryIO) -> Paper:
    archive = opened(file)
    manifest = xml(archive, "META-INF/manifest.xml")
    if manifest is not None and any(local(item) == "encryption-data" for item in manifest.iter()):
        raise Refused("needs_password")
    root = xml(archive, "content.xml")
    body = next(children(root, "body"), None) if root is not None else None
    if body is None:
        raise Refused("broken")
    paper = Paper()
    album = Album(paper)
    for block in _blocks(body):
        if local(block) == "h":
            level = attribute(block, "outline-level")
            paper.heading(_text(block), int(level) if level.isdigit() else 1)
        elif local(block) == "table":
            headers = next(children(block, "table-header-rows"), None)
            num_header_rows = len(list(_rows(headers))) if headers is not None else -1
            paper.table([_cells(row) for row in _rows(block)], num_header_rows)
        else:
            paper.paragraph(_text(block))
        _add_pictures(archive, block, album)
    _add_pictures(archive, body, album)  # those that stand at no paragraph
    return paper


def _add_pictures(archive: ZipFile, element: Element, album: Album) -> None:
    for image in (item for item in element.iter() if local(item) == "image"):
        name = attribute(image, "href").removeprefix("./")
        if name and ":" not in name:  # what lies elsewhere is never fetched
            add_picture(archive, name, album)


def _blocks(element: Element) -> Iterator[Element]:
    """Paragraphs, headings and tables, through lists, sections and frames."""
    for child in element:
        if local(child) in ("p", "h", "table"):
            yield child
        elif local(child) not in _SKIPPED:
            yield from _blocks(child)


def _rows(table: Element) -> Iterator[Element]:
    for child in table:
        if local(child) == "table-row":
            yield child
        elif local(child) in ("table-rows", "table-header-rows", "table-row-group"):
            yield from _rows(child)


def _cells(row: Element) -> list[str]:
    cells: list[str] = []
    for cell in children(row, "table-cell", "covered-table-cell"):
        repeated = attribute(cell, "number-columns-repeated")
        times = min(int(repeated), MAX_REPEATED) if repeated.isdigit() else 1
        cells += [" ".join(_text(part) for part in cell.iter() if local(part) in ("p", "h"))] * times
    return cells


def _text(element: Element) -> str:
    parts = [element.text or ""]
    for child in element:
        name = local(child)
        if name in ("s", "tab", "line-break"):
            parts.append(" ")
        elif name == "note":
            parts.append(f" ({' '.join(_text(part) for part in child.iter() if local(part) == 'p')}) ")
        elif name not in _SKIPPED:
            parts.append(_text(child))
        parts.append(child.tail or "")
    return "".join(parts)
