"""Which chunks are near to a question, by the vectors of chunks and of their excerpts.

A small number or share of chunks is compared one by one (0.4 to 30 ms, and nothing missed); above that HNSW looks in
relaxed order and with a larger candidate list, because a plain filtered index scan loses up to 95 % of the results
without saying so (measured, decisions.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.backends.utils import CursorWrapper

from rag.models import Space
from rag.retrieval.scope import Visible

NUM_CANDIDATES = 100
# Looked at by their excerpts before the best NUM_CANDIDATES are kept.
NUM_NEAR = 200

# versions are those of visible(), of the same snapshot.
_EXACT = """
SELECT e.chunk_id, (e.vector <=> %(vector)s::halfvec) + 0 AS distance
FROM unnest(%(versions)s::bigint[]) AS seen(version_id) JOIN {partition} e USING (version_id)
ORDER BY (e.vector <=> %(vector)s::halfvec) + 0, e.chunk_id LIMIT %(limit)s
"""
# The outer + 0 keeps PostgreSQL 17+ from dropping the second sort: relaxed order is only nearly sorted.
_APPROXIMATE = """
SELECT chunk_id, distance FROM (
    SELECT e.chunk_id, e.vector <=> %(vector)s::halfvec AS distance FROM {partition} e
    WHERE {seen}
    ORDER BY e.vector <=> %(vector)s::halfvec LIMIT %(limit)s) nearest
ORDER BY distance + 0, chunk_id
"""
# Of chunks found otherwise: how near the chunk or the nearest of its excerpts is.
_CLOSEST = """
SELECT chunk_id, min(distance) AS distance FROM (
    SELECT e.chunk_id, e.vector <=> %(vector)s::halfvec AS distance FROM {partition} e
    WHERE e.chunk_id = ANY(%(chunks)s) AND {seen}
    UNION ALL
    SELECT x.chunk_id, x.vector <=> %(vector)s::halfvec FROM {excerpts} x
    WHERE x.chunk_id = ANY(%(chunks)s) AND {seen_excerpt}) measured
GROUP BY chunk_id ORDER BY distance, chunk_id LIMIT %(limit)s
"""


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
    cursor.execute(statement.format(partition=space.partition, seen=seen.has("e.version_id")), parameters)
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
    statement = _CLOSEST.format(
        partition=space.partition,
        excerpts=space.excerpts,
        seen=seen.has("e.version_id"),
        seen_excerpt=seen.has("x.version_id"),
    )
    cursor.execute(statement, parameters)
    return [(chunk_id, 1.0 - distance) for chunk_id, distance in cursor.fetchall()]


def _text(vector: Sequence[float]) -> str:
    return "[" + ",".join(f"{value:.6g}" for value in vector) + "]"
