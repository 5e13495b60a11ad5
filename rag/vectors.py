"""The tables of vectors: made, filled, counted and emptied. Reading them is rag.retrieval's.

A table for each vector length, since a column has one; in it a partition for each space, with an HNSW index of its
own, which goes away with DROP TABLE. The table for 384 comes from migration 0001, the others are made like it.

Besides its own vector a chunk has one for each of its excerpts (rag.split), in a table of the space's own without
HNSW: they only rank candidates that the chunks' vectors and words have found, so they cost no graph.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db import connection
from django.db.backends.utils import CursorWrapper
from psycopg import sql

from rag.models import Space

# What pgvector indexes of halfvec; a longer one would not fit a page either.
MAX_DIMENSIONS = 4000

_MODEL_TABLE = "rag_embedding_384"
_INSERT = """
INSERT INTO {table} (chunk_id, space_id, version_id, vector)
SELECT chunk_id, %s, %s, vector::halfvec FROM unnest(%s::bigint[], %s::text[]) AS row(chunk_id, vector)
JOIN rag_chunk c ON c.id = chunk_id
ON CONFLICT DO NOTHING
"""
_INSERT_EXCERPTS = """
INSERT INTO {table} (chunk_id, number, version_id, vector)
SELECT chunk_id, number, %s, vector::halfvec
FROM unnest(%s::bigint[], %s::smallint[], %s::text[]) AS row(chunk_id, number, vector)
JOIN rag_chunk c ON c.id = chunk_id
ON CONFLICT DO NOTHING
"""
_HNSW_OF = """
SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
WHERE i.indrelid = %s::regclass AND a.amname = 'hnsw'
"""


def make(space: Space) -> None:
    """The space's partition, and the table around it if it is the first of its length. Twice is once."""
    table, dimensions = sql.Identifier(space.table), sql.SQL(str(int(space.num_dimensions)))
    is_new = not exists(space.partition)
    with connection.cursor() as cursor:
        if space.table != _MODEL_TABLE and not exists(space.table):
            for statement in _TABLE:
                cursor.execute(statement.format(
                    table=table,
                    dimensions=dimensions,
                    by_version=sql.Identifier(f"{space.table}_version"),
                    by_vector=sql.Identifier(f"{space.table}_hnsw"),
                ))  # fmt: skip
        cursor.execute(
            sql.SQL("CREATE TABLE IF NOT EXISTS {} PARTITION OF {} FOR VALUES IN ({})").format(
                sql.Identifier(space.partition), table, sql.Literal(space.pk)
            )
        )
        if is_new:
            _make_dense(cursor, space.partition)
        for statement in _EXCERPTS:
            cursor.execute(statement.format(
                table=sql.Identifier(space.excerpts), dimensions=dimensions,
                by_version=sql.Identifier(f"{space.excerpts}_version"),
            ))  # fmt: skip


def _make_dense(cursor: CursorWrapper, partition: str) -> None:
    """More neighbours a point than the index of the table says, which every partition begins with. It is empty yet.

    Of a million chunks 16 lost one or two of the twenty nearest whatever ef_search was (0.94), 24 find them (0.99).
    """
    cursor.execute(_HNSW_OF, [partition])
    for (name,) in cursor.fetchall():
        index = sql.Identifier(name)
        cursor.execute(sql.SQL("ALTER INDEX {} SET (m = 24, ef_construction = 100)").format(index))
        cursor.execute(sql.SQL("REINDEX INDEX {}").format(index))


def exists(table: str) -> bool:
    """Whether there is such a table."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [table])
        return bool(cursor.fetchone()[0])


def store(space: Space, version_id: int, chunk_ids: Sequence[int], vectors: Sequence[Sequence[float]]) -> None:
    """A vector for each chunk. Those that have one already, or are gone, are passed over."""
    texts = [_text(vector) for vector in vectors]
    with connection.cursor() as cursor:
        statement = sql.SQL(_INSERT).format(table=sql.Identifier(space.table))
        cursor.execute(statement, [space.pk, version_id, list(chunk_ids), texts])


def store_excerpts(
    space: Space, version_id: int, keys: Sequence[tuple[int, int]], vectors: Sequence[Sequence[float]]
) -> None:
    """A vector for each (chunk, number of the excerpt). Those that have one already, or are gone, are passed over."""
    with connection.cursor() as cursor:
        statement = sql.SQL(_INSERT_EXCERPTS).format(table=sql.Identifier(space.excerpts))
        chunk_ids, numbers = [chunk_id for chunk_id, _ in keys], [number for _, number in keys]
        cursor.execute(statement, [version_id, chunk_ids, numbers, [_text(vector) for vector in vectors]])


def count(space: Space, version_id: int) -> int:
    """How many chunks of the version have a vector in the space."""
    statement = sql.SQL("SELECT count(*) FROM {} WHERE version_id = %s").format(sql.Identifier(space.partition))
    with connection.cursor() as cursor:
        cursor.execute(statement, [version_id])
        return int(cursor.fetchone()[0])


def forget(version_ids: Sequence[int]) -> None:
    """Remove the vectors of these versions from every space, two statements each."""
    with connection.cursor() as cursor:
        for space in Space.objects.all():
            for table in (space.partition, space.excerpts):
                cursor.execute(
                    sql.SQL("DELETE FROM {} WHERE version_id = ANY(%s)").format(sql.Identifier(table)),
                    [list(version_ids)],
                )


def drop(spaces: Iterable[Space]) -> None:
    """Remove the spaces' tables with all that is in them."""
    with connection.cursor() as cursor:
        for space in spaces:
            for table in (space.partition, space.excerpts):
                cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(table)))


def _text(vector: Sequence[float]) -> str:
    return "[" + ",".join(f"{value:.6g}" for value in vector) + "]"


# As in migration 0001: the keys cascade, so that a chunk deleted in SQL takes its vectors along, and are checked at
# once; the vector is never compressed and never out of line.
_TABLE = (
    sql.SQL("""
CREATE TABLE {table} (
    chunk_id bigint NOT NULL REFERENCES rag_chunk ON DELETE CASCADE,
    space_id bigint NOT NULL REFERENCES rag_space ON DELETE CASCADE,
    version_id bigint NOT NULL REFERENCES rag_version ON DELETE CASCADE,
    vector halfvec({dimensions}) NOT NULL,
    PRIMARY KEY (chunk_id, space_id)
) PARTITION BY LIST (space_id)"""),
    sql.SQL("ALTER TABLE {table} ALTER COLUMN vector SET STORAGE PLAIN"),
    sql.SQL("CREATE INDEX {by_version} ON {table} (version_id)"),
    sql.SQL(
        "CREATE INDEX {by_vector} ON {table} USING hnsw (vector halfvec_cosine_ops) WITH (m = 16, ef_construction = 64)"
    ),
)
# As in migration 0008. No keys: forget() takes excerpts along, under the lock of their version that storing them holds.
_EXCERPTS = (
    sql.SQL("""
CREATE TABLE IF NOT EXISTS {table} (
    chunk_id bigint NOT NULL,
    number smallint NOT NULL,
    version_id bigint NOT NULL,
    vector halfvec({dimensions}) NOT NULL,
    PRIMARY KEY (chunk_id, number)
)"""),
    sql.SQL("ALTER TABLE {table} ALTER COLUMN vector SET STORAGE PLAIN"),
    sql.SQL("CREATE INDEX IF NOT EXISTS {by_version} ON {table} (version_id)"),
)
