"""Scans: text out of pictures of pages, offline, with boxes, page by page."""

from __future__ import annotations

import functools
import hashlib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rag import citations, citing, extract, ingest, maintenance, ocr, scans, search, shards
from rag.errors import ChildKilled
from rag.models import Chunk, Document, Page, Scan, Space, Version
from tests.rag.workbench import HANDBOOK, HOTEL, accuracy, expire_leases, joined, pdf, read, scan_of, upload

GERMAN = [
    "Reisekosten",
    "Übernachtungen über 180 Euro müssen vor der Buchung genehmigt werden, auch für Gäste.",
    "Die Größe der Räume und das Gewicht der Schlüssel stehen im Verzeichnis der Straßenmeisterei.",
    "Für Mängel haftet der Lieferant zwölf Monate; später eingehende Rügen gelten als verspätet.",
]


_found: dict[tuple[str, int], ocr.ReadPage] = {}


@pytest.fixture(autouse=True)
def each_picture_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page costs the real reader seconds, and most tests here are about what happens around it."""
    real = ocr.pages

    def pages(path: Path, page_nos: list[int], *rest: Any) -> Iterator[Any]:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        for page_no in page_nos:
            if (digest, page_no) not in _found:
                (_found[digest, page_no],) = real(path, [page_no], *rest)
            yield _found[digest, page_no]

    monkeypatch.setattr(ocr, "pages", pages)
    # On a busy machine one page may take as long as a turn of reading, and then a turn has no second page.
    monkeypatch.setattr(scans, "RUN_SECONDS", 600.0)


@functools.cache
def scanned_handbook() -> bytes:
    return scan_of(pdf(HANDBOOK))


def saved(folder: Path, content: bytes) -> Path:
    path = folder / "file"
    path.write_bytes(content)
    return path


@pytest.mark.thorough
@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_a_scan_is_read_however_it_lies(tmp_path: Path, turned: int) -> None:
    """English and German words with their umlauts, boxes of the page as it is read, and how it was turned."""
    path = saved(tmp_path, scan_of(pdf([GERMAN]), turned=turned))
    assert extract.pages(path, 0, 1)[0].is_scan
    (page,) = ocr.pages(path, [0])
    assert accuracy(page.text, " ".join([*GERMAN, "1"])) > 0.98
    assert "Größe der Räume" in page.text
    assert page.rotation == turned
    assert page.confidence > 85
    assert abs(page.width - 595) < 2
    assert abs(page.height - 842) < 2
    start, length, x0, y0, x1, y1, size = page.lines[0]
    assert page.text[int(start) : int(start + length)] == "Reisekosten"
    assert abs(x0 - 72) < 3
    assert y0 - 4 < 770 < y1
    assert x1 - x0 > 60
    assert size > page.lines[1][6]


def test_a_scanned_handbook_is_found_cited_and_marked(alice: Any, space: Space) -> None:
    """From the upload to the rectangle on the page, and the state says what was read how."""
    document = read(upload(alice, scanned_handbook()))
    state = document.state()
    assert (state.status, state.num_scans, state.num_scans_done, state.num_scans_poor) == ("ready", 3, 3, 0)
    page = document.page(0)
    assert (page.source, page.rotation) == (Page.Source.OCR, 0)
    assert (page.confidence or 0) > 85
    found = search.passages("approval of hotel rates", employee=alice).passages[0]
    assert found.document_title == "Handbook"
    stored = citing.store(uuid.uuid4(), {1: found}, "Hotel rates above 180 EUR need the approval first [1].")
    place = citations.resolve(alice, stored[1].pk).places[0]
    assert place.is_scanned
    assert accuracy(place.quote, HOTEL) > 0.9
    assert place.rects


def test_only_the_pages_that_need_it_are_read_from_their_pictures(alice: Any, space: Space) -> None:
    """A mixed file keeps the text that it has."""
    document = read(upload(alice, joined(pdf(HANDBOOK[:1]), scan_of(pdf(HANDBOOK[1:2])), pdf(HANDBOOK[2:]))))
    assert [page.source for page in Page.objects.order_by("page_no")] == ["text", "ocr", "text"]
    assert document.state().num_scans == 1
    assert "service desk" in document.page(1).text


def test_text_that_a_font_garbles_is_read_from_the_picture(tmp_path: Path) -> None:
    """Glyphs that say A and mean B: words without vowels are no words."""
    good = (
        "The supplier delivers within fourteen days and every later delivery is free of charge for the customer. " * 4
    )
    garbled = good.translate(str.maketrans("aeiouthsr", "xzqkwvbnm"))
    pages = extract.pages(saved(tmp_path, pdf([["Terms", good], ["Terms", garbled]])), 0, 2)
    assert [page.is_scan for page in pages] == [False, True]


def test_a_worker_killed_in_the_middle_loses_one_page(
    alice: Any, space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read stays, the rest is read by the next one, nothing is doubled."""

    class Killed(BaseException):
        pass

    document = upload(alice, scanned_handbook())
    ingest.probe(document.newest_version_id or 0)
    shards.extract()
    real, stored = scans._store, []

    def die_at_the_second(row: Scan, found: Any) -> None:
        stored.append(row.page_no)
        if len(stored) == 2:
            raise Killed
        real(row, found)

    monkeypatch.setattr(scans, "_store", die_at_the_second)
    with pytest.raises(Killed):
        scans.recognise()
    assert Version.objects.get().num_scans_done == 1
    scans.recognise()
    assert stored == [0, 1], "the lease must hold while it runs"
    expire_leases()
    state = read(document).state()
    assert (state.status, state.num_scans_done, stored) == ("ready", 3, [0, 1, 1, 2])
    assert Page.objects.count() == 3
    assert Chunk.objects.count() == state.num_chunks


def test_a_page_that_kills_its_reader_takes_no_other_along(
    alice: Any, space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tried twice, left as it is; the document has the other pages and says that one was hard to read."""
    real = ocr.pages

    def deadly(path: Path, page_nos: list[int], *rest: Any) -> Any:
        for page_no in page_nos:
            if page_no == 1:
                raise ChildKilled("SIGABRT")
            yield from real(path, [page_no], *rest)

    monkeypatch.setattr(ocr, "pages", deadly)
    state = read(upload(alice, scanned_handbook())).state()
    assert (state.status, state.num_scans_done, state.num_scans_poor) == ("ready", 3, 1)
    assert [bool(page.text.strip()) for page in Page.objects.order_by("page_no")] == [True, False, True]


def test_a_lost_bell_for_scans_is_rung_again(
    alice: Any, space: Space, no_broker: list[tuple[str, tuple[object, ...]]]
) -> None:
    """And nothing is split before the last page is read, but right after it."""
    document = upload(alice, scanned_handbook())
    ingest.probe(document.newest_version_id or 0)
    shards.extract()
    no_broker.clear()
    maintenance.sweep()
    assert [task for task, _arguments in no_broker] == ["recognise"]
    scans.recognise()
    no_broker.clear()
    maintenance.sweep()
    assert [task for task, _arguments in no_broker] == ["embed"], "reading goes on until words can be searched"


def test_cancelling_ends_the_reading_of_scans(alice: Any, space: Space) -> None:
    """No page is read after it."""
    document = upload(alice, scanned_handbook())
    ingest.probe(document.newest_version_id or 0)
    shards.extract()
    Document.objects.get(pk=document.pk).cancel()
    assert read(document).state().num_scans_done == 0
