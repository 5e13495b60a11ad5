"""A turn's documents: wait until they can be searched, search or read them, number what was found.

Everything here is synchronous; a turn calls it on a database thread.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from chat import events, prompts
from chat.models import Turn
from chat.served_models import client, reranker
from chat.turns import followups, shared_search
from rag import attribution, citations, citing, packing, search, whole
from rag.models import Collection, Document
from rag.models.document import DocumentState
from rag.search import Passage, SearchResult

BEING_READ = ("queued", "extracting")
# Scanned pages that are read while an answer waits: about 1.5 seconds each.
FEW_PAGES = 20
QUOTE_CHARS = 240
STRONG = "strong"


@dataclass(frozen=True)
class Sources:
    """text for the prompt and the event that says what it holds; by_n for the citations of the finished answer."""

    text: str = ""
    event: events.SourcesFound | None = None
    by_n: Mapping[int, Passage] = field(default_factory=dict)


def documents_of(turn: Turn) -> list[Document]:
    """The thread's documents that its owner may read now."""
    return list(turn.thread.documents.for_employee(turn.thread.owner).recent())


def asks_more(turn: Turn) -> bool:
    """Whether the thread asks more than its own documents. Two queries at most."""
    return turn.thread.asks_everything or bool(collections_of(turn))


def collections_of(turn: Turn) -> list[uuid.UUID]:
    """The thread's collections in which its owner has a right now."""
    mine = Collection.objects.for_employee(turn.thread.owner)
    return list(mine.filter(pk__in=turn.thread.collections.values("pk")).values_list("pk", flat=True))


def first_unread(documents: list[Document]) -> str | None:
    """The title of a document that is worth waiting for: being read, and not searchable or nearly done."""
    states = [document.state() for document in documents]
    return next(
        (s.title for s in states if s.status in BEING_READ and (not s.is_searchable or _is_nearly_read(s))), None
    )


def _is_nearly_read(state: DocumentState) -> bool:
    return state.is_in_part and state.num_pages - state.num_pages_read <= FEW_PAGES


def find(
    turn: Turn, documents: list[Document], history: list[prompts.Said], context_length: int, rewritten: str = ""
) -> Sources:
    """Read the documents whole where that is better, else search them for the question and pack what fits.

    rewritten: the question as it would stand alone, see followups.
    """
    question = turn.question.text
    most = prompts.room_for_sources(context_length, question, prompts.MAX_WHOLE_TOKENS)
    some = prompts.room_for_sources(context_length, question)
    searched = ""
    everything, chosen = turn.thread.asks_everything, collections_of(turn)
    all_of_it = None
    if not (everything or chosen):
        all_of_it = whole.read(
            question, employee=turn.thread.owner, documents=documents, max_tokens=most, some_tokens=some
        )
    if all_of_it is not None:
        found = SearchResult(all_of_it.passages, weak=False)
        mode = "whole" if all_of_it.is_everything else "spread"
        packed = packing.in_order(found.passages, most, _counter(turn))
    else:
        mode, searched = "passages", rewritten or _with_the_one_before(question, history)
        look = partial(
            search.passages,
            question,
            employee=turn.thread.owner,
            documents=documents,
            collections=chosen,
            everything=everything,
            also=searched,
            rerank_model=reranker(),
        )
        found = shared_search.once(turn, "passages", look)
        packed = packing.sources(found.passages, some, _counter(turn), found.neighbours, weak=found.weak)
        if found.num_visible_chunks and not found.passages:
            packed = packing.Packed(packing.NOTHING, [], [])
    if mode == "whole" and packed.left_out:
        mode = "spread"
    by_n = dict(enumerate(packed.used, start=1))
    states = [document.state() for document in documents]
    stored = citing.store(turn.answer_id, by_n)
    event = events.SourcesFound(
        sources=[_source(n, passage, str(stored[n].pk)) for n, passage in by_n.items()],
        num_left_out=len(packed.left_out) + found.num_left_out,
        num_without_room=len(packed.left_out),
        num_same=found.num_same,
        mode=mode,
        searched_for=searched,
        reranked=found.reranked,
        by_meaning=mode != "passages" or found.is_complete,
        left_out=[*map(_unread, (s for s in states if not s.is_searchable or s.is_in_part))],
        weak=found.weak,
    )
    return Sources(packed.text, event, by_n)


def _unread(state: DocumentState) -> dict[str, Any]:
    """What the page says was not read: all of a document, or the pages after those that were."""
    found: dict[str, Any] = {"document": str(state.id), "title": state.title}
    return found | {"num_read": state.num_pages_read, "num_pages": state.num_pages} if state.is_in_part else found


def _counter(turn: Turn) -> packing.CountTokens:
    return lambda texts: client().count_tokens(turn.model_name, texts)


def _with_the_one_before(question: str, history: list[prompts.Said]) -> str:
    return followups.in_front(question, history) if followups.refers_back(question, history) else ""


def settle(turn: Turn, given: Sources) -> events.SourcesFound | None:
    """With the whole answer: mark what the model left unmarked, and let each n name its sentence and page.

    Changes turn.answer.sources; returns the event that says so, or None when there is nothing new to say.
    """
    if given.event is None or not given.by_n:
        return None
    answer = turn.answer
    marks = attribution.attribute(answer.text, given.by_n)
    if marks:
        answer.sources["marks"] = [list(mark) for mark in marks]
    marked = attribution.with_marks(answer.text, marks)
    citing.store(answer.pk, given.by_n, marked, f"{turn.question.text} {turn.answer.model_name}")
    exact = {found.n: found for found in citations.for_message(turn.thread.owner, answer.pk)}
    sources = [_exactly(source, exact.get(source["n"])) for source in answer.sources["sources"]]
    if sources == answer.sources["sources"]:
        return None
    answer.sources["sources"] = sources
    return replace(given.event, sources=sources, num_history_left_out=answer.sources["num_history_left_out"])


def _exactly(source: dict[str, Any], found: citations.Resolved | None) -> dict[str, Any]:
    """A passage may span pages; its sentence stands on one. uses: see rag.citations.Resolved."""
    if found is None:
        return source
    if found.uses:
        source = source | {"uses": found.uses}
    if found.strength != STRONG:
        return source
    place = found.places[found.uses[0]["places"][0] if found.uses else 0]
    return source | {"page": place.page_no, "label": place.page_label, "quote": place.quote[:QUOTE_CHARS]}


def _source(n: int, passage: Passage, citation_id: str) -> dict[str, Any]:
    return {
        "n": n,
        "document": str(passage.document_id),
        "title": passage.document_title,
        "page": passage.page_no,
        "label": passage.page_label,
        "place": passage.place,
        "heading": passage.heading,
        "quote": " ".join(passage.text.split())[:QUOTE_CHARS],
        "citation": citation_id,
    }
