"""Long scans: what has been read can be found while the rest is still being recognised."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chat.turns import sources
from rag import citations, citing, indexing, ingest, lexical, ocr, scans, search, shards
from rag.models import Chunk, CorpusStatistic, Document, LexemeFrequency, Page, Space, Version
from tests.rag.workbench import expire_leases, joined, pdf, read, scanned_pdf, upload

WORDS = ["anchor", "bishop", "candle", "donkey", "engine", "feather", "garden", "hammer"]


class Killed(BaseException):
    """What SIGKILL looks like from inside."""


def sentence_of(page_no: int) -> str:
    return f"The {WORDS[page_no % len(WORDS)]} of chapter number {page_no} is kept in the cellar of the old house."


@pytest.fixture
def dies_after(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Pages are recognised at once, each says which it is; the worker dies after so many."""
    left = [1_000]

    def recognised(path: Path, page_nos: list[int], *rest: Any) -> Iterator[ocr.ReadPage]:
        for page_no in page_nos:
            if left[0] == 0:
                raise Killed
            left[0] -= 1
            text = f"{sentence_of(page_no)}\n"
            lines = [[0, len(text) - 1, 72.0, 700.0, 400.0, 712.0, 10.0]]
            yield ocr.ReadPage(page_no, 595.0, 842.0, 0, text, lines, 95)

    monkeypatch.setattr(ocr, "pages", recognised)
    monkeypatch.setattr(scans, "INDEX_SECONDS", 0.0)

    def set_to(num_pages: int) -> None:
        left[0] = num_pages

    return set_to


def begun(owner: Any, content: bytes) -> Document:
    """Everything is read but the scans."""
    document = upload(owner, content)
    ingest.probe(document.newest_version_id or 0)
    shards.extract()
    return Document.objects.get(pk=document.pk)


def killed_while_recognising() -> None:
    with pytest.raises(Killed):
        scans.recognise()


def found(employee: Any, words: str) -> list[int]:
    """The pages that a search finds."""
    return [passage.page_no for passage in search.passages(words, employee=employee).passages if words in passage.text]


def test_pages_are_found_while_others_are_still_recognised(
    alice: Any, bob: Any, space: Space, dies_after: Callable[[int], None]
) -> None:
    """By their words, cited with their rectangles, by those who may; and the state counts on."""
    document = begun(alice, joined(*[scanned_pdf()] * 30))
    dies_after(4)
    killed_while_recognising()
    state = Document.objects.get(pk=document.pk).state()
    assert (state.status, state.num_pages_read, state.num_pages) == ("extracting", 4, 30)
    assert state.is_searchable
    assert state.is_in_part
    assert found(alice, "candle") == [2]
    assert found(alice, "engine") == []
    assert found(bob, "candle") == []
    passage = search.passages("Where is the candle kept?", employee=alice).passages[0]
    stored = citing.store(uuid.uuid4(), {1: passage}, "The candle is kept in the cellar of the old house [1].")
    assert citations.resolve(alice, stored[1].pk).places[0].rects
    dies_after(1_000)
    expire_leases()
    assert read(document).state().status == "ready"
    assert citations.resolve(alice, stored[1].pk).places[0].page_no == 2, "citations outlive the chunks"


def test_text_pages_of_a_mixed_file_do_not_wait_for_its_scans(
    alice: Any, space: Space, dies_after: Callable[[int], None]
) -> None:
    """They are found before the first picture is read."""
    text = pdf([["Terms", "The supplier delivers every submarine within fourteen working days of the order."]])
    begun(alice, joined(*[scanned_pdf()] * 25, text))
    dies_after(0)
    killed_while_recognising()
    assert found(alice, "submarine") == [25]


def test_killed_at_every_page_nothing_is_lost_or_doubled(
    alice: Any, space: Space, dies_after: Callable[[int], None]
) -> None:
    """The chunks and word counts at the end are those of a file that was read in one go."""
    document = begun(alice, joined(*[scanned_pdf()] * 6))
    for _ in range(5):
        dies_after(1)
        killed_while_recognising()
        assert Chunk.objects.values("ordinal").distinct().count() == Chunk.objects.count()
        expire_leases()
        Version.objects.get().scans.update(attempt=0)
    dies_after(1_000)
    state = read(document).state()
    assert (state.status, state.num_scans_done, state.num_chunks) == ("ready", 6, Chunk.objects.count())
    assert [chunk.spans[0][0] for chunk in Chunk.objects.order_by("ordinal")][:1] == [0]
    kept = [dict(LexemeFrequency.objects.filter(num_chunks__gt=0).values_list("word", "num_chunks"))]
    kept.append(CorpusStatistic.objects.values("num_chunks", "sum_lexemes").get())
    lexical.count_all()
    assert kept[0] == dict(LexemeFrequency.objects.values_list("word", "num_chunks"))
    assert kept[1] == CorpusStatistic.objects.values("num_chunks", "sum_lexemes").get()


def test_stopped_in_the_middle_what_was_read_stays_and_a_retry_begins_anew(
    alice: Any, space: Space, dies_after: Callable[[int], None]
) -> None:
    """Stop keeps the pages that were read; reading again shows nothing old beside the new."""
    document = begun(alice, joined(*[scanned_pdf()] * 8))
    dies_after(3)
    killed_while_recognising()
    Document.objects.get(pk=document.pk).cancel()
    assert found(alice, "bishop") == [1]
    Document.objects.get(pk=document.pk).retry()
    expire_leases()
    ingest.probe(document.newest_version_id or 0)
    assert (Chunk.objects.count(), Page.objects.count()) == (0, 0)
    assert not Document.objects.get(pk=document.pk).state().is_searchable
    dies_after(1_000)
    assert read(document).state().status == "ready"
    assert found(alice, "hammer"), "in a chunk with its neighbours now"


def test_a_new_version_is_not_shown_in_part(alice: Any, space: Space, dies_after: Callable[[int], None]) -> None:
    """Until it is whole, questions find the earlier one."""
    document = read(upload(alice, pdf([["Rules", "The submarine is washed on every second Friday of the month."]])))
    version = Version.objects.create(
        document=document, number=2, file_name="b" * 32, sha256=b"2" * 32, media_type="application/pdf"
    )
    version.path.parent.mkdir(parents=True, exist_ok=True)
    version.path.write_bytes(joined(*[scanned_pdf()] * 3))
    Document.objects.filter(pk=document.pk).update(newest_version=version)
    ingest.probe(version.pk)
    shards.extract()
    dies_after(2)
    killed_while_recognising()
    assert found(alice, "submarine") == [0]
    assert not Chunk.objects.filter(version=version).exists()


def test_an_answer_waits_for_a_few_scans_and_not_for_hundreds(
    alice: Any, space: Space, dies_after: Callable[[int], None]
) -> None:
    """A thread waits for a file that is nearly read; of a long one it takes what there is, and says how much."""
    long = begun(alice, joined(*[scanned_pdf()] * 40))
    assert sources.first_unread([long]) == long.title
    dies_after(3)
    killed_while_recognising()
    assert sources.first_unread([Document.objects.get(pk=long.pk)]) is None
    long.cancel()
    short = begun(alice, joined(*[scanned_pdf()] * 5))
    dies_after(2)
    killed_while_recognising()
    assert sources.first_unread([Document.objects.get(pk=short.pk)]) == short.title


def test_the_last_page_and_a_late_one_of_another_worker(
    alice: Any, space: Space, dies_after: Callable[[int], None]
) -> None:
    """After the document's own chunks are there, nothing provisional is added."""
    from rag import provisional

    document = begun(alice, joined(*[scanned_pdf()] * 2))
    dies_after(1_000)
    scans.recognise()
    indexing.chunk(document.newest_version_id or 0)
    before = Chunk.objects.count()
    assert not provisional.index(document.newest_version_id or 0)
    assert Chunk.objects.count() == before
