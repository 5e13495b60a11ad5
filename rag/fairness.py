"""Whose file is worked on next: the uploader's whose turn is longest ago.

So five hundred files of one person delay another's single file by one step, not by five hundred.

A turn is one step: a look at a new file, a shard of pages, splitting a document, a batch of vectors. It is noted with
the uploader's principal. Among one person's files the order is that of the shards, so short files overtake long ones.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection
from django.db.models.expressions import F, OrderBy
from django.utils import timezone

from rag.models import Principal, Version

# For querysets of shards, scans and batches.
BY_TURN = OrderBy(F("version__document__owner__principal__served_at"), nulls_first=True)

_NEXT = """
WITH due AS (
    SELECT CASE WHEN v.status = 'queued' THEN 'probe' ELSE 'chunk' END AS step, v.id AS version_id, 0 AS number,
           NULL::bigint AS shard_id
    FROM rag_version v
    WHERE v.cancel_requested_at IS NULL AND (v.lease_until IS NULL OR v.lease_until < %(now)s)
      AND (v.status = 'queued' OR v.status = 'extracting'
           AND NOT EXISTS (SELECT 1 FROM rag_shard s WHERE s.version_id = v.id AND NOT s.is_done)
           AND NOT EXISTS (SELECT 1 FROM rag_scan c WHERE c.version_id = v.id AND NOT c.is_done))
    UNION ALL
    SELECT 'extract', s.version_id, s.number, s.id
    FROM rag_shard s JOIN rag_version v ON v.id = s.version_id
    WHERE NOT s.is_done AND (s.lease_until IS NULL OR s.lease_until < %(now)s)
      AND v.status = 'extracting' AND v.cancel_requested_at IS NULL)
SELECT due.step, due.version_id, due.shard_id
FROM due JOIN rag_version v ON v.id = due.version_id JOIN rag_document d ON d.id = v.document_id
LEFT JOIN rag_principal p ON p.employee_id = d.owner_id
ORDER BY p.served_at NULLS FIRST, due.number, due.version_id, due.shard_id LIMIT 1
"""


@dataclass(frozen=True)
class Step:
    """probe and chunk of a version, or extract of one of its shards."""

    kind: str
    version_id: int
    shard_id: int | None


def next_step() -> Step | None:
    """What is due of the person whose turn it is. Two workers may be told the same; claiming decides between them."""
    with connection.cursor() as cursor:
        cursor.execute(_NEXT, {"now": timezone.now()})
        row = cursor.fetchone()
    return Step(*row) if row else None


def note_turn(version: Version) -> None:
    """The uploader of this version has had a turn."""
    Principal.objects.filter(employee_id=version.document.owner_id).update(served_at=timezone.now())
