"""The SQL of searching, all of it. A search begins with the question which versions this person may see.

The answer holds for the snapshot that the search runs in, so all other statements of the snapshot take it as it is:
asked afresh in each it was most of a search over many documents. Principals come from the server's own rows, never
from a request. A small number or share of chunks is compared one by one (0.4 to 30 ms, and nothing missed); above
that HNSW looks in relaxed order and with a larger candidate list, because a plain filtered index scan loses up to 95 %
of the results without saying so (measured, decisions.md).
"""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from rag import rights
from rag.models import Space
from rag.query import Term, WordQuery

EXACT_CHUNKS = 15_000
# HNSW finds a hundred of a small share by walking past all others: 2,000 for a twentieth, seconds of a million.
MANY_EXACT_CHUNKS, SMALL_SHARE = 120_000, 0.15
NUM_CANDIDATES = 100
# Looked at by their excerpts before the best NUM_CANDIDATES are kept.
NUM_NEAR = 200
NUM_SCORED = 150
# A statement that takes longer has met cold disks or a bad plan. The second try finds them warm, and may take longer.
STATEMENT_SECONDS, PATIENT_SECONDS = 1.5, 10.0

# The chunk table carries no rights of its own; only a version named here may be touched.
_VISIBLE = """
WITH {readable}, visible AS (
    SELECT d.live_version_id AS version_id, d.num_live_chunks
    FROM readable d
    WHERE d.live_version_id IS NOT NULL
      AND (%(everything)s AND NOT d.is_thread_file
           OR d.id = ANY(%(documents)s::uuid[]) OR d.collection_id = ANY(%(collections)s::uuid[])))
""".replace("{readable}", rights.all_readable("principals"))
# An earlier release that shows a version while this one is rolled out leaves the number out.
_SEEN = """
SELECT coalesce(array_agg(version_id), '{}')::text,
       coalesce(sum(coalesce(num_live_chunks, (SELECT num_chunks FROM rag_version v WHERE v.id = version_id))), 0),
       coalesce((SELECT num_chunks FROM rag_corpusstatistic), 0)
FROM visible
"""
# versions are those of visible(), of the same snapshot. As a constant array they become a hash table.
_EXACT = """
SELECT e.chunk_id, (e.vector <=> %(vector)s::halfvec) + 0 AS distance
FROM unnest(%(versions)s::bigint[]) AS seen(version_id) JOIN {partition} e USING (version_id)
ORDER BY (e.vector <=> %(vector)s::halfvec) + 0, e.chunk_id LIMIT %(limit)s
"""
# The outer + 0 keeps PostgreSQL 17+ from dropping the second sort: relaxed order is only nearly sorted.
_APPROXIMATE = """
SELECT chunk_id, distance FROM (
    SELECT e.chunk_id, e.vector <=> %(vector)s::halfvec AS distance FROM {partition} e
    WHERE e.version_id = ANY(%(versions)s::bigint[])
    ORDER BY e.vector <=> %(vector)s::halfvec LIMIT %(limit)s) nearest
ORDER BY distance + 0, chunk_id
"""
# Of chunks found otherwise: how near the chunk or the nearest of its excerpts is.
_CLOSEST = """
SELECT chunk_id, min(distance) AS distance FROM (
    SELECT e.chunk_id, e.vector <=> %(vector)s::halfvec AS distance FROM {partition} e
    WHERE e.chunk_id = ANY(%(chunks)s) AND e.version_id = ANY(%(versions)s::bigint[])
    UNION ALL
    SELECT x.chunk_id, x.vector <=> %(vector)s::halfvec FROM {excerpts} x
    WHERE x.chunk_id = ANY(%(chunks)s) AND x.version_id = ANY(%(versions)s::bigint[])) measured
GROUP BY chunk_id ORDER BY distance, chunk_id LIMIT %(limit)s
"""
# BM25 puts length inside its saturation, where 0.75 is right; outside, as here, that much favours scraps (measured).
_WORDS = """
WITH candidate AS MATERIALIZED (
    SELECT c.id, c.tsv, c.num_lexemes, {matched} AS matched
    FROM rag_chunk c
    WHERE c.tsv @@ %(condition)s::tsquery AND c.version_id = ANY(%(versions)s::bigint[])
    ORDER BY matched DESC, c.id LIMIT %(num_scored)s)
SELECT id, ({score}) / (0.7 + 0.3 * num_lexemes / %(average)s) AS score, matched
FROM candidate ORDER BY score DESC, id LIMIT %(limit)s
"""
# The few chunks come first: begun with the visible versions, a wrong guess at their number reads all of their chunks.
_ROWS = """
WITH hit AS MATERIALIZED (SELECT * FROM rag_chunk WHERE id = ANY(%(chunks)s))
SELECT c.id, c.version_id, v.document_id, d.title, d.media_type, c.heading, c.body, c.body_hash, c.spans, c.page_first,
       coalesce(p.label, '') AS label, c.ordinal
FROM hit c
JOIN rag_version v ON v.id = c.version_id
JOIN rag_document d ON d.id = v.document_id
LEFT JOIN rag_page p ON p.version_id = c.version_id AND p.page_no = c.page_first
WHERE c.version_id = ANY(%(versions)s::bigint[])
"""
_SIZES = """
SELECT c.id, c.num_tokens
FROM unnest(%(versions)s::bigint[]) AS seen(version_id) JOIN rag_chunk c USING (version_id)
JOIN rag_version v ON v.id = c.version_id JOIN rag_document d ON d.id = v.document_id
ORDER BY d.created_at, d.id, c.ordinal
"""
_NEIGHBOURS = """
WITH hit AS MATERIALIZED (SELECT id, version_id, ordinal, heading FROM rag_chunk WHERE id = ANY(%(chunks)s))
SELECT hit.id, c.ordinal - hit.ordinal AS step, c.id, c.body, c.spans
FROM hit
JOIN rag_chunk c ON c.version_id = hit.version_id AND c.heading = hit.heading
    AND c.ordinal IN (hit.ordinal - 1, hit.ordinal + 1)
WHERE hit.version_id = ANY(%(versions)s::bigint[]) ORDER BY hit.id, step DESC
"""
# Every word in each form that the index may hold, with how common that is, and the size of the corpus: one round trip.
_LEXEMES = """
SELECT w.word, form.lexeme, f.num_chunks
FROM unnest(%(words)s::text[]) AS w(word)
CROSS JOIN LATERAL (
    SELECT DISTINCT unnest(
        tsvector_to_array(to_tsvector('english', w.word)) || tsvector_to_array(to_tsvector('german', w.word))
        || tsvector_to_array(to_tsvector('simple', w.word)))
) AS form(lexeme)
LEFT JOIN rag_lexemefrequency f ON f.word = form.lexeme
UNION ALL SELECT NULL, sum_lexemes::text, num_chunks FROM rag_corpusstatistic
"""
# Both in one round trip.
_SETTINGS = """
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
SELECT set_config('statement_timeout', '{milliseconds}', true)
"""


@dataclass(frozen=True)
class Scope:
    """Who asks, and of which documents: these, those in the collections, and with everything all that they may see.

    documents None means everything. Files of a thread are searched only when they are named.
    """

    principals: list[int]
    documents: list[uuid.UUID] | None
    collections: list[uuid.UUID] = field(default_factory=list)
    everything: bool = False

    @property
    def is_nothing(self) -> bool:
        return self.documents == [] and not self.collections and not self.everything

    @property
    def names_documents(self) -> bool:
        """Only single documents are asked."""
        return self.documents is not None and not self.collections and not self.everything

    @property
    def parameters(self) -> dict[str, Any]:
        return {
            "principals": self.principals,
            "documents": self.documents or [],
            "collections": self.collections,
            "everything": self.everything or self.documents is None,
        }


@dataclass(frozen=True)
class Visible:
    """The versions that the asker may see, as an array of PostgreSQL's, and how many chunks they have, of num_all.

    Good for the snapshot it was asked in and for no other.
    """

    versions: str
    num_chunks: int
    num_all: int

    @property
    def is_few(self) -> bool:
        """Comparing with all of them is quicker than looking for them in the index, and misses nothing."""
        share = self.num_chunks / max(self.num_all, self.num_chunks, 1)
        return self.num_chunks <= EXACT_CHUNKS or (self.num_chunks <= MANY_EXACT_CHUNKS and share <= SMALL_SHARE)


@dataclass(frozen=True)
class ChunkRow:
    """A chunk with what a passage shows of it."""

    id: int
    version_id: int
    document_id: uuid.UUID
    title: str
    media_type: str
    heading: str
    body: str
    body_hash: int
    spans: list[list[int]]
    page_first: int
    label: str
    ordinal: int


@dataclass(frozen=True)
class Neighbour:
    """The chunk just before (step -1) or after (step 1) a hit, in the same section."""

    step: int
    chunk_id: int
    text: str
    spans: list[list[int]]


@dataclass(frozen=True)
class WordHit:
    """score ranks; matched is the summed weight of the question's words that the chunk holds."""

    chunk_id: int
    score: float
    matched: float


@contextlib.contextmanager
def snapshot(seconds: float = STATEMENT_SECONDS) -> Iterator[CursorWrapper]:
    """One consistent view for all statements of a search, read only and none of them longer than this."""
    is_outermost = not connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        if is_outermost:  # inside somebody's transaction its isolation is decided already
            cursor.execute(_SETTINGS.format(milliseconds=int(seconds * 1000)))
        yield cursor


def visible(cursor: CursorWrapper, scope: Scope) -> Visible:
    """What the asker may see. The one door to everything below."""
    cursor.execute(_VISIBLE + _SEEN, scope.parameters)
    versions, num_chunks, num_all = cursor.fetchone()
    return Visible(versions, int(num_chunks), int(num_all))


def nearest(
    cursor: CursorWrapper, seen: Visible, space: Space, vector: Sequence[float], *, exactly: bool | None = None
) -> list[tuple[int, float]]:
    """(chunk, cosine similarity), nearest first. exactly: None lets the number of chunks decide."""
    statement = _EXACT
    if not (seen.is_few if exactly is None else exactly):
        statement = _APPROXIMATE
        cursor.execute(
            "SELECT set_config('hnsw.iterative_scan', 'relaxed_order', true),"
            " set_config('hnsw.ef_search', '200', true),"
            " set_config('hnsw.max_scan_tuples', '40000', true),"
            " set_config('work_mem', '32MB', true)"
        )
    parameters: dict[str, Any] = {"versions": seen.versions, "vector": _text(vector), "limit": NUM_NEAR}
    cursor.execute(statement.format(partition=space.partition), parameters)
    return [(chunk_id, 1.0 - distance) for chunk_id, distance in cursor.fetchall()]


def closest(
    cursor: CursorWrapper, seen: Visible, space: Space, vector: Sequence[float], chunk_ids: Sequence[int]
) -> list[tuple[int, float]]:
    """Of these chunks the best NUM_CANDIDATES as (chunk, cosine similarity), nearest first.

    A chunk is as near as the nearest of itself and its excerpts. One that has no vector yet is left out.
    """
    parameters: dict[str, Any] = {
        "versions": seen.versions,
        "vector": _text(vector),
        "chunks": list(chunk_ids),
        "limit": NUM_CANDIDATES,
    }
    cursor.execute(_CLOSEST.format(partition=space.partition, excerpts=space.excerpts), parameters)
    return [(chunk_id, 1.0 - distance) for chunk_id, distance in cursor.fetchall()]


def _text(vector: Sequence[float]) -> str:
    return "[" + ",".join(f"{value:.6g}" for value in vector) + "]"


@dataclass(frozen=True)
class Terms:
    """The words of a question as they may stand in the index; chunks in all, and their average length in words."""

    terms: list[Term]
    num_chunks: int
    average: float


def terms(cursor: CursorWrapper, words: Sequence[str], stop_words: frozenset[str]) -> Terms:
    """The question's words in every stemmed form that the index may hold, with how common each is."""
    cursor.execute(_LEXEMES, {"words": [word for word in words if word not in stop_words]})
    forms: dict[str, dict[str, int | None]] = {}
    num_chunks, sum_lexemes = 0, 0
    for word, lexeme, count in cursor.fetchall():
        if word is None:
            num_chunks, sum_lexemes = count, int(lexeme)
        else:
            forms.setdefault(word, {})[lexeme] = count
    found: dict[tuple[str, ...], Term] = {}
    for counts in forms.values():
        known = tuple(sorted(lexeme for lexeme, count in counts.items() if count is not None)) or tuple(sorted(counts))
        found[known] = Term(known, sum(counts[lexeme] or 0 for lexeme in known))
    return Terms(list(found.values()), num_chunks, max(1.0, sum_lexemes / num_chunks) if num_chunks else 1.0)


def by_words(cursor: CursorWrapper, seen: Visible, query: WordQuery, average: float) -> list[WordHit]:
    """Best first. Only as many rows as the query's cap allows are ranked."""
    parameters: dict[str, Any] = {
        "versions": seen.versions,
        "condition": query.condition,
        "num_scored": NUM_SCORED,
        "average": average,
        "limit": NUM_CANDIDATES,
    }
    matched, score = [], []
    for number, (tsquery, weight) in enumerate(query.terms):
        parameters |= {f"term{number}": tsquery, f"weight{number}": weight}
        holds = f"c.tsv @@ %(term{number})s::tsquery"
        matched.append(f"CASE WHEN {holds} THEN %(weight{number})s::float8 ELSE 0 END")
        rank = f"ts_rank('{{1,1,1,1}}', tsv, %(term{number})s::tsquery, 0)"
        score.append(f"%(weight{number})s::float8 * {rank}")
    statement = _WORDS.format(matched=" + ".join(matched), score=" + ".join(score))
    cursor.execute(statement, parameters)
    return [WordHit(*row) for row in cursor.fetchall()]


def rows(cursor: CursorWrapper, seen: Visible, chunk_ids: Sequence[int]) -> Mapping[int, ChunkRow]:
    """The chunks themselves, by id; none that may not be seen."""
    cursor.execute(_ROWS, {"versions": seen.versions, "chunks": list(chunk_ids)})
    columns = [column.name for column in cursor.description or ()]
    found = (dict(zip(columns, values, strict=True)) for values in cursor.fetchall())
    return {values["id"]: ChunkRow(**values | {"spans": json.loads(values["spans"])}) for values in found}


def sizes(cursor: CursorWrapper, seen: Visible) -> list[tuple[int, int]]:
    """(chunk, tokens) of everything the asker may see, document by document in reading order."""
    cursor.execute(_SIZES, {"versions": seen.versions})
    return list(cursor.fetchall())


def neighbours(cursor: CursorWrapper, seen: Visible, chunk_ids: Sequence[int]) -> dict[int, list[Neighbour]]:
    """Of each hit, what follows it first: an answer goes on more often than it began before."""
    cursor.execute(_NEIGHBOURS, {"versions": seen.versions, "chunks": list(chunk_ids)})
    found: dict[int, list[Neighbour]] = {}
    for hit, step, chunk_id, body, spans in cursor.fetchall():
        found.setdefault(hit, []).append(Neighbour(step, chunk_id, body, json.loads(spans)))
    return found
