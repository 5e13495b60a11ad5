"""The chunks themselves: those found, what stands beside them, and all of a document."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.backends.utils import CursorWrapper

from rag.retrieval.scope import Visible

# The few chunks come first: begun with the visible versions, a wrong guess at their number reads all of their chunks.
_ROWS = """
WITH hit AS MATERIALIZED (SELECT * FROM rag_chunk WHERE id = ANY(%(chunks)s))
SELECT c.id, c.version_id, v.document_id, d.title, d.media_type, c.heading, c.body, c.body_hash, c.spans, c.page_first,
       coalesce(p.label, '') AS label, c.ordinal
FROM hit c
JOIN rag_version v ON v.id = c.version_id
JOIN rag_document d ON d.id = v.document_id
LEFT JOIN rag_page p ON p.version_id = c.version_id AND p.page_no = c.page_first
WHERE {seen}
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
WHERE {seen} ORDER BY hit.id, step DESC
"""


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


def rows(cursor: CursorWrapper, seen: Visible, chunk_ids: Sequence[int]) -> Mapping[int, ChunkRow]:
    """The chunks themselves, by id; none that may not be seen."""
    cursor.execute(_ROWS.format(seen=seen.has("c.version_id")), {"versions": seen.versions, "chunks": list(chunk_ids)})
    columns = [column.name for column in cursor.description or ()]
    found = (dict(zip(columns, values, strict=True)) for values in cursor.fetchall())
    return {values["id"]: ChunkRow(**values | {"spans": json.loads(values["spans"])}) for values in found}


def sizes(cursor: CursorWrapper, seen: Visible) -> list[tuple[int, int]]:
    """(chunk, tokens) of everything the asker may see, document by document in reading order."""
    cursor.execute(_SIZES, {"versions": seen.versions})
    return list(cursor.fetchall())


def neighbours(cursor: CursorWrapper, seen: Visible, chunk_ids: Sequence[int]) -> dict[int, list[Neighbour]]:
    """Of each hit, what follows it first: an answer goes on more often than it began before."""
    cursor.execute(
        _NEIGHBOURS.format(seen=seen.has("hit.version_id")), {"versions": seen.versions, "chunks": list(chunk_ids)}
    )
    found: dict[int, list[Neighbour]] = {}
    for hit, step, chunk_id, body, spans in cursor.fetchall():
        found.setdefault(hit, []).append(Neighbour(step, chunk_id, body, json.loads(spans)))
    return found
