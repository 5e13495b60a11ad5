"""Which chunks hold the words of a question: the terms that the index knows, and the ranking by them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.backends.utils import CursorWrapper

from rag.query import CAP_READ, CAP_ROWS, Term, WordQuery
from rag.retrieval.scope import Visible

NUM_CANDIDATES = 100
NUM_SCORED = 150
NUM_READ, NUM_FETCHED = 3 * CAP_ROWS, 5 * CAP_READ

# Every word in each form that the index may hold, with how common that is, and the size of the corpus: one round trip.
_LEXEMES = """
SELECT w.word, form.lexeme, f.num_chunks, to_tsvector(%(language)s::regconfig, w.word) = ''
FROM unnest(%(words)s::text[]) AS w(word)
CROSS JOIN LATERAL (
    SELECT DISTINCT unnest(
        tsvector_to_array(to_tsvector('english', w.word)) || tsvector_to_array(to_tsvector('german', w.word))
        || tsvector_to_array(to_tsvector('simple', w.word)))
) AS form(lexeme)
LEFT JOIN rag_lexemefrequency f ON f.word = form.lexeme
UNION ALL SELECT NULL, sum_lexemes::text, num_chunks, false FROM rag_corpusstatistic
"""
# Read out of its compressed form once, not once for each word: a third of the time. The limit holds where words that
# are common come together more often than by chance; those read first are then as good as any.
# BM25 puts length inside its saturation, where 0.75 is right; outside, as here, that much favours scraps (measured).
_WORDS = """
WITH candidate AS MATERIALIZED (
    SELECT c.id, c.tsv, c.num_lexemes, {matched} AS matched
    FROM (
        SELECT id, tsv || ''::tsvector AS tsv, num_lexemes FROM {holding} WHERE {seen} LIMIT %(num_read)s) c
    ORDER BY matched DESC, c.id LIMIT %(num_scored)s)
SELECT id, ({score}) / (0.7 + 0.3 * num_lexemes / %(average)s) AS score, matched
FROM candidate ORDER BY score DESC, id LIMIT %(limit)s
"""
# Where rights only filter, what may not be seen is read as well; the limit is for estimates that were wrong.
_HOLDING = "(SELECT * FROM rag_chunk WHERE tsv @@ %(condition)s::tsquery{limit}) holding"


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


def terms(cursor: CursorWrapper, words: Sequence[str], language: str) -> Terms:
    """The question's words in every stemmed form that the index may hold, with how common each is.

    Without those that PostgreSQL leaves out of texts in the question's language: they stand in tables and in other
    languages only, so they would seem rare. Where nothing else is asked they stay.
    """
    cursor.execute(_LEXEMES, {"words": list(words), "language": language})
    forms: dict[str, dict[str, int | None]] = {}
    stop_words: set[str] = set()
    num_chunks, sum_lexemes = 0, 0
    for word, lexeme, count, is_stop_word in cursor.fetchall():
        if word is None:
            num_chunks, sum_lexemes = count, int(lexeme)
        else:
            forms.setdefault(word, {})[lexeme] = count
            if is_stop_word:
                stop_words.add(word)
    if forms.keys() - stop_words:
        forms = {word: counts for word, counts in forms.items() if word not in stop_words}
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
        "num_read": NUM_READ,
        "num_fetched": NUM_FETCHED,
        "num_scored": NUM_SCORED,
        "average": average,
        "limit": NUM_CANDIDATES,
    }
    matched, score = [], []
    for number, term in enumerate(query.terms):
        parameters |= {f"term{number}": term.tsquery, f"weight{number}": term.weight}
        matched.append(f"CASE WHEN c.tsv @@ %(term{number})s::tsquery THEN %(weight{number})s::float8 ELSE 0 END")
        # ts_rank divides by the number of forms; a chunk holds one of them, that of its own language.
        rank = f"{term.num_forms} * ts_rank('{{1,1,1,1}}', tsv, %(term{number})s::tsquery, 0)"
        score.append(f"%(weight{number})s::float8 * least(1, {rank})")
    statement = _WORDS.format(
        matched=" + ".join(matched),
        score=" + ".join(score),
        holding=_HOLDING.format(limit="" if seen.names_few else " LIMIT %(num_fetched)s"),
        seen=seen.has("version_id"),
    )
    cursor.execute(statement, parameters)
    return [WordHit(*row) for row in cursor.fetchall()]
