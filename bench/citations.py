"""Does [n] lead to the right page and sentence, how often are right answers doubted, and how soon is the page there?

Manuals with questions in the form of eval/pdf-dev.jsonl: the answer of each question is made from its quote with every
fifth word dropped, as a model that reads off would write it. Besides, sentences drawn by lot from the same manuals.
Searching is by words only, so that no vector is needed; where the passage with the quote is not found it is given all
the same, and how often is said. Then a click on a mark in a real Chromium, on page 250 of 300.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import _clicks, _library
from bench._figures import commit, figure, machine, say
from launch.config import ROOT

if TYPE_CHECKING:
    from rag.models import Chunk, Document
    from rag.search import Passage

QUESTIONS = ROOT.parent / "shared/eval/pdf-dev.jsonl"
NUM_PASSAGES = 5
DROPPED = 5  # every fifth word
MIN_WORDS, MAX_WORDS = 8, 45


def main() -> None:
    parser = argparse.ArgumentParser(prog="bin/bench citations", description=__doc__)
    parser.add_argument("--manuals", type=Path, help="the folder of the manuals; without it only clicks are measured")
    parser.add_argument("--questions", type=Path, default=QUESTIONS)
    parser.add_argument("--sentences", type=int, default=600, help="how many are drawn by lot")
    parser.add_argument("--no-clicks", action="store_true")
    parser.add_argument("--runs", type=int, default=15, help="clicks")
    arguments = parser.parse_args()
    say(f"{machine()}, commit {commit()}")
    if arguments.manuals:
        rows = [json.loads(line) for line in arguments.questions.read_text().splitlines() if line.strip()]
        rows = [row for row in rows if row.get("quotes")]
        with _library.pieces() as owner:
            documents = _indexed(owner, arguments.manuals, {row["document"] for row in rows})
            measure_questions(owner, documents, [row for row in rows if row["document"] in documents])
            measure_other_language(owner, documents, [row for row in rows if row["document"] in documents])
            measure_sentences(owner, list(documents.values()), arguments.sentences)
    if not arguments.no_clicks:
        _clicks.measure(arguments.runs)


def _indexed(owner: Any, folder: Path, names: set[str]) -> dict[str, Document]:
    found = {}
    for name in sorted(names):
        if (folder / name).exists():
            found[name] = _library.upload(owner, folder / name)
            _library.make_searchable(found[name])
        else:
            say(f"  no {name}: its questions are left out")
    return found


def measure_questions(owner: Any, documents: dict[str, Document], rows: Sequence[dict[str, Any]]) -> None:
    """Page and sentence of quotes that people chose, and doubts about answers that people wrote."""
    pages, sentences, doubts, doubted, not_found = [], [], [], [], 0
    for row in rows:
        document = documents[row["document"]]
        for quote, page_no in zip(row["quotes"], _pages_of(row), strict=True):
            passage = passage_with(document, page_no, quote)
            if passage is None:
                say(f"  {row['id']}: no chunk holds the quote")
                continue
            given, was_found = _given(owner, document, row["question"], passage)
            not_found += not was_found
            is_page, is_sentence, missing = cited(owner, given, passage, with_words_dropped(quote), quote, page_no)
            pages.append(is_page)
            sentences.append(is_sentence)
            doubts.append(bool(missing))
            if not (is_page and is_sentence) or missing:
                say(f"  {row['id']}: page {is_page}, sentence {is_sentence}, not in the source: {missing}")
        doubted.append(bool(_doubts_about_answer(row, document)))
    say(f"{len(pages)} quotes, of which {not_found} were not among the {NUM_PASSAGES} best by words")
    figure("citations.page_right", [statistics.fmean(pages)], "share")
    figure("citations.sentence_right", [statistics.fmean(sentences)], "share")
    figure("citations.quote_doubted", [statistics.fmean(doubts)], "share")
    figure("citations.right_answer_doubted", [statistics.fmean(doubted)], "share")


def measure_other_language(owner: Any, documents: dict[str, Document], rows: Sequence[dict[str, Any]]) -> None:
    """German answers that people wrote, on English manuals: the right sentence, a wrong one, or honestly weak."""
    right, wrong = [], []
    for row in rows:
        page_no, quote = _pages_of(row)[0], row["quotes"][0]
        passage = passage_with(documents[row["document"]], page_no, quote)
        if passage is None or row["lang"] != "de":
            continue
        is_page, is_sentence, _missing = cited(owner, [passage], passage, row["answer"].rstrip(". "), quote, page_no)
        is_weak = not is_sentence and _was_weak(owner)
        right.append(is_page and is_sentence)
        wrong.append(not is_sentence and not is_weak)
        say(f"  {row['id']}: right {right[-1]}, weak {is_weak}: {row['answer'][:90]}")
    if right:
        figure("citations.german_sentence_right", [statistics.fmean(right)], "share")
        figure("citations.german_sentence_wrong", [statistics.fmean(wrong)], "share")


def _was_weak(owner: Any) -> bool:
    """What was stored last."""
    from rag.models import Citation

    return Citation.objects.for_employee(owner).latest("created_at").strength == "weak"


def measure_sentences(owner: Any, documents: Sequence[Document], count: int) -> None:
    """The same of sentences by lot, and whether a number that was changed is noticed."""
    dice = random.Random(7)
    drawn = list(_sentences(documents))
    dice.shuffle(drawn)
    pages, sentences, doubts, noticed = [], [], [], []
    for document, page_no, sentence in drawn[:count]:
        passage = passage_with(document, page_no, sentence)
        if passage is None:
            continue
        said = with_words_dropped(sentence)
        is_page, is_sentence, missing = cited(owner, [passage], passage, said, sentence, page_no)
        pages.append(is_page)
        sentences.append(is_sentence)
        doubts.append(bool(missing))
        if not is_page or missing:
            say(f"  page {page_no} of {document.title}: page {is_page}, not in the source: {missing}: {said[:150]}")
        changed, number = _with_another_number(said, passage.text, dice)
        if number:
            noticed.append(number in cited(owner, [passage], passage, changed, sentence, page_no)[2])
    say(f"{len(pages)} sentences by lot, {len(noticed)} with a number that was changed")
    figure("citations.lot_page_right", [statistics.fmean(pages)], "share")
    figure("citations.lot_sentence_right", [statistics.fmean(sentences)], "share")
    figure("citations.lot_doubted", [statistics.fmean(doubts)], "share")
    figure("citations.changed_number_noticed", [statistics.fmean(noticed)], "share")


def cited(
    owner: Any, given: Sequence[Passage], passage: Passage, said: str, quote: str, page_no: int
) -> tuple[bool, bool, list[str]]:
    """Whether the page and the sentence behind the mark are right, and what is said to be not in the source."""
    from rag import citations, citing

    numbered = dict(enumerate(given, start=1))
    n = next(n for n, each in numbered.items() if each.chunk_id == passage.chunk_id)
    stored = citing.store(uuid.uuid4(), numbered, f"{said} [{n}].")
    found = citations.resolve(owner, stored[n].pk)
    spot, wanted = found.places[0], _bag(quote)
    # The quote may be part of the marked sentence, or reach over two.
    marked = set().union(*(_bag(place.quote) for place in found.places if place.page_no == page_no), set())
    is_marked = len(wanted & marked) >= 0.6 * len(wanted) and found.strength == "strong"
    missing = found.uses[0]["missing"] if found.uses else []
    return spot.page_no == page_no, is_marked, missing


def passage_with(document: Document, page_no: int, quote: str) -> Passage | None:
    """The chunk that holds most of the quote, as a passage; None when none holds half of it."""
    from rag.models import Chunk

    wanted = _bag(quote)
    chunks = [
        chunk
        for chunk in Chunk.objects.filter(version_id=document.live_version_id, page_first__lte=page_no)
        if any(span[0] == page_no for span in chunk.spans)
    ]
    best = max(chunks, key=lambda chunk: len(wanted & _bag(chunk.body)), default=None)
    if best is None or len(wanted & _bag(best.body)) < 0.5 * len(wanted):
        return None
    return _as_passage(document, best)


def with_words_dropped(text: str) -> str:
    # One statement with one mark, also where the quote is two sentences.
    text = re.sub(r"[.!?]\s+(?=[A-Z])", ", ", text)
    kept = [word for index, word in enumerate(text.split(), start=1) if index % DROPPED]
    return " ".join(kept).rstrip(".!? ")


def _pages_of(row: dict[str, Any]) -> list[int]:
    pages = list(row["pages"])
    return pages if len(pages) == len(row["quotes"]) else [pages[0]] * len(row["quotes"])


def _given(owner: Any, document: Document, question: str, passage: Passage) -> tuple[list[Passage], bool]:
    from rag import search

    found = search.passages(question, employee=owner, documents=[document], limit=NUM_PASSAGES).passages
    if any(each.chunk_id == passage.chunk_id for each in found):
        return found, True
    return [*found, passage], False


def _doubts_about_answer(row: dict[str, Any], document: Document) -> list[str]:
    """About the answer that somebody wrote, with the chunks of its pages as sources."""
    from rag import checks

    passages = [passage_with(document, n, quote) for quote, n in zip(row["quotes"], _pages_of(row), strict=True)]
    texts = [f"{document.title} {each.heading} {each.text}" for each in passages if each]
    missing = checks.missing(row["answer"], texts, row["question"])
    if missing:
        say(f"  {row['id']}: the answer “{row['answer']}” has {missing}")
    return missing


def _sentences(documents: Sequence[Document]) -> Iterator[tuple[Document, int, str]]:
    from rag.clean import joined
    from rag.models import Page
    from rag.split import sentences

    for document in documents:
        for page in Page.objects.filter(version_id=document.live_version_id):
            for start, end in sentences(page.text):
                sentence = joined(page.text[start:end])
                is_prose = re.match(r"[A-Z].*[a-z]{3}.*\.$", sentence) and " . ." not in sentence
                if is_prose and MIN_WORDS <= len(sentence.split()) <= MAX_WORDS:
                    yield document, page.page_no, sentence


def _with_another_number(said: str, source: str, dice: random.Random) -> tuple[str, str]:
    numbers = list(re.finditer(r"(?<![\w.,/-])\d{1,5}(?![\w.,/-])", said))
    if not numbers:
        return said, ""
    match = dice.choice(numbers)
    other = next(
        str(n) for n in iter(lambda: dice.randrange(2, 90_000), -1) if str(n) not in re.findall(r"\d+", source)
    )
    return said[: match.start()] + other + said[match.end() :], other


def _as_passage(document: Document, chunk: Chunk) -> Passage:
    """As a search would give it: its page is the chunk's first, not necessarily that of the quote."""
    from rag.search import Passage

    return Passage(
        document_id=document.pk,
        document_title=document.title,
        version_id=chunk.version_id,
        chunk_id=chunk.pk,
        page_no=chunk.page_first,
        page_label=str(chunk.page_first + 1),
        heading=chunk.heading,
        text=chunk.body,
        score=1.0,
        spans=chunk.spans,
    )


def _bag(text: str) -> set[str]:
    from rag.words import words

    return set(words(text))


if __name__ == "__main__":
    main()
