"""Turn an uploaded file into passages we can search.

queued --probe--> extracting --extract, shard by shard; recognise, page by page; chunk--> searchable --embed--> ready

Each step claims a row with a lease, works, and writes its result together with the row's new state in one
transaction that checks the claim. So a step may be run twice, at once or never: a killed worker's lease runs out and
the next one goes on, a late one's writes match no row. A file that is at fault fails at once with its sentence; a file
that kills its reader fails the second time.
Left out: vectors, which are rag.embedding's, and pictures of pages, which are rag.scans's.
"""

from __future__ import annotations

import logging
import time

from django.db import transaction

from rag import extract as reader
from rag import fairness, indexing, shards
from rag.doorbell import ring
from rag.errors import ChildKilled, RagError, UnreadableFile
from rag.models import Version
from rag.work import MAX_KILLS, TURN_SECONDS, fail

log = logging.getLogger(__name__)

PROBE_LEASE_SECONDS = 60.0


def probe(version_id: int) -> None:
    """Open the file, lay out its shards. The document is extracting afterwards, or failed."""
    version = Version.objects.filter(pk=version_id).first()
    if version is None or not version.claim(Version.Status.QUEUED, PROBE_LEASE_SECONDS):
        return
    try:
        found = reader.probe(version.path, version.format.name)
    except RagError as error:
        return _reading_failed(version, error)
    if found.num_pages == 0:
        return fail(version, UnreadableFile("no_pages"))
    with transaction.atomic():
        if not version.mine().update(
            status=Version.Status.EXTRACTING,
            num_pages=found.num_pages,
            num_pages_done=0,
            num_scans=0,
            num_scans_done=0,
            num_scans_poor=0,
            num_hidden_chars=0,
            num_left_out=0,
            num_chars=0,
            outline=found.outline,
            attempt=0,
            lease_until=None,
        ):
            return
        shards.lay_out(version, found.num_pages)
        version.document.announce()
        ring("extract")


def read_something() -> bool:
    """Do one step of whatever reading is due of the person whose turn it is. False when nothing is.

    Embedding and reading scans call it between two batches: with a single worker, a document that has just come in
    would otherwise wait for its bell behind the vectors of all others.
    """
    step = fairness.next_step()
    if step is None:
        return False
    if step.kind == "extract":
        shard = shards.claim_shard(step.shard_id)
        if shard is not None:
            shards.read_shard(shard)
        return True
    version = Version.objects.select_related("document").filter(pk=step.version_id).first()
    if version is not None:
        fairness.note_turn(version)
        (probe if step.kind == "probe" else indexing.chunk)(version.pk)
    return True


def read() -> None:
    """Do whatever reading is due for a while; ring again if there is more."""
    end = time.monotonic() + TURN_SECONDS
    while time.monotonic() < end:
        if not read_something():
            return
    ring("extract")


def _reading_failed(version: Version, error: RagError) -> None:
    if isinstance(error, ChildKilled) and version.attempt < MAX_KILLS:
        log.warning("version %s: reader killed (%s)", version.pk, error.how)
        version.release()
        with transaction.atomic():
            ring("probe", version.pk)
        return
    fail(version, error)
