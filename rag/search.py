"""Question in, ranked passages out: by meaning and by wording at once, among what the asker may see.

Words work from the moment a document is split; vectors join as they are made. While inference is away a search goes
by words alone. A question may be asked in two wordings, its own and one that stands alone. Left out: the rewriting
itself, which is the caller's, and whole documents, which are rag.whole's.
"""

from __future__ import annotations

import logging
import math
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from django.contrib.auth.models import AbstractBaseUser
from django.db import OperationalError, connection
from django.db.backends.utils import CursorWrapper
from psycopg.errors import QueryCanceled

from inference.errors import InferenceError
from rag import formats, fusion, likeness, principals, query, reranking, retrieval, spaces
from rag.models import Document, Space
from rag.words import STOP_WORDS, language, looks_exact, question_words

log = logging.getLogger(__name__)

# Measured on questions about texts and on questions about manuals (decisions.md): natural questions share few words
# with their page, so an even mix loses on manuals what it wins on texts.
WORD_WEIGHT, WORD_WEIGHT_EXACT = 0.35, 0.4
HEADING_BONUS = 0.05
MAX_OF_ONE_DOCUMENT = 4
# What is read of the fused candidates: the rest is never among the first eight, and reading costs.
NUM_READ = 60
# Passages nearly as good as the best are given with what stands beside them.
NEIGHBOUR_SCORE = 0.8
# When none of the nearest passages holds so much of the weight of the question's words, and the nearest is not nearer
# than the hundred next by this, the sources may not say. Measured, see decisions.md.
WEAK_COVERAGE, NUM_NEAREST = 0.6, 5
FEW_CHUNKS, OUTSTANDING_OF_FEW = 200, 0.05
MANY_CHUNKS, OUTSTANDING_OF_MANY = 10_000, 0.025
# With fewer there is nothing to stand out from, and words decide alone.
MIN_SIMILARITIES, WEAK_COVERAGE_ALONE = 10, 0.3


@dataclass(frozen=True)
class Passage:
    """A chunk that may answer. page_no counts from 0, page_label is what is printed on the page.

    spans: [[page_no, char_start, char_end], …] in the raw page texts of version_id. score: 0 to about 1, comparable
    within one result only. place: what a page of the document is called, see rag.formats.
    """

    document_id: uuid.UUID
    document_title: str
    version_id: int
    chunk_id: int
    page_no: int
    page_label: str
    heading: str
    text: str
    score: float
    spans: list[list[int]]
    place: str = "page"


@dataclass(frozen=True)
class SearchResult:
    """passages best first. weak: nothing found stands out, so the sources may not say.

    num_left_out: further candidates below the limit; num_same: those that say the same as a passage given.
    is_complete: False when only words could be searched. reranked: what became of that, see rag.reranking; "" without.
    neighbours: by chunk, what stands beside the best passages in their sections, for packing.
    """

    passages: list[Passage] = field(default_factory=list)
    num_visible_chunks: int = 0
    num_left_out: int = 0
    num_same: int = 0
    weak: bool = True
    is_complete: bool = True
    reranked: str = ""
    neighbours: Mapping[int, list[retrieval.Neighbour]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Found:
    """What one wording of the question found. coverage: the most that one of the nearest holds of its words' weight."""

    fused: dict[int, float]
    similarities: list[float]
    coverage: float
    num_visible: int

    @property
    def is_weak(self) -> bool:
        if len(self.similarities) < MIN_SIMILARITIES:
            return self.coverage < WEAK_COVERAGE_ALONE
        return self.coverage < WEAK_COVERAGE and not stands_out(self.similarities, self.num_visible)


def passages(
    question: str,
    *,
    employee: AbstractBaseUser,
    documents: Iterable[Document] | None = None,
    collections: Iterable[uuid.UUID] = (),
    everything: bool = False,
    limit: int = 8,
    also: str = "",
    rerank_model: str = "",
) -> SearchResult:
    """At most limit passages of the documents given (None: of all) and of the collections, if the employee may read it.

    everything: of all documents besides those given, which may be files of a thread.
    also: the question in other words, which stand alone; searched as well, and counted more. One embedding request,
    then seven statements in one read-only snapshot, three more for the other wording.
    """
    ids = None if documents is None else [document.pk for document in documents]
    scope = retrieval.Scope(principals.ids_of(employee), ids, list(collections), everything)
    if not scope.principals or scope.is_nothing or not question.strip():
        return SearchResult()
    space = spaces.active()
    wordings = [question, also] if also.strip() and also != question else [question]
    vectors = _question_vectors(space, wordings)
    most_of_one = limit if scope.names_documents else MAX_OF_ONE_DOCUMENT
    asked = _Asked(scope, wordings, rerank_model, most_of_one, limit)
    try:
        return _search(asked, space, vectors, retrieval.STATEMENT_SECONDS)
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled) or connection.in_atomic_block:
            raise
        log.warning("a statement of a search took too long, trying again with more time")
        return _search(asked, space, vectors, retrieval.PATIENT_SECONDS)


@dataclass(frozen=True)
class _Asked:
    """most_of_one: passages of one document. Over everything, one must not fill the list; whoever names documents wants
    the best of them: there the limit cost 2 points of span-recall@5 (decisions.md).
    """

    scope: retrieval.Scope
    wordings: list[str]
    rerank_model: str
    most_of_one: int
    limit: int


def _search(
    asked: _Asked, space: Space | None, vectors: Sequence[Sequence[float] | None], seconds: float
) -> SearchResult:
    with ExitStack() as transaction:
        cursor = transaction.enter_context(retrieval.snapshot(seconds))
        seen = retrieval.visible(cursor, asked.scope)
        if seen.num_chunks == 0:
            return SearchResult()
        pairs = zip(asked.wordings, vectors, strict=True)
        found = [_found(cursor, seen, wording, space, vector) for wording, vector in pairs]
        fused = fusion.combined([each.fused for each in found])
        rows = retrieval.rows(cursor, seen, list(fused)[:NUM_READ])
        ordered, reranked = _with_heading_bonus(fused, rows, asked.wordings[-1]), ""
        if asked.rerank_model and ordered:
            transaction.close()  # no transaction waits a second for a model; afterwards rights are asked afresh
            ordered, reranked = _reranked(asked.rerank_model, asked.wordings[-1], ordered, rows)
            cursor = transaction.enter_context(retrieval.snapshot(seconds))
            seen = retrieval.visible(cursor, asked.scope)
            rows = retrieval.rows(cursor, seen, list(ordered))
        still = [chunk_id for chunk_id in ordered if chunk_id in rows]
        kept, num_same = likeness.chosen(still, rows, asked.most_of_one, asked.limit)
        outstanding = [pk for pk in kept if ordered[pk] >= NEIGHBOUR_SCORE * ordered[kept[0]]]
        neighbours = retrieval.neighbours(cursor, seen, outstanding)
    return SearchResult(
        passages=[of_row(rows[chunk_id], ordered[chunk_id]) for chunk_id in kept],
        num_visible_chunks=seen.num_chunks,
        num_left_out=max(0, len(still) - len(kept) - num_same),
        num_same=num_same,
        weak=all(each.is_weak for each in found),
        is_complete=vectors[0] is not None,
        reranked=reranked,
        neighbours=neighbours,
    )


def _reranked(
    model: str, question: str, ordered: dict[int, float], rows: Mapping[int, retrieval.ChunkRow]
) -> tuple[dict[int, float], str]:
    """The order after reading the best once more, and what became of that."""
    best = list(ordered)[: reranking.NUM_RANKED]
    scores, outcome = reranking.rerank(model, question, [f"{rows[pk].heading}\n{rows[pk].body}" for pk in best])
    if scores is None:
        return ordered, outcome
    return reranking.blended(ordered, dict(zip(best, scores, strict=True))), outcome


def _question_vectors(space: Space | None, wordings: Sequence[str]) -> Sequence[Sequence[float] | None]:
    """One request for all; None for each while the service is away or the model is not what it was."""
    nothing = [None] * len(wordings)
    if space is None or not spaces.is_sound(space):
        return nothing
    try:
        texts = [space.query_prefix + wording[:4000] for wording in wordings]
        return spaces.client().embed(space.model, texts, priority="interactive")
    except InferenceError as error:
        log.warning("searching by words alone: %s", error)
        return nothing


def _found(
    cursor: CursorWrapper,
    seen: retrieval.Visible,
    question: str,
    space: Space | None,
    vector: Sequence[float] | None,
) -> _Found:
    near: list[tuple[int, float]] = []
    meaning: dict[int, float] = {}
    hits, total = _by_words(cursor, seen, question)
    if space is not None and vector is not None:
        near = retrieval.nearest(cursor, seen, space, vector)
        found = dict.fromkeys([chunk_id for chunk_id, _ in near] + [hit.chunk_id for hit in hits])
        meaning = dict(retrieval.closest(cursor, seen, space, vector, list(found)))
    weight = WORD_WEIGHT_EXACT if looks_exact(question) else WORD_WEIGHT
    fused = fusion.fuse(meaning, {hit.chunk_id: hit.score for hit in hits}, weight)
    matched = {hit.chunk_id: hit.matched for hit in hits}
    # Whether anything stands out was measured on the chunks' own vectors.
    near = near[: retrieval.NUM_CANDIDATES]
    nearest = [chunk_id for chunk_id, _ in near[:NUM_NEAREST]] or list(matched)
    coverage = max((matched.get(chunk_id, 0.0) for chunk_id in nearest), default=0.0) / total if total else 0.0
    return _Found(fused, [similarity for _, similarity in near], coverage, seen.num_chunks)


def _by_words(cursor: CursorWrapper, seen: retrieval.Visible, question: str) -> tuple[list[retrieval.WordHit], float]:
    """Hits, and the summed weight of all the question's words."""
    words = question_words(question)
    stop_words = STOP_WORDS if set(words) - STOP_WORDS else frozenset()
    found = retrieval.terms(cursor, [word for word in words if word not in stop_words], language(question))
    built = query.build(found.terms, found.num_chunks, seen.num_chunks, reads_unseen=not seen.names_few)
    if built is None:
        return [], 0.0
    return retrieval.by_words(cursor, seen, built, found.average), built.total


def _with_heading_bonus(
    fused: dict[int, float], rows: Mapping[int, retrieval.ChunkRow], question: str
) -> dict[int, float]:
    wanted = set(question_words(question)) - STOP_WORDS
    scores: dict[int, float] = {}
    for chunk_id, score in fused.items():
        if chunk_id in rows:  # a chunk that went away between two statements is nobody's
            held = wanted & set(question_words(rows[chunk_id].heading))
            scores[chunk_id] = score + (HEADING_BONUS * len(held) / len(wanted) if wanted else 0.0)
    return dict(sorted(scores.items(), key=lambda item: (-item[1], item[0])))


def stands_out(similarities: Sequence[float], num_visible: int) -> bool:
    """The best is clearly nearer than the others near by. Absolute cosines mean nothing across models.

    Of many chunks a hundred come near to anything, so the more there are the less a good answer stands out.
    """
    above = max(similarities) - sum(similarities) / len(similarities)
    size = math.log(min(max(num_visible, FEW_CHUNKS), MANY_CHUNKS) / FEW_CHUNKS) / math.log(MANY_CHUNKS / FEW_CHUNKS)
    return above > OUTSTANDING_OF_FEW + size * (OUTSTANDING_OF_MANY - OUTSTANDING_OF_FEW)


def of_row(row: retrieval.ChunkRow, score: float) -> Passage:
    """A chunk as it is given out."""
    return Passage(
        document_id=row.document_id,
        document_title=row.title,
        version_id=row.version_id,
        chunk_id=row.id,
        page_no=row.page_first,
        page_label=row.label or str(row.page_first + 1),
        heading=row.heading,
        text=row.body,
        score=round(score, 6),
        spans=row.spans,
        place=formats.by_media_type(row.media_type).place,
    )
