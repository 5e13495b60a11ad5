"""What the steps of the pipeline share: who may take a row, how long a bell works, how a version ends."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from rag.errors import RagError
from rag.models import Scan, Shard, Version

# A file that kills its reader twice is at fault; once may be a machine short of memory.
MAX_KILLS = 2
# A bell works this long, then rings again and stands in line: nobody's first page waits for another's last.
TURN_SECONDS = 5.0


def is_free(now: datetime) -> Q:
    """Nobody holds the row, or its holder is late."""
    return Q(lease_until__isnull=True) | Q(lease_until__lt=now)


def unread() -> Q:
    """Versions of which a shard or a scanned page has still to be read."""
    return Exists(Shard.objects.filter(version=OuterRef("pk"), is_done=False)) | Exists(
        Scan.objects.filter(version=OuterRef("pk"), is_done=False)
    )


def is_all_read(version_id: int) -> bool:
    return not Version.objects.filter(unread(), pk=version_id).exists()


def fail(version: Version, error: RagError) -> None:
    with transaction.atomic():
        version.fail(error.code, **error.params)
        version.document.announce()
