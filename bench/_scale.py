"""Searching a hundred thousand chunks: synthetic vectors in clusters, words by Zipf's law, the real schema and SQL."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from django.db import connection, transaction
from django.utils import timezone

from bench._figures import figure, say

NUM_DIMENSIONS = 384
CHUNKS_OF_A_DOCUMENT = 100
WORDS_OF_A_CHUNK = 160
EXCERPTS_OF_A_CHUNK = 3
NUM_WORDS = 60_000
NUM_CLUSTERS = 500
SHARES = (0.001, 0.01, 0.05, 0.1, 0.5, 1.0)
RUNS = 60


def p95(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=20)[-1] if len(values) > 1 else values[0]


def measure(num_chunks: int, label: str) -> None:
    """retrieval.filtered_recall_at_20_min and retrieval.p95_ms_<label>."""
    from django.contrib.auth import get_user_model

    from rag import principals, spaces

    space = spaces.active()
    if space is None:
        return
    dice = np.random.default_rng(7)
    began = time.monotonic()
    documents = _fill(space, num_chunks, dice)
    say(f"{num_chunks} synthetic chunks in {time.monotonic() - began:.0f} s")
    recalls, milliseconds = [], []
    for share in SHARES:
        person = get_user_model().objects.create_employee(f"share{share}-{label}@example.com", name="Share")
        own = principals.ensure_for(person)
        _grant(own.pk, dice.choice(documents, max(1, int(len(documents) * share)), replace=False).tolist())
        recall = _recall(own.pk, space, dice)
        times = _times(person, dice)
        say(
            f"  {share:.1%} visible: recall@20 {recall:.3f}, p50 {statistics.median(times):.0f} p95 {p95(times):.0f} ms"
        )
        recalls.append(recall)
        milliseconds.append(p95(times))
    if label == "100k":
        figure("retrieval.filtered_recall_at_20_min", [min(recalls)], "share")
    figure(f"retrieval.p95_ms_{label}", [max(milliseconds)], "ms")


def _fill(space: Any, num_chunks: int, dice: np.random.Generator) -> list[str]:
    """Ids of the new documents. Everything that was there before is gone."""
    from rag import lexical

    fill_chunks(space, num_chunks, dice)
    fill_vectors(space, num_chunks, dice)
    lexical.count_all()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute("SELECT id::text FROM rag_document")
        return [row[0] for row in cursor.fetchall()]


def fill_chunks(space: Any, num_chunks: int, dice: np.random.Generator) -> None:
    """Documents, versions and chunks with their words; the space's vectors are gone with the old ones."""
    from django.contrib.auth import get_user_model

    owner = get_user_model().objects.get(email="bench@example.com")
    num_documents = num_chunks // CHUNKS_OF_A_DOCUMENT
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {space.table} DETACH PARTITION {space.partition}")
        cursor.execute(f"DROP TABLE {space.partition}")
        tables = "rag_document, rag_version, rag_chunk, rag_lexemefrequency, rag_corpusstatistic"
        cursor.execute(f"TRUNCATE {tables} CASCADE")
        cursor.execute("SET LOCAL maintenance_work_mem = '2GB'")
        cursor.execute("DROP INDEX rag_chunk_tsv")
        _make_documents(owner, num_documents)
        cursor.execute("UPDATE rag_document d SET live_version_id = v.id, newest_version_id = v.id,"
                       " num_live_chunks = v.num_chunks FROM rag_version v WHERE v.document_id = d.id")  # fmt: skip
        _copy_chunks(cursor, num_chunks, dice)
        cursor.execute("CREATE INDEX rag_chunk_tsv ON rag_chunk USING gin (tsv) WITH (fastupdate = off)")


def _make_documents(owner: Any, count: int) -> None:
    """Version n belongs to the n-th document."""
    from rag.models import Document, Version

    made = [Document(owner=owner, title=f"Document {n}", media_type="text/plain") for n in range(1, count + 1)]
    Document.objects.bulk_create(made, batch_size=1000)
    counts: dict[str, Any] = {"number": 1, "size_bytes": 1, "num_pages": 1, "num_pages_done": 1, "num_chars": 1}
    counts |= {"num_chunks": CHUNKS_OF_A_DOCUMENT, "num_chunks_embedded": CHUNKS_OF_A_DOCUMENT}
    counts |= {"sha256": b"", "status": Version.Status.READY, "searchable_at": timezone.now()}
    versions = [Version(id=n, document=each, file_name=str(n), **counts) for n, each in enumerate(made, start=1)]
    Version.objects.bulk_create(versions, batch_size=1000)


def fill_vectors(space: Any, num_chunks: int, dice: np.random.Generator) -> None:
    """A vector for each chunk, then their index; and excerpts, which have their chunk's."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL maintenance_work_mem = '2GB'")
        _copy_vectors(cursor, space, num_chunks, dice)
        cursor.execute(f"TRUNCATE {space.excerpts}")
        cursor.execute(
            f"INSERT INTO {space.excerpts} (chunk_id, number, version_id, vector)"
            f" SELECT chunk_id, number, version_id, vector FROM {space.partition}, generate_series(1, %s) AS number"
            " ORDER BY chunk_id",
            [EXCERPTS_OF_A_CHUNK],
        )
        cursor.execute(f"ANALYZE {space.excerpts}")


def _copy_chunks(cursor: Any, num_chunks: int, dice: np.random.Generator) -> None:
    """Chunk n belongs to version (n - 1) // 100 + 1."""
    spelled = [_word(number) for number in range(NUM_WORDS + 1)]
    cursor.execute("CREATE TEMPORARY TABLE draft (id bigint, body text) ON COMMIT DROP")
    with cursor.copy("COPY draft FROM STDIN") as copy:
        for first in range(1, num_chunks + 1, 10_000):
            count = min(10_000, num_chunks - first + 1)
            words = _words(dice, count * WORDS_OF_A_CHUNK).reshape(count, WORDS_OF_A_CHUNK)
            rows = (" ".join([spelled[word] for word in row]) for row in words.tolist())
            copy.write("".join(f"{first + n}\t{row}\n" for n, row in enumerate(rows)))
    cursor.execute(
        "INSERT INTO rag_chunk (id, version_id, ordinal, page_first, page_last, spans, heading, body, body_hash,"
        " num_tokens, num_lexemes, language, flags, tsv) OVERRIDING SYSTEM VALUE"
        " SELECT id, (id - 1) / %s + 1, (id - 1) %% %s, 0, 0, '[[0, 0, 1]]', '', body, id, 250, %s, 'simple', 0,"
        " to_tsvector('simple', body) FROM draft",
        [CHUNKS_OF_A_DOCUMENT, CHUNKS_OF_A_DOCUMENT, WORDS_OF_A_CHUNK],
    )


def _words(dice: np.random.Generator, count: int) -> np.ndarray:
    return np.minimum(dice.zipf(1.15, count), NUM_WORDS)


def _word(number: int) -> str:
    return f"w{number:x}q"


def _copy_vectors(cursor: Any, space: Any, num_chunks: int, dice: np.random.Generator) -> None:
    """Loaded before the index is built: row by row an index costs 3 ms each. Then it becomes the space's partition."""
    cursor.execute(f"CREATE TABLE {space.partition} (LIKE {space.table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
    cursor.execute(f"ALTER TABLE {space.partition} ALTER COLUMN vector SET STORAGE PLAIN")
    names = _column_names(cursor, space.partition)
    fields = {"chunk_id": ("i8", 8), "space_id": ("i8", 8), "version_id": ("i8", 8)}
    layout: list[tuple[str, Any]] = [("num_fields", ">i2")]
    for name in names:
        if name == "vector":
            layout += [("size", ">i4"), ("dims", ">i2"), ("unused", ">i2"), ("vector", ">u2", NUM_DIMENSIONS)]  # type: ignore[list-item]
        else:
            layout += [(f"{name}_size", ">i4"), (name, f">{fields[name][0]}")]
    centres = _centres()
    with cursor.copy(f"COPY {space.partition} FROM STDIN WITH (FORMAT binary)") as copy:
        copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        for first in range(1, num_chunks + 1, 20_000):
            ids = np.arange(first, min(first + 20_000, num_chunks + 1))
            rows = np.zeros(len(ids), dtype=layout)
            rows["num_fields"], rows["size"], rows["dims"] = len(names), 4 + 2 * NUM_DIMENSIONS, NUM_DIMENSIONS
            for name in fields:
                rows[f"{name}_size"] = 8
            rows["chunk_id"], rows["space_id"] = ids, space.pk
            rows["version_id"] = (ids - 1) // CHUNKS_OF_A_DOCUMENT + 1
            rows["vector"] = vectors(centres, len(ids), dice).astype(np.float16).view(np.uint16)
            copy.write(rows.tobytes())
        copy.write(b"\xff\xff")
    cursor.execute(f"ALTER TABLE {space.partition} ADD PRIMARY KEY (chunk_id, space_id)")
    cursor.execute(f"CREATE INDEX ON {space.partition} (version_id)")
    cursor.execute(
        f"CREATE INDEX ON {space.partition} USING hnsw (vector halfvec_cosine_ops) WITH (m = 24, ef_construction = 100)"
    )
    cursor.execute(f"ALTER TABLE {space.table} ATTACH PARTITION {space.partition} FOR VALUES IN ({int(space.pk)})")


def _column_names(cursor: Any, table: str) -> list[str]:
    cursor.execute(f"SELECT * FROM {table} LIMIT 0")
    return [column.name for column in cursor.description]


def _centres() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(NUM_CLUSTERS, NUM_DIMENSIONS))


def vectors(centres: np.ndarray, count: int, dice: np.random.Generator) -> np.ndarray:
    """Unit vectors around random centres: near neighbours exist, and rights cut across them."""
    found = centres[dice.integers(len(centres), size=count)] + dice.normal(scale=0.8, size=(count, NUM_DIMENSIONS))
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def _grant(principal_id: int, documents: list[str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO rag_access (principal_id, document_id) SELECT %s, unnest(%s::uuid[])",
            [principal_id, documents],
        )
        cursor.execute("ANALYZE rag_access")


def _recall(principal_id: int, space: Any, dice: np.random.Generator) -> float:
    """The path that the size decides, against comparing with every visible vector."""
    from rag import retrieval

    scope, found = retrieval.Scope([principal_id], None), []
    for vector in vectors(_centres(), RUNS // 2, dice):
        with retrieval.snapshot() as cursor:
            seen = retrieval.visible(cursor, scope)
            got = {pk for pk, _ in retrieval.nearest(cursor, seen, space, vector.tolist())[:20]}
            exact = [pk for pk, _ in retrieval.nearest(cursor, seen, space, vector.tolist(), exactly=True)[:20]]
        found.append(len(got & set(exact)) / len(exact))
    return statistics.fmean(found)


def _times(person: Any, dice: np.random.Generator) -> list[float]:
    """Milliseconds of whole searches, without the embedding of the question."""
    from rag import search

    real, milliseconds = search._question_vectors, []
    try:
        for vector in vectors(_centres(), RUNS + 10, dice):
            search._question_vectors = lambda space, wordings, vector=vector: [vector.tolist()]  # type: ignore[misc]
            question = " ".join(dict.fromkeys(_word(int(word)) for word in _words(dice, 10)))
            began = time.perf_counter()
            search.passages(question, employee=person)
            milliseconds.append((time.perf_counter() - began) * 1000)
    finally:
        search._question_vectors = real
    return milliseconds[10:]
