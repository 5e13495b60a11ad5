"""Read the pictures of pages that hold no text of their own, page by page, when nothing else is to be read.

A row for each such page is the truth, claimed like shards with a lease and an attempt, a few pages of one document at a
time; each page is stored as soon as it is read, so a killed worker loses one. A page that kills its reader twice stays
as it was. Words are found while other pages are still being read (rag.provisional), the document's own chunks
are made when all of its pages have been.
"""

from __future__ import annotations

import contextlib
import logging
import time
from datetime import timedelta

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Greatest
from django.utils import timezone

from rag import fairness, ocr, provisional
from rag.clean import is_junk, num_visible
from rag.doorbell import ring
from rag.errors import ChildKilled, RagError, UnreadableFile
from rag.extract import Unwanted
from rag.formats import PDF
from rag.ingest import read_something
from rag.models import Page, Scan, Version
from rag.models.version import MAX_CLAIMS
from rag.shards import MAX_TEXT_CHARS
from rag.work import MAX_KILLS, fail, is_all_read, is_free

log = logging.getLogger(__name__)

# The children start once for so many pages. Other bells wait meanwhile, other files do not.
RUN_PAGES, RUN_SECONDS = 16, 20.0
LEASE_SECONDS = 30.0
# How old a page may become before its words can be found.
INDEX_SECONDS = 4.0
# Below this a page says that it was hard to read. Clean print has 90 and more.
POOR = 75
# What a picture inside a text must have to be more than a picture.
MIN_CHARS, MIN_CONFIDENCE = 12, 60


def recognise() -> None:
    """Read waiting pages for a while; ring again if there are more. Everything else that is to be read goes first."""
    end = time.monotonic() + RUN_SECONDS
    while time.monotonic() < end:
        if read_something():
            continue
        claimed = _claim()
        if not claimed:
            return
        _read(claimed, end)
    ring("recognise")


def _claim() -> list[Scan]:
    """The next waiting page of whose turn it is, and some that follow it in the same document."""
    now = timezone.now()
    waiting = Scan.objects.filter(
        is_free(now),
        is_done=False,
        version__status=Version.Status.EXTRACTING,
        version__cancel_requested_at__isnull=True,
    )
    with transaction.atomic():
        locked = waiting.select_for_update(skip_locked=True, of=("self",)).order_by("page_no", "id")
        first = locked.order_by(fairness.BY_TURN, "page_no", "id").first()
        if first is None:
            return []
        rows = list(locked.select_related("version__document").filter(version_id=first.version_id)[:RUN_PAGES])
        for row in rows:
            row.attempt += 1
            row.lease_until = now + timedelta(seconds=LEASE_SECONDS)
        Scan.objects.bulk_update(rows, ["attempt", "lease_until"])
        fairness.note_turn(rows[0].version)
    for row in rows:
        if row.attempt > MAX_CLAIMS:  # whoever held it has died each time
            _blame(row)
            return _claim()
    return rows


def _read(claimed: list[Scan], end: float) -> None:
    version, waiting = claimed[0].version, list(claimed)
    indexed_at = _index(version.pk, waiting)
    try:
        found = ocr.pages(version.path, [row.page_no for row in waiting], lambda: _renew(waiting), version.format.name)
        with contextlib.closing(found):
            for page in found:
                row = waiting.pop(0)
                if row.page_no != page.page_no:
                    raise UnreadableFile("broken")
                with transaction.atomic():
                    _store(row, page)
                while read_something():  # the children read on
                    _renew(waiting)
                if time.monotonic() >= indexed_at + INDEX_SECONDS:
                    indexed_at = _index(version.pk, waiting)
                if time.monotonic() >= end or not _renew(waiting):
                    break
    except Unwanted:
        return None
    except ChildKilled as error:
        log.warning("version %s page %s: reader of scans killed (%s)", version.pk, waiting[0].page_no, error.how)
        _blame(waiting.pop(0))
    except RagError as error:
        return fail(version, error)
    for row in waiting:  # not begun, so this attempt was none
        _mine(row).update(lease_until=None, attempt=F("attempt") - 1)
    _index(version.pk, [])


def _index(version_id: int, waiting: list[Scan]) -> float:
    """Let what has been read be found by its words. When that was."""
    while provisional.index(version_id) and _renew(waiting):
        pass
    return time.monotonic()


def _mine(row: Scan) -> QuerySet[Scan]:
    """This row, if the claim still holds and its version is still being read."""
    return Scan.objects.filter(pk=row.pk, attempt=row.attempt, is_done=False, version__status=Version.Status.EXTRACTING)


def _renew(rows: list[Scan]) -> bool:
    """False when one of them was given to another worker or nobody wants their version any more."""
    until = timezone.now() + timedelta(seconds=LEASE_SECONDS)
    kept = [row for row in rows if _mine(row).update(lease_until=until)]
    return len(kept) == len(rows)


def _blame(row: Scan) -> None:
    """A page that kills its reader is tried once more, then left as it is: the others are worth having."""
    if row.attempt < MAX_KILLS:
        _mine(row).update(lease_until=None)
        return
    with transaction.atomic():
        _store(row, None)


def _store(row: Scan, found: ocr.ReadPage | None) -> None:
    """None: nothing could be read."""
    # The version's row is locked first, so that of two last pages one sees the other done.
    wanted = Version.objects.filter(pk=row.version_id, status=Version.Status.EXTRACTING)
    if not wanted.select_for_update().exists() or not _mine(row).update(is_done=True, lease_until=None):
        return
    page = Page.objects.get(version_id=row.version_id, page_no=row.page_no)
    num_new, is_poor = 0, found is None
    is_page = row.version.format == PDF
    if found is not None and (_is_better(found, page.text) if is_page else _is_text(found)):
        num_new, is_poor = len(found.text) - len(page.text), found.confidence < POOR
        changed: dict[str, object] = {"text": found.text, "source": Page.Source.OCR, "confidence": found.confidence}
        if is_page:  # a picture inside another file has no place on a page
            changed |= {name: getattr(found, name) for name in ("lines", "width", "height", "rotation")}
        Page.objects.filter(version_id=row.version_id, page_no=row.page_no).update(**changed)
    wanted.update(
        num_scans_done=F("num_scans_done") + 1,
        num_scans_poor=F("num_scans_poor") + int(is_poor),
        num_chars=Greatest(F("num_chars") + num_new, 0),
    )
    if wanted.filter(num_chars__gt=MAX_TEXT_CHARS).exists():
        return fail(row.version, UnreadableFile("too_much_text"))
    row.version.document.announce()
    if is_all_read(row.version_id):
        ring("chunk", row.version_id)


def _is_text(found: ocr.ReadPage) -> bool:
    """Of a picture in a text: photographs and drawings have letters too, if one looks for them."""
    return num_visible(found.text) >= MIN_CHARS and found.confidence >= MIN_CONFIDENCE and not is_junk(found.text)


def _is_better(found: ocr.ReadPage, before: str) -> bool:
    num_found, num_before = num_visible(found.text), num_visible(before)
    return num_found > 0 and (num_found >= num_before or is_junk(before))
