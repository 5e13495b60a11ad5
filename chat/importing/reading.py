"""One import from its file to its result. Safe to do twice: what is kept is kept once."""

from __future__ import annotations

import logging
import uuid
from collections import Counter
from datetime import timedelta
from typing import Any

from django.db import DataError
from django.db.models import Q
from django.utils import timezone, translation

from chat import doorbell
from chat.importing import archive, chatgpt, hearth, keeping, open_webui, pieces
from chat.importing.said import Conversation, Unreadable
from chat.models import Employee, Thread, ThreadImport
from chat.models.thread_import import COMING, READING, WAITING

log = logging.getLogger(__name__)
MAX_THREADS = 20_000
RUNG_THREADS = 100  # that open tabs hear of; a reload shows all
LOST_AFTER = timedelta(minutes=12)  # longer than a task may take
ABANDONED_AFTER = timedelta(hours=24)


def run(import_id: uuid.UUID) -> None:
    """Nothing happens when another worker reads it or it was read."""
    lost = Q(status=READING, updated_at__lt=timezone.now() - LOST_AFTER)
    mine = ThreadImport.objects.filter(Q(status=WAITING) | lost, pk=import_id)
    if not mine.update(status=READING, updated_at=timezone.now()):
        return
    row = ThreadImport.objects.select_related("owner").get(pk=import_id)
    with translation.override(row.owner.language or None):
        result, error_code = _read(row)
    log.info("import %s: %d new threads, %s", import_id, result["num_new"], error_code or "whole")
    row.finish(result, error_code)


def sweep() -> list[uuid.UUID]:
    """Those to ring for again; what was never sent to its end goes."""
    now = timezone.now()
    for abandoned in ThreadImport.objects.filter(status=COMING, updated_at__lt=now - ABANDONED_AFTER):
        abandoned.discard()
    lost = ThreadImport.objects.filter(status__in=[WAITING, READING], updated_at__lt=now - LOST_AFTER)
    return list(lost.values_list("pk", flat=True))


def _read(row: ThreadImport) -> tuple[dict[str, Any], str]:
    """(result, error code). What came before the error is kept and counted."""
    counts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    error_code = ""
    try:
        for text in archive.texts(row.path):
            for item in pieces.items(text):
                counts["num_seen"] += 1
                if counts["num_seen"] > MAX_THREADS:
                    raise archive.BadFile("too_many_threads")
                _take(row.owner, item, counts, reasons)
        if not counts["num_seen"]:
            error_code = "no_threads"
    except FileNotFoundError:
        error_code = "broken"
    except (archive.BadFile, pieces.BadJson) as error:
        error_code = error.code
    names = ("num_new", "num_grown", "num_there", "num_hidden", "num_images")
    result = {name: counts[name] for name in names} | {"num_left_out": reasons.total(), "reasons": dict(reasons)}
    return result, error_code


def _take(owner: Employee, item: dict[str, Any], counts: Counter[str], reasons: Counter[str]) -> None:
    try:
        conversation = _conversation(item)
        outcome, thread = keeping.keep(owner, conversation)
    except Unreadable as error:
        reasons[error.code] += 1
        return
    except DataError:
        reasons["bad_shape"] += 1
        return
    counts[f"num_{outcome}"] += 1
    if outcome != keeping.THERE:
        counts["num_hidden"] += conversation.num_hidden
        counts["num_images"] += conversation.num_images
        _ring(owner, thread, counts)


def _ring(owner: Employee, thread: Thread, counts: Counter[str]) -> None:
    if counts["num_new"] + counts["num_grown"] <= RUNG_THREADS:
        doorbell.thread_changed(owner.pk, thread.summary())


def _conversation(item: dict[str, Any]) -> Conversation:
    if hearth.matches(item):
        return hearth.read(item)
    if chatgpt.matches(item):
        return chatgpt.read(item)
    if open_webui.matches(item):
        return open_webui.read(item)
    raise Unreadable("bad_shape")
