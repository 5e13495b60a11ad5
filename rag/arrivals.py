"""A file that is here with all its bytes becomes a document, the new version of one, or the one that is there already.

The same bytes are looked for in one place only: among what the uploader sees where the file goes. What others own, and
what lies elsewhere, is never looked at, so neither an answer nor its time can tell of it.
"""

from __future__ import annotations

import hashlib

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Max, Q, QuerySet

from rag import formats, principals
from rag.doorbell import ring
from rag.errors import RagError, UploadError
from rag.models import Collection, Document, Principal, Upload, Version

TITLE_CHARS = 255


def take_in(row: Upload, found: formats.Format) -> RagError | None:
    """Set row.document. A refusal is returned: the owner may have lost the right to the place while the file came in.

    Runs in the transaction that holds the upload's row; a place is locked, so that of two equal files that arrive at
    once the second finds the first.
    """
    owner = row.owner
    _lock_place(row)
    if not _may_still(row, owner):
        return UploadError("no_longer_allowed")
    with row.path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").digest()
    twin = _twin(row, owner, sha256)
    if twin is not None:
        row.document, row.is_duplicate = twin, True
        row.path.unlink(missing_ok=True)
        return None
    document = row.replaces or _new_document(row, owner, found)
    _add_version(document, row, found, sha256)
    row.document = document
    return None


def _lock_place(row: Upload) -> None:
    if row.replaces_id is not None:
        Document.objects.select_for_update().get(pk=row.replaces_id)
    elif row.collection_id is not None:
        Collection.objects.select_for_update().get(pk=row.collection_id)
    else:
        Principal.objects.select_for_update().get(pk=principals.ensure_for(row.owner).pk)


def _may_still(row: Upload, owner: AbstractBaseUser) -> bool:
    if row.replaces_id is not None:
        return Document.objects.managed_by(owner).filter(pk=row.replaces_id).exists()
    if row.collection_id is not None:
        return Collection.objects.curated_by(owner).filter(pk=row.collection_id).exists()
    return bool(owner.is_active)


def _twin(row: Upload, owner: AbstractBaseUser, sha256: bytes) -> Document | None:
    """The document of the same place that has these bytes now, as far as the owner may see it."""
    place = _place(row, owner)
    if place is None:
        return None
    same = Q(live_version__sha256=sha256) | Q(newest_version__sha256=sha256)
    return place.filter(same).order_by("created_at", "pk").first()


def _place(row: Upload, owner: AbstractBaseUser) -> QuerySet[Document] | None:
    visible = Document.objects.for_employee(owner)
    if row.replaces_id is not None:
        return visible.filter(pk=row.replaces_id)
    if row.collection_id is not None:
        return visible.filter(collection_id=row.collection_id)
    if row.is_thread_file:
        # Before its thread exists a file has no neighbours.
        return visible.filter(is_thread_file=True, thread_id=row.thread_id) if row.thread_id else None
    return visible.filter(owner_id=owner.pk, collection__isnull=True, is_thread_file=False)


def _new_document(row: Upload, owner: AbstractBaseUser, found: formats.Format) -> Document:
    from rag.uploads import title_from

    title = title_from(row.name)
    document = Document.objects.create(
        owner_id=row.owner_id,
        title=f"{row.folder}/{title}"[-TITLE_CHARS:] if row.folder else title,
        media_type=found.media_type,
        collection_id=row.collection_id,
        is_thread_file=row.is_thread_file,
        thread_id=row.thread_id,
    )
    if row.collection_id is None:
        document.grant(principals.ensure_for(owner))
    return document


def _add_version(document: Document, row: Upload, found: formats.Format, sha256: bytes) -> None:
    last = Version.objects.filter(document=document).aggregate(last=Max("number"))["last"] or 0
    before = document.newest_version
    if before is not None and before.pk != document.live_version_id:
        before.cancel()  # what was to replace it is itself replaced
    version = Version.objects.create(
        document=document,
        number=last + 1,
        file_name=row.file_name,
        size_bytes=row.size_bytes,
        sha256=sha256,
        media_type=found.media_type,
    )
    document.newest_version = version
    document.save(update_fields=["newest_version"])
    document.announce()
    ring("probe", version.pk)
