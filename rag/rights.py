"""Who may read which document, said once: lists, pages, files, citations, counts, events and searches all ask this.

A document of one's own, or of a thread, has an Access row of its owner's principal. One in a collection is read by
whoever has a right there; an Access row shows it to somebody else as well, and a Hidden row takes it away from its
principal's people, whatever else they are. A deletion and a thread in the trash take it from everybody.

Asked in two directions, because a planner cannot turn one into the other: of a row at hand (READABLE), which lets a
list walk its index and stop after 200, and as all that there is (ALL_READABLE), which begins with the few collections
and never looks at what is not readable. Measured, see decisions.md; tests/leaks compares both with the same oracle.
"""

from __future__ import annotations

from typing import Any

from django.db.models import BooleanField, F, Func

# {mine} compares with the principals of the asker. An array of principals in the document's row would be shorter and
# misleads the planner (28 ms instead of 0.7 ms, recall 0.77, measured); these are semi-joins on indexes.
_IS_OPEN = "{deleted_at} IS NULL AND {suspended_at} IS NULL"
_SHELVES = "SELECT r.collection_id FROM rag_collectionright r WHERE r.principal_id {mine}"
_IS_NOT_HIDDEN = "NOT EXISTS (SELECT 1 FROM rag_hidden h WHERE h.document_id = {id} AND h.principal_id {mine})"
READABLE = f"""({_IS_OPEN}
 AND ({{collection_id}} IN ({_SHELVES})
      OR EXISTS (SELECT 1 FROM rag_access a WHERE a.document_id = {{id}} AND a.principal_id {{mine}}))
 AND {_IS_NOT_HIDDEN})"""  # noqa: S608 - the statement is ours, its values are parameters
NUM_MINE = READABLE.count("{mine}")

_COLUMNS = {name: f"d.{name}" for name in ("id", "collection_id", "deleted_at", "suspended_at")}
# Each document once: those with an Access row only where no shelf holds them already.
ALL_READABLE = f"""
shelf AS MATERIALIZED (SELECT DISTINCT s.collection_id AS id FROM ({_SHELVES}) s),
given AS MATERIALIZED (SELECT DISTINCT a.document_id AS id FROM rag_access a WHERE a.principal_id {{mine}}),
readable AS (
    SELECT d.id, d.collection_id, d.is_thread_file, d.live_version_id, d.num_live_chunks
    FROM shelf JOIN rag_document d ON d.collection_id = shelf.id
    WHERE {_IS_OPEN} AND {_IS_NOT_HIDDEN}
    UNION ALL
    SELECT d.id, d.collection_id, d.is_thread_file, d.live_version_id, d.num_live_chunks
    FROM given JOIN rag_document d ON d.id = given.id
    WHERE {_IS_OPEN} AND {_IS_NOT_HIDDEN}
      AND (d.collection_id IS NULL OR d.collection_id NOT IN (SELECT id FROM shelf)))
"""  # noqa: S608


_OF_EMPLOYEE = """IN (
    SELECT m.principal_id FROM rag_membership m JOIN {people} e ON e.id = m.employee_id
    WHERE m.employee_id = %s AND e.is_active)"""


class ReadableBy(Func):
    """Whether the document of the row may be read by this employee; people is the table of employees.

    is_active is asked of the row: the object in hand may be older than a deactivation.
    """

    output_field = BooleanField()

    def __init__(self, employee_id: int, people: str) -> None:
        super().__init__(*(F(name) for name in _COLUMNS))
        self._employee_id, self._people = employee_id, people

    def as_sql(
        self, compiler: Any, connection: Any, *arguments: Any, **extra: Any
    ) -> tuple[str, tuple[str | int, ...]]:
        names = (compiler.compile(column)[0] for column in self.get_source_expressions())
        statement = READABLE.format(
            mine=_OF_EMPLOYEE.format(people=self._people), **dict(zip(_COLUMNS, names, strict=True))
        )
        return statement, (self._employee_id,) * NUM_MINE


def all_readable(parameter: str) -> str:
    """Common table expressions that end in readable, for the parameter of this name, an array of principals."""
    return ALL_READABLE.format(mine=f"= ANY(%({parameter})s::int[])", **_COLUMNS)
