"""How well and how fast are passages found? Real files through the real steps, a real model, a real database.

Recall on a folder of documents with questions: the share of an answer's characters that the five best passages hold
(spans), or whether they stand on its pages (pages). Then, with synthetic vectors and text in the real schema, recall
under rights and the time of a search. Without --corpus the folder is eval/retrieval-dev.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import _library, _manuals, _scale
from bench._figures import commit, figure, machine, say
from launch.config import ROOT

if TYPE_CHECKING:
    from rag.models import Document
    from rag.search import Passage

DEFAULT = ROOT.parent / "shared/eval/retrieval-dev"
NUM_PASSAGES = 5

Ranges = list[tuple[int, int]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="bin/bench retrieval", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20,000 synthetic chunks instead of 100,000")
    parser.add_argument("--million", action="store_true", help="also 1,000,000 synthetic chunks; half an hour and 8 GB")
    parser.add_argument("--corpus", type=Path, default=DEFAULT, help="a folder of documents with questions.jsonl")
    parser.add_argument("--questions", type=Path, help="another file of questions")
    parser.add_argument(
        "--manuals",
        action="store_true",
        help="manuals of fourteen Debian packages; half an hour",
    )
    parser.add_argument("--no-scale", action="store_true", help="recall only")
    arguments = parser.parse_args()
    say(f"{machine()}, commit {commit()}")
    corpus, asked_in = arguments.corpus, arguments.questions
    if arguments.manuals:
        corpus, asked_in = _manuals.folder(ROOT / ".hearth/cache/manuals"), asked_in or DEFAULT.parent / "pdf-dev.jsonl"
    with _library.pieces() as owner:
        if corpus.is_dir():
            documents = _library.index(owner, corpus)
            asked = _library.questions(asked_in or corpus / "questions.jsonl")
            measure_recall(owner, documents, asked)
            measure_query_embedding([question.text for question in asked])
        else:
            say(f"no folder {corpus}: recall is not measured")
        if not arguments.no_scale:
            _scale.measure(20_000 if arguments.quick else 100_000, "100k")
            if arguments.million:
                _scale.measure(1_000_000, "1m")


def measure_recall(owner: Any, documents: dict[str, Document], asked: Sequence[_library.Question]) -> None:
    from rag import search

    everything = list(documents.values())
    spans, pages, foreign = [], [], []
    starts = {document.pk: _page_starts(document) for document in everything}
    for question in asked:
        if not question.document:
            continue
        target = _library.named(documents, question.document)
        found = search.passages(question.text, employee=owner, documents=everything, limit=NUM_PASSAGES).passages
        if target is None:
            say(f"  no document {question.document}: a question is left out")
        elif question.spans:
            spans.append(span_recall(question.spans, covered(found, target, starts[target.pk])))
        else:
            recall = page_recall(question, found, documents)
            (pages if question.language == "en" else foreign).append(recall)
    for name, values in (
        ("span_recall_at_5", spans),
        ("page_recall_at_5", pages),
        ("page_recall_at_5_cross_lingual", foreign),
    ):
        if values:
            say(f"{name}: {len(values)} questions, {sum(value == 0 for value in values)} without anything")
            figure(f"retrieval.{name}", [statistics.fmean(values)], "share")


def _page_starts(document: Document) -> dict[int, int]:
    """Where each page of a plain text begins in its file."""
    from rag.models import Page

    starts, position = {}, 0
    for page in Page.objects.filter(version_id=document.live_version_id).order_by("page_no"):
        starts[page.page_no] = position
        position += len(page.text)
    return starts


def covered(passages: Iterable[Passage], document: Document, starts: dict[int, int]) -> Ranges:
    return [
        (starts[page_no] + start, starts[page_no] + end)
        for passage in passages
        if passage.document_id == document.pk
        for page_no, start, end in passage.spans
    ]


def span_recall(wanted: Ranges, held: Ranges) -> float:
    """Share of the wanted characters that are held."""
    num_wanted = sum(end - start for start, end in wanted)
    inside = {
        position
        for start, end in wanted
        for first, last in held
        for position in range(max(start, first), min(end, last))
    }
    return len(inside) / num_wanted if num_wanted else 0.0


def page_recall(question: _library.Question, found: Sequence[Passage], documents: dict[str, Document]) -> float:
    """1 when one of the pages is among those of the passages; the share of them where all are needed."""

    def pages_of(name: str) -> set[int]:
        document = _library.named(documents, name)
        mine = [passage for passage in found if document is not None and passage.document_id == document.pk]
        return {span[0] for passage in mine for span in passage.spans}

    hits = pages_of(question.document) & set(question.pages)
    if question.needs_all:
        return len(hits) / len(question.pages)
    return float(bool(hits) or any(pages_of(name) & set(pages) for name, pages in question.others))


def measure_query_embedding(texts: Sequence[str], num_runs: int = 100) -> None:
    """One question after the other, as a turn asks."""
    from rag import spaces

    space, milliseconds = spaces.active(), []
    if space is None:
        return
    for text in (texts * num_runs)[: num_runs + 5]:
        began = time.perf_counter()
        spaces.client().embed(space.model, [space.query_prefix + text], priority="interactive")
        milliseconds.append((time.perf_counter() - began) * 1000)
    figure("retrieval.query_embed_p95_ms", [_scale.p95(milliseconds[5:])], "ms")


if __name__ == "__main__":
    main()
