"""PowerPoint: a page for each slide, with its title as heading, its text, its tables and the speaker's notes.

A picture that may carry text is a page after its slide, with the same number. A
hidden slide keeps its number and is empty. Left out: charts, diagrams and comments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import BinaryIO
from xml.etree.ElementTree import Element
from zipfile import ZipFile

from rag.jail import Refused
from rag.readers.archive import attribute, children, local, opened, pictures_in, relations, xml
from rag.readers.paper import Paper
from rag.readers.pictures import Album

PRESENTATION = "ppt/presentation.xml"


def read(file: BinaryIO) -> Paper:
    archive = opened(file)
    root = xml(archive, PRESENTATION)
    if root is None:
        raise Refused("broken")
    parts = relations(archive, PRESENTATION)
    paper = Paper(has_pages=True)
    album = Album(paper)
    for number, slide_id in enumerate((item for item in root.iter() if local(item) == "sldId"), start=1):
        relation = next((value for key, value in slide_id.attrib.items() if key.endswith("}id")), "")
        _kind, name = parts.get(relation, ("", ""))
        slide = xml(archive, name) if name else None
        paper.page(str(number))
        if slide is not None and slide.get("show") not in ("0", "false"):
            targets = relations(archive, name)
            _write_slide(paper, archive, targets, slide)
            pictures_in(archive, slide, targets, album, str(number))
    return paper


def _write_slide(paper: Paper, archive: ZipFile, targets: Mapping[str, tuple[str, str]], slide: Element) -> None:
    shapes = list(_shapes(slide))
    titles = [shape for shape in shapes if _placeholder(shape) in ("title", "ctrTitle")]
    for shape in titles:
        paper.heading(" ".join(_paragraphs(shape)), 1)
    for shape in shapes:
        table = next((item for item in shape.iter() if local(item) == "tbl"), None)
        if table is not None:
            rows = _rows(table)
            header = attribute(next(children(table, "tblPr"), None), "firstRow") in ("1", "true")
            paper.table(rows, 1 if header else -1)
        elif shape not in titles and _placeholder(shape) not in ("sldNum", "ftr", "dt"):
            for text in _paragraphs(shape):
                paper.paragraph(text)
    for kind, target in targets.values():
        notes = xml(archive, target) if kind == "notesSlide" else None
        for shape in _shapes(notes) if notes is not None else ():
            if _placeholder(shape) == "body":
                for text in _paragraphs(shape):
                    paper.paragraph(text)


def _rows(table: Element) -> list[list[str]]:
    """A cell over several rows stands in each of them."""
    rows: list[list[str]] = []
    for row in children(table, "tr"):
        cells = []
        for n, cell in enumerate(children(row, "tc")):
            goes_on = cell.get("vMerge") in ("1", "true") and rows and n < len(rows[-1])
            cells.append(rows[-1][n] if goes_on else " ".join(_paragraphs(cell)))
        rows.append(cells)
    return rows


def _shapes(element: Element) -> Iterator[Element]:
    """Shapes and frames in the order of the file, groups opened."""
    for child in element:
        if local(child) in ("sp", "graphicFrame"):
            yield child
        elif local(child) != "Fallback":
            yield from _shapes(child)


def _placeholder(shape: Element) -> str:
    found = next((item for item in shape.iter() if local(item) == "ph"), None)
    return (attribute(found, "type") or "body") if found is not None else ""


def _paragraphs(shape: Element) -> Iterator[str]:
    for paragraph in (item for item in shape.iter() if local(item) == "p"):
        parts = [
            (item.text or "") if local(item) == "t" else " " for item in paragraph.iter() if local(item) in ("t", "br")
        ]
        text = "".join(parts).strip()
        if text:
            yield text
