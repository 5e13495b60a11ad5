"""Which chunks hold the words of a question: the terms that the index knows, and the ranking by them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.backends.utils import CursorWrapper

from rag.query import Term, WordQuery
from rag.retrieval.scope import Visible

NUM_CANDIDATES = 100
NUM_SCORED = 150

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


@dataclass(frozen=True)
class Terms:
    """The words of a question as they may stand in the index; chunks in all, and their average length in words."""

    terms: list[Term]
    num_chunks: int
    average: float


@dataclass(frozen=True)
class WordHit:
    """score ranks; matched is the summed weight of the question's words that the chunk holds."""

    chunk_id: int
    score: float
    matched: float


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
