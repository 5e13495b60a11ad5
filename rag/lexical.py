"""The words of chunks: how they are indexed and how common each is.

Rarity decides what a word of a question is worth, so it is kept in a table: added to in the transaction that stores a
version's chunks, counted afresh now and then because deletions of documents do not subtract. SQL that reads is in
rag.retrieval.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.postgres.search import SearchVector
from django.db import connection, transaction
from django.db.models import Value
from django.db.models.expressions import Combinable

from rag.models import Chunk
from rag.words import identifier_parts

# Kept in one order by every writer, or two of them deadlock on each other's words.
_ADD = """
INSERT INTO rag_lexemefrequency AS f (word, num_chunks)
SELECT word, ndoc FROM ts_stat(%s) ORDER BY word
ON CONFLICT (word) DO UPDATE SET num_chunks = f.num_chunks + excluded.num_chunks
"""
_ALL_WORDS = "SELECT tsv FROM rag_chunk"
_ADD_STATISTIC = """
INSERT INTO rag_corpusstatistic AS s (id, num_chunks, sum_lexemes)
SELECT 1, count(*), coalesce(sum(num_lexemes), 0) FROM rag_chunk WHERE {where}
ON CONFLICT (id) DO UPDATE
SET num_chunks = s.num_chunks + excluded.num_chunks, sum_lexemes = s.sum_lexemes + excluded.sum_lexemes
"""
# Beside _ADD: what the words were counted for goes away.
_SUBTRACT = """
UPDATE rag_lexemefrequency f SET num_chunks = greatest(f.num_chunks - gone.ndoc, 0)
FROM ts_stat(%s) gone WHERE f.word = gone.word
"""
_SUBTRACT_STATISTIC = """
UPDATE rag_corpusstatistic s
SET num_chunks = greatest(s.num_chunks - gone.n, 0), sum_lexemes = greatest(s.sum_lexemes - gone.lexemes, 0)
FROM (SELECT count(*) AS n, coalesce(sum(num_lexemes), 0) AS lexemes FROM rag_chunk WHERE version_id = %s) gone
"""


def tsvector(title: str, heading: str, body: str, language: str) -> Combinable:
    """The place in the document with weight A, the text, and the parts of its identifiers unstemmed."""
    vector: Combinable = SearchVector(Value(f"{title} {heading}"), config=language, weight="A")
    vector += SearchVector(Value(body), config=language)
    parts = " ".join(identifier_parts(f"{title} {heading} {body}"))
    return vector + SearchVector(Value(parts), config="simple") if parts else vector


def count_version(version_id: int) -> None:
    """Add the words of a version just stored. Call it once, in the transaction that stores the chunks."""
    with connection.cursor() as cursor:
        cursor.execute(_ADD, [f"{_ALL_WORDS} WHERE version_id = {int(version_id)}"])
        cursor.execute(_ADD_STATISTIC.format(where="version_id = %s"), [version_id])


def count_chunks(chunk_ids: Sequence[int]) -> None:
    """Add the words of these chunks, in the transaction that stores them."""
    ids = ",".join(str(int(pk)) for pk in chunk_ids)
    with connection.cursor() as cursor:
        cursor.execute(_ADD, [f"{_ALL_WORDS} WHERE id IN ({ids})"])
        cursor.execute(_ADD_STATISTIC.format(where="id = ANY(%s)"), [list(chunk_ids)])


def forget_version(version_id: int) -> None:
    """Remove the version's chunks and take their words out of the counts, in the transaction that replaces them."""
    chunks = Chunk.objects.filter(version_id=version_id)
    if not chunks.exists():
        return
    with connection.cursor() as cursor:
        # Whoever adds words afterwards in this transaction would meet other writers twice, and in two orders.
        cursor.execute("LOCK TABLE rag_lexemefrequency IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute(_SUBTRACT, [f"{_ALL_WORDS} WHERE version_id = {int(version_id)}"])
        cursor.execute(_SUBTRACT_STATISTIC, [version_id])
    chunks.delete()


@transaction.atomic
def count_all() -> None:
    """Count everything afresh (1.4 s for 93,000 chunks). Searches go on with the old numbers meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE rag_lexemefrequency, rag_corpusstatistic IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute("DELETE FROM rag_lexemefrequency")
        cursor.execute("DELETE FROM rag_corpusstatistic")
        cursor.execute(_ADD, [_ALL_WORDS])
        cursor.execute(_ADD_STATISTIC.format(where="true"))
