"""Files come in as pieces at an offset, so a lost connection loses one piece and memory never holds a file.

Sizes and quota are refused before anything is read. The first bytes decide what a file is, not its name. The
row's received_bytes never says more than is on disk; the last piece makes the document and rings the pipeline.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import unicodedata
from datetime import timedelta
from pathlib import Path, PureWindowsPath

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from rag import formats, principals
from rag.doorbell import ring
from rag.errors import DocumentTooLarge, QuotaExceeded, RagError, UnsupportedFile, UploadError, WrongOffset
from rag.models import Document, Principal, Upload, Version

MIB = 1024 * 1024
ABANDONED_AFTER = timedelta(hours=24)


def begin(owner: AbstractBaseUser, name: str, size_bytes: int) -> Upload:
    """A place for the file. Raises DocumentTooLarge or QuotaExceeded before a byte is read."""
    if size_bytes <= 0:
        raise UploadError("document_empty")
    if size_bytes > settings.HEARTH_UPLOAD_MAX_BYTES:
        raise DocumentTooLarge(limit_mib=settings.HEARTH_UPLOAD_MAX_BYTES // MIB)
    with transaction.atomic():
        own = principals.ensure_for(owner)
        # Two uploads that begin at once would both fit; the row lock makes them take turns.
        Principal.objects.select_for_update().get(pk=own.pk)
        if bytes_used_by(owner) + size_bytes > settings.HEARTH_UPLOAD_QUOTA_BYTES:
            raise QuotaExceeded(quota_mib=settings.HEARTH_UPLOAD_QUOTA_BYTES // MIB)
        return Upload.objects.create(
            owner_id=owner.pk, name=shown_name(name), size_bytes=size_bytes, file_name=secrets.token_hex(24)
        )


def append(upload: Upload, offset: int, data: bytes) -> int:
    """Write a piece and return the new received_bytes. Sending the same piece again is harmless.

    Raises WrongOffset with the byte to continue at, DocumentTooLarge when the piece runs past the announced size,
    UnsupportedFile when the file turns out to be none that is read (the upload is gone then). The last piece makes the
    document: upload.document.
    """
    refusal: RagError | None = None
    with transaction.atomic():
        row = Upload.objects.select_for_update().get(pk=upload.pk)
        if row.document_id is None:
            refusal = _take_piece(row, offset, data)
        elif offset + len(data) > row.size_bytes or not _holds(row.path, offset, data):
            raise WrongOffset(row.size_bytes)
    if refusal is not None:
        raise refusal
    upload.refresh_from_db()
    return upload.received_bytes


def bytes_used_by(owner: AbstractBaseUser) -> int:
    """Everything the owner has here: documents not deleted, and what unfinished uploads have announced."""
    documents = Version.objects.filter(document__owner_id=owner.pk, document__deleted_at__isnull=True)
    uploads = Upload.objects.filter(owner_id=owner.pk, document__isnull=True)
    sums = [rows.aggregate(total=Sum("size_bytes"))["total"] or 0 for rows in (documents, uploads)]
    return int(sum(sums))


def abandon_stale() -> int:
    """Drop uploads that nobody continued for a day. Returns how many."""
    stale = Upload.objects.filter(document__isnull=True, updated_at__lt=timezone.now() - ABANDONED_AFTER)
    num_dropped = 0
    for upload in stale.iterator():
        upload.path.unlink(missing_ok=True)
        num_dropped += upload.delete()[0]
    return num_dropped


def shown_name(name: str) -> str:
    """The uploader's file name: no folders, no control or direction characters, at most 220 long with its ending."""
    base = PureWindowsPath(name).name  # splits at / and \\ alike
    visible = " ".join(
        "".join(c for c in unicodedata.normalize("NFC", base) if unicodedata.category(c)[0] != "C").split()
    )
    stem, dot, extension = visible.rpartition(".")
    return f"{stem[:200]}{dot}{extension}"[:220] if len(extension) < 20 else visible[:200]


def title_from(name: str) -> str:
    """The file name as a title: without the ending of a kind that is read."""
    title = shown_name(name)
    endings = (extension for known in formats.FORMATS for extension in known.extensions)
    ending = next((ending for ending in endings if title.casefold().endswith(ending)), "")
    return title[: len(title) - len(ending)].strip()[:200] or "Document"


def _take_piece(row: Upload, offset: int, data: bytes) -> RagError | None:
    """Write under the row's lock. A refusal is returned, not raised, so that what the row learned commits."""
    end = offset + len(data)
    if end > row.size_bytes:
        raise DocumentTooLarge(limit_mib=settings.HEARTH_UPLOAD_MAX_BYTES // MIB)
    on_disk = _size_on_disk(row.path)
    if on_disk < row.received_bytes:  # a crash of the machine took bytes that the row had counted
        Upload.objects.filter(pk=row.pk).update(received_bytes=on_disk)
        row.received_bytes = on_disk
    if offset < row.received_bytes and end <= row.received_bytes:
        return None if _holds(row.path, offset, data) else WrongOffset(row.received_bytes)
    if offset != row.received_bytes:
        return WrongOffset(row.received_bytes)
    _write(row.path, offset, data, is_last=end == row.size_bytes)
    row.received_bytes = end
    row.updated_at = timezone.now()
    head = _read(row.path, 0, formats.HEAD_BYTES) if end >= min(formats.HEAD_BYTES, row.size_bytes) else b""
    found = formats.by_content(row.path, row.name) if row.is_complete else None
    if not formats.is_possible(head) or (row.is_complete and found is None):
        row.path.unlink(missing_ok=True)
        row.delete()
        return UnsupportedFile(formats.refusal(head, row.name))
    if found is not None:
        row.document = _make_document(row, found)
    row.save(update_fields=["received_bytes", "updated_at", "document"])
    return None


def _make_document(row: Upload, found: formats.Format) -> Document:
    title = title_from(row.name)
    document = Document.objects.create(owner_id=row.owner_id, title=title, media_type=found.media_type)
    with row.path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").digest()
    version = Version.objects.create(
        document=document, file_name=row.file_name, size_bytes=row.size_bytes, sha256=sha256
    )
    document.newest_version = version
    document.save(update_fields=["newest_version"])
    document.grant(principals.ensure_for(row.owner))
    document.announce()
    ring("probe", version.pk)
    return document


def _holds(path: Path, offset: int, data: bytes) -> bool:
    """Whether these bytes are there already. A file that is gone with its document holds nothing to compare."""
    return not path.exists() or _read(path, offset, len(data)) == data


def _size_on_disk(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _read(path: Path, offset: int, num_bytes: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(num_bytes)


def _write(path: Path, offset: int, data: bytes, *, is_last: bool) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.seek(offset)
        file.write(data)
        file.flush()
        if is_last:
            os.fsync(file.fileno())
