"""Read the pages of documents, a hundred at a time, each shard in a child of its own."""

from __future__ import annotations

import logging
import time
from datetime import timedelta

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from rag import extract as reader
from rag import fairness, provisional
from rag.doorbell import ring
from rag.errors import ChildKilled, RagError, UnreadableFile
from rag.extract import PDF
from rag.models import Page, Scan, Shard, Version
from rag.models.version import MAX_CLAIMS
from rag.work import MAX_KILLS, TURN_SECONDS, fail, is_all_read, is_free

log = logging.getLogger(__name__)

# A child costs 0.1 s before its first page, so they are few.
SHARD_PAGES = 100
# Renewed while the child reads, so that a killed worker's shard is free again soon, however long shards take.
SHARD_LEASE_SECONDS = 20.0
MAX_TEXT_CHARS = 20_000_000


def lay_out(version: Version, num_pages: int) -> None:
    """The version's shards, unread. Only a PDF can be opened in the middle: other files are one shard."""
    size = SHARD_PAGES if version.format.name == PDF else max(num_pages, 1)
    provisional.withdraw(version)
    Page.objects.filter(version=version).delete()
    Scan.objects.filter(version=version).delete()
    Shard.objects.filter(version=version).delete()
    Shard.objects.bulk_create(
        Shard(version=version, number=number, first_page=first, num_pages=min(size, num_pages - first))
        for number, first in enumerate(range(0, num_pages, size))
    )


def extract() -> None:
    """Read waiting shards for a while; ring again if there are more."""
    end = time.monotonic() + TURN_SECONDS
    while time.monotonic() < end:
        shard = claim_shard()
        if shard is None:
            return
        read_shard(shard)
    ring("extract")


def claim_shard(shard_id: int | None = None) -> Shard | None:
    """This waiting shard, or the next one of whose turn it is. None when another worker was quicker."""
    now = timezone.now()
    wanted = Q(pk=shard_id) if shard_id is not None else Q()
    with transaction.atomic():
        shard = (
            Shard.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("version__document")
            .filter(wanted, is_free(now), is_done=False, version__status=Version.Status.EXTRACTING)
            .order_by(fairness.BY_TURN, "number", "id")
            .first()
        )
        if shard is None:
            return None
        shard.attempt += 1
        shard.lease_until = now + timedelta(seconds=SHARD_LEASE_SECONDS)
        shard.save(update_fields=["attempt", "lease_until"])
        fairness.note_turn(shard.version)
    if shard.attempt > MAX_CLAIMS:
        fail(shard.version, RagError("interrupted"))
        return claim_shard() if shard_id is None else None
    return shard


def read_shard(shard: Shard) -> None:
    version = shard.version
    try:
        name = version.format.name
        found = reader.pages(version.path, shard.first_page, shard.num_pages, lambda: _renew(shard), name)
        if len(found) != shard.num_pages:
            raise UnreadableFile("broken")
    except reader.Unwanted:
        return None
    except ChildKilled as error:
        log.warning("version %s pages %s+: reader killed (%s)", version.pk, shard.first_page, error.how)
        if shard.attempt >= MAX_KILLS:
            return fail(version, error)
        Shard.objects.filter(pk=shard.pk, attempt=shard.attempt).update(lease_until=None)
        return None
    except RagError as error:
        return fail(version, error)
    with transaction.atomic():
        _store_pages(shard, found)


def _renew(shard: Shard) -> bool:
    """False when the shard was given to another worker or its version is no longer being read."""
    mine = Shard.objects.filter(pk=shard.pk, attempt=shard.attempt, version__status=Version.Status.EXTRACTING)
    return bool(mine.update(lease_until=timezone.now() + timedelta(seconds=SHARD_LEASE_SECONDS)))


def _store_pages(shard: Shard, found: list[reader.PageText]) -> None:
    num_chars = sum(len(page.text) for page in found)
    # The version's row is locked first, so that of two last shards one sees the other done.
    wanted = Version.objects.filter(pk=shard.version_id, status=Version.Status.EXTRACTING)
    if not wanted.select_for_update().exists():
        return
    if not Shard.objects.filter(pk=shard.pk, attempt=shard.attempt, is_done=False).update(
        is_done=True, lease_until=None
    ):
        return
    Page.objects.bulk_create(
        [
            Page(
                version_id=shard.version_id,
                page_no=page.page_no,
                label=page.label,
                width=page.width,
                height=page.height,
                rotation=page.rotation,
                text=page.text,
                lines=page.lines,
            )
            for page in found
        ],
        ignore_conflicts=True,
    )
    scans = [Scan(version_id=shard.version_id, page_no=page.page_no) for page in found if page.is_scan]
    Scan.objects.bulk_create(scans, ignore_conflicts=True)
    wanted.update(
        num_pages_done=F("num_pages_done") + len(found),
        num_chars=F("num_chars") + num_chars,
        num_scans=F("num_scans") + len(scans),
        num_hidden_chars=F("num_hidden_chars") + sum(page.num_hidden for page in found),
        num_left_out=F("num_left_out") + sum(page.num_left_out for page in found),
    )
    if wanted.filter(num_chars__gt=MAX_TEXT_CHARS).exists():
        return fail(shard.version, UnreadableFile("too_much_text"))
    shard.version.document.announce()
    if scans:
        ring("recognise")
    elif is_all_read(shard.version_id):
        ring("chunk", shard.version_id)
