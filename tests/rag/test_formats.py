"""Everything that is not PDF: told by content, read in a child, anchored where a person can look it up."""

from __future__ import annotations

import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from launch.config import ROOT
from rag import citations, citing, extract, formats, search, uploads
from rag.errors import ChildKilled, UnreadableFile, UnsupportedFile
from rag.models import Document, Space
from tests.rag import office
from tests.rag.workbench import pdf, read, upload

SWEDEN = "Country: Sweden | Limit: 190 EUR"
FILES = {
    "docx": office.docx(), "pptx": office.pptx(), "xlsx": office.xlsx(), "odt": office.odt(), "html": office.HTML,
    "md": office.MARKDOWN, "txt": office.TEXT, "csv": office.CSV, "eml": office.EML,
}  # fmt: skip


def saved(folder: Path, content: bytes, name: str = "file") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def texts(folder: Path, kind: str, content: bytes | None = None) -> list[extract.PageText]:
    path = saved(folder, FILES[kind] if content is None else content)
    return extract.pages(path, 0, extract.probe(path, kind).num_pages, file_format=kind)


@pytest.mark.parametrize("kind", FILES)
def test_the_content_decides_what_a_file_is(tmp_path: Path, kind: str) -> None:
    """A right name and, where content can say it, a wrong one."""
    found = formats.by_content(saved(tmp_path, FILES[kind]), f"Report.{kind}")
    assert found is not None
    assert found.name == kind
    if kind not in ("md", "csv", "txt"):
        assert formats.by_content(saved(tmp_path, FILES[kind]), "noname") == found


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"\x7fELF\x02\x01\x01" + bytes(50), "a.txt"),
        (b"MZ some words", "a.pdf"),
        (b"{\\rtf1 words}", "a.rtf"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "a.md"),
        (office.archive({"a.txt": "x"}), "a.docx"),
        (office.archive({"[Content_Types].xml": "<Types/>", "other.xml": "<a/>"}), "a.docx"),
        (b"PK\x03\x04 no archive", "a.docx"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "a.doc"),
    ],
)
def test_what_is_not_read_is_refused_whatever_its_name_says(alice: Any, content: bytes, name: str) -> None:
    """One clear sentence, and the upload is gone."""
    begun = uploads.begin(alice, name, len(content))
    with pytest.raises(UnsupportedFile) as refused:
        uploads.append(begun, 0, content)
    assert refused.value.code == ("old_office" if name.endswith(".doc") else "not_supported")
    assert "Word" in refused.value.sentence or "old format" in refused.value.sentence
    assert not begun.path.exists()
    assert not Document.objects.exists()


@pytest.mark.parametrize("kind", ["docx", "odt", "html"])
def test_headings_sentences_and_rows_of_texts(tmp_path: Path, kind: str) -> None:
    """In order, rows with their header, and nothing that a reader would not see."""
    (page,) = texts(tmp_path, kind)
    lines = [line for line in page.text.split("\n") if line]
    assert lines[0] == "Hotels"
    assert lines[1].startswith(office.LIMIT)
    assert SWEDEN in lines
    for hidden in ("Hidden", "Old words", "alert", "elsewhere"):
        assert hidden not in page.text
    probe = extract.probe(saved(tmp_path, FILES[kind]), kind)
    assert probe.outline == [[0, "Hotels", 0, None, 0]]
    assert kind != "docx" or "New words." in lines


def test_slides_are_pages_in_the_order_of_the_show(tmp_path: Path) -> None:
    """Title, text, no slide number."""
    pages = texts(tmp_path, "pptx")
    assert [(page.label, page.text) for page in pages] == [
        ("1", f"Hotels\n\n{office.LIMIT}"),
        ("2", "Trains\n\nFirst class is for long rides."),
    ]


def test_rows_of_a_sheet_are_named_and_their_cells_are_the_page(tmp_path: Path) -> None:
    """25 rows a page with sheet and cells as label; a row far from its header still says what it says."""
    pages = texts(tmp_path, "xlsx")
    assert [page.label for page in pages] == ["Rates!A1:C25", "Rates!A26:C32"]
    assert pages[0].text.startswith("Rates\n\nTravel rates\n")
    assert pages[1].text.split("\n")[0] == "Country: Country X23 | Limit: 123 | Since: 2026"
    (page,) = texts(tmp_path, "csv")
    assert page.label == "A1:B3"
    assert page.text.split("\n")[1:] == ["Land: Schweden | Grenze: 190 EUR", "Land: Polen; Gdańsk | Grenze: 120 EUR"]


@pytest.mark.parametrize("kind", ["md", "txt"])
def test_plain_text_stays_character_for_character(tmp_path: Path, kind: str) -> None:
    """So that an offset into the file is an offset into its pages, however many there are."""
    content = FILES[kind] * 300
    pages = texts(tmp_path, kind, content)
    assert len(pages) > 3
    assert "".join(page.text for page in pages) == content.decode()
    outline = extract.probe(saved(tmp_path, FILES[kind]), kind).outline
    titles = ["Hotels", "Trains"] if kind == "md" else []
    assert [(item[1], texts(tmp_path, kind)[0].text[item[4] :][:8].strip("# ")[:6]) for item in outline] == [
        (title, title) for title in titles
    ]


def test_a_mail_says_who_wrote_when_and_what(tmp_path: Path) -> None:
    """The HTML body as text, and what hangs on it by name."""
    (page,) = texts(tmp_path, "eml")
    lines = [line for line in page.text.split("\n") if line]
    assert lines[:2] == ["Hötels", "From: Alice <alice@example.com>"]
    assert lines[-2:] == [office.LIMIT, "Attachment: a.zip (not read)"]


BOMB = office.DOCX_PARTS | {"word/document.xml": b"<a>" + b" " * 30_000_000 + b"</a>"}
LAUGHS = office.DOCX_PARTS | {
    "word/document.xml": '<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c SYSTEM "file:///etc/passwd">]><a>&b;&c;</a>'
}


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        (BOMB, "unpacks_too_large"),
        (LAUGHS, "broken"),
        (office.DOCX_PARTS | {"word/document.xml": LAUGHS["word/document.xml"].encode("utf-16")}, "broken"),
        (office.DOCX_PARTS | {"../../etc/cron.d/x": "x"}, "broken"),
        (office.DOCX_PARTS | {"word/document.xml": "<a><b></a>"}, "broken"),
        (office.DOCX_PARTS | {f"x{n}": "" for n in range(10_001)}, "unpacks_too_large"),
        (office.DOCX_PARTS | {"word/document.xml": "<a>" * 100_000}, "broken"),
    ],
)
def test_tricks_in_office_files_are_refused(tmp_path: Path, parts: dict[str, str], code: str) -> None:
    """Bombs, entities, names that climb, too many members, endless nesting."""
    with pytest.raises((UnreadableFile, ChildKilled)) as refused:
        extract.probe(saved(tmp_path, office.archive(parts)), "docx")
    assert refused.value.code == code


@pytest.mark.thorough
def test_damaged_files_of_every_kind_end_in_a_sentence_or_in_pages(tmp_path: Path) -> None:
    """Cut in the middle, and with a byte changed: never a crash of the reader."""
    for kind, content in FILES.items():
        for damaged in (content[: len(content) // 2], content[:40] + b"\xff" + content[41:]):
            try:
                texts(tmp_path, kind, damaged)
            except UnreadableFile as error:
                assert error.code in ("broken", "too_much_text"), kind  # noqa: PT017


def test_a_row_of_a_sheet_is_found_and_cited(alice: Any, space: Space) -> None:
    """Question, passage with sheet and cells, and a mark that leads to the one row."""
    read(upload(alice, office.xlsx(), "Rates.xlsx"))
    found = search.passages("limit for Country D3", employee=alice).passages[0]
    assert (found.document_title, found.place, found.page_label) == ("Rates", "cells", "Rates!A1:C25")
    assert found.heading == "Rates"
    message_id = uuid.uuid4()
    stored = citing.store(message_id, {1: found}, "The limit for Country D3 is 103 since 2026 [1].")
    place = citations.resolve(alice, stored[1].pk).places[0]
    assert place.quote == "Country: Country D3 | Limit: 103 | Since: 2026"
    assert (place.strength, place.rects, place.summary()["chars"]) == ("strong", [], [place.char_start, place.char_end])


def test_a_text_without_words_says_so(alice: Any, space: Space) -> None:
    """Empty pages are an answer of the reader, and a failure with a sentence for the person."""
    assert read(upload(alice, b" \n\n ", "a.txt")).state().error_code == "no_text"


@pytest.mark.parametrize(
    ("content", "name", "text"),
    [
        ("Land,Limit\nÖsterreich,1\n".encode("utf-8-sig"), "a.csv", "Land | Limit\nLand: Österreich | Limit: 1"),
        ("<html><body><p>Größe</p></body></html>".encode("utf-16"), "a.html", "Größe"),
        ("Größe".encode("utf-32"), "a.txt", "Größe"),
        ("Größe".encode("latin-1"), "a.txt", "Größe"),
        (b"<html><body><table><tr><td>a<td>b<tr><td>c<td>d</table><p>e", "a.html", "a | b\nc | d\n\ne"),
        (b"<html><body><table><tr><td>the end is missing", "a.html", "the end is missing"),
    ],
)
def test_marks_of_encodings_and_ends_left_away(tmp_path: Path, content: bytes, name: str, text: str) -> None:
    """No mark of an encoding gets into a header, and HTML may leave the ends of cells away."""
    path = saved(tmp_path, content)
    found = formats.by_content(path, name)
    assert found is not None
    assert [page.text for page in extract.pages(path, 0, 9, file_format=found.name)] == [text]


def test_pdfs_are_told_by_content_too(tmp_path: Path) -> None:
    """Junk before the header is allowed, as Acrobat allows it."""
    assert formats.by_content(saved(tmp_path, b"junk\n" + pdf([["A", "b"]])), "x") == formats.PDF


def test_the_web_process_reads_no_strangers_files() -> None:
    """None of the readers' libraries is in it."""
    script = (
        "import sys, django; django.setup(); import chat.urls, rag.tasks;"
        "assert not {'openpyxl', 'pypdfium2', 'rag.readers'} & set(sys.modules), 'imported'"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)
