"""Which versions this person may see: the question that every search begins with.

The answer holds for the snapshot that the search runs in, so all other statements of the snapshot take it as it is:
asked afresh in each it was most of a search over many documents. Principals come from the server's own rows, never
from a request.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from rag import rights

EXACT_CHUNKS = 15_000
# HNSW finds a hundred of a small share by walking past all others: 2,000 for a twentieth, seconds of a million.
MANY_EXACT_CHUNKS, SMALL_SHARE = 120_000, 0.15
# The planner looks at each element of a constant array: 30 ms a statement for 10,000 of them (measured).
FEW_VERSIONS = 300
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
SELECT coalesce(array_agg(version_id), '{}')::text, count(*),
       coalesce(sum(coalesce(num_live_chunks, (SELECT num_chunks FROM rag_version v WHERE v.id = version_id))), 0),
       coalesce((SELECT num_chunks FROM rag_corpusstatistic), 0)
FROM visible
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
    num_versions: int
    num_chunks: int
    num_all: int

    @property
    def names_few(self) -> bool:
        """The versions are few enough to look each of them up in an index."""
        return self.num_versions <= FEW_VERSIONS

    def has(self, column: str) -> str:
        """The SQL condition that the column is one of the versions, given as the parameter of that name.

        Few are a constant array, which an index can look up; many a subquery that is hashed once and that the planner
        takes as it is. IS TRUE keeps it a filter: as a join it is planned around, HNSW among others in a nested loop.
        """
        if self.names_few:
            return f"{column} = ANY(%(versions)s::bigint[])"
        return f"({column} IN (SELECT unnest(%(versions)s::bigint[]))) IS TRUE"

    @property
    def is_few(self) -> bool:
        """Comparing with all of them is quicker than looking for them in the index, and misses nothing."""
        share = self.num_chunks / max(self.num_all, self.num_chunks, 1)
        return self.num_chunks <= EXACT_CHUNKS or (self.num_chunks <= MANY_EXACT_CHUNKS and share <= SMALL_SHARE)


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
    versions, num_versions, num_chunks, num_all = cursor.fetchone()
    return Visible(versions, num_versions, int(num_chunks), int(num_all))
