"""Files come in as pieces at an offset, so a lost connection loses one piece and memory never holds a file.

Sizes and quota are refused before anything is read. The first bytes decide what a file is, not its name. The
row's received_bytes never says more than is on disk; with the last piece rag.arrivals makes the document.
"""

from __future__ import annotations

import os
import secrets
import unicodedata
import uuid
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path, PureWindowsPath

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from rag import arrivals, collections, formats, principals
from rag.errors import DocumentTooLarge, QuotaExceeded, RagError, UnsupportedFile, UploadError, WrongOffset
from rag.models import Collection, Document, Principal, Upload, Version
from rag.models.upload import FOLDER_CHARS

MIB = 1024 * 1024
ABANDONED_AFTER = timedelta(hours=24)


@dataclass(frozen=True)
class Destination:
    """Where a file goes: into a collection, into a thread (thread_id None: one that its first question will make), in
    the place of a document; else among the owner's own. folder: its folders in the uploader's words, "a/b".

    Whoever makes one has looked up what it names as something that the owner may change.
    """

    collection: Collection | None = None
    replaces: Document | None = None
    is_thread_file: bool = False
    thread_id: uuid.UUID | None = None
    folder: str = ""

    @property
    def shelf(self) -> Collection | None:
        """The collection whose room it takes; None: the owner's."""
        return self.replaces.collection if self.replaces is not None else self.collection


OWN = Destination()


def begin(owner: AbstractBaseUser, name: str, size_bytes: int, destination: Destination = OWN) -> Upload:
    """A place for the file. Raises DocumentTooLarge or QuotaExceeded before a byte is read."""
    if size_bytes <= 0:
        raise UploadError("document_empty")
    if size_bytes > settings.HEARTH_UPLOAD_MAX_BYTES:
        raise DocumentTooLarge(limit_mib=settings.HEARTH_UPLOAD_MAX_BYTES // MIB)
    with transaction.atomic():
        _require_room(owner, size_bytes, destination.shelf)
        return Upload.objects.create(
            owner_id=owner.pk,
            name=shown_name(name),
            size_bytes=size_bytes,
            file_name=secrets.token_hex(24),
            folder=shown_folder(destination.folder),
            collection=destination.shelf,
            replaces=destination.replaces,
            is_thread_file=destination.is_thread_file,
            thread_id=destination.thread_id,
        )


def _require_room(owner: AbstractBaseUser, size_bytes: int, shelf: Collection | None) -> None:
    """Two uploads that begin at once would both fit; the row lock makes them take turns."""
    if shelf is not None:
        Collection.objects.select_for_update().get(pk=shelf.pk)
        if collections.bytes_used_in(shelf) + size_bytes > collections.quota_bytes():
            raise QuotaExceeded("collection_full", quota_mib=collections.quota_bytes() // MIB)
        return
    Principal.objects.select_for_update().get(pk=principals.ensure_for(owner).pk)
    if bytes_used_by(owner) + size_bytes > settings.HEARTH_UPLOAD_QUOTA_BYTES:
        raise QuotaExceeded(quota_mib=settings.HEARTH_UPLOAD_QUOTA_BYTES // MIB)


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
    """Everything the owner has here outside of collections: documents, and what unfinished uploads have announced."""
    own = {"owner_id": owner.pk, "collection__isnull": True}
    documents = Version.objects.filter(document__in=Document.objects.filter(**own, deleted_at__isnull=True))
    uploads = Upload.objects.filter(**own, document__isnull=True)
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


def shown_folder(folder: str) -> str:
    """The folders that the file lay in, "a/b": no way up, no control characters, the last ones if there are many."""
    parts = [shown_name(part).strip(". ") for part in folder.replace("\\", "/").split("/")]
    kept = [part[:60] for part in parts if part]
    while len("/".join(kept)) > FOLDER_CHARS:
        kept = kept[1:]
    return "/".join(kept)


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
    refusal = arrivals.take_in(row, found) if found is not None else None
    if refusal is not None:
        row.path.unlink(missing_ok=True)
        row.delete()
        return refusal
    row.save(update_fields=["received_bytes", "updated_at", "document", "is_duplicate"])
    return None


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
