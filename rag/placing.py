"""Where a document lies and who sees it there otherwise: moving, and exceptions inside a collection."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from rag import audience, collections, principals, uploads
from rag.errors import NotAllowed, QuotaExceeded, TooMany
from rag.models import Access, Collection, Document, Hidden, Principal, Version
from rag.signals import announce, announce_library

MAX_EXCEPTIONS = 200


@transaction.atomic
def move(document: Document, employee: AbstractBaseUser, collection: Collection | None) -> None:
    """Into a collection, or (None) among the employee's own documents, whose owner they become.

    The caller has looked up the document as one that the employee manages, and the collection as one that they curate.
    Exceptions end, since they were of the place. Raises QuotaExceeded.
    """
    document = Document.objects.select_for_update().get(pk=document.pk)
    if document.collection_id == (collection.pk if collection else None) and not document.is_thread_file:
        return
    before = audience.readers_of(document)
    size_bytes = Version.objects.filter(document=document).aggregate(total=Sum("size_bytes"))["total"] or 0
    own = principals.ensure_for(employee)
    if collection is not None:
        Collection.objects.select_for_update().get(pk=collection.pk)
        if collections.bytes_used_in(collection) + size_bytes > collections.quota_bytes():
            raise QuotaExceeded("collection_full", quota_mib=collections.quota_bytes() // uploads.MIB)
    elif document.owner_id != employee.pk or document.collection_id is not None:
        Principal.objects.select_for_update().get(pk=own.pk)
        quota = settings.HEARTH_UPLOAD_QUOTA_BYTES
        if uploads.bytes_used_by(employee) + size_bytes > quota:
            raise QuotaExceeded(quota_mib=quota // uploads.MIB)
    Access.objects.filter(document=document).delete()
    Hidden.objects.filter(document=document).delete()
    document.collection, document.owner_id = collection, employee.pk
    document.is_thread_file, document.thread_id = False, None
    document.save(update_fields=["collection", "owner", "is_thread_file", "thread_id"])
    if collection is None:
        document.grant(own)
    after = audience.readers_of(document)
    announce(document.pk, lost=before - after)
    announce_library(before | after)


@transaction.atomic
def set_exceptions(
    document: Document, employee: AbstractBaseUser, shown: Iterable[Principal], hidden: Iterable[Principal]
) -> None:
    """Who sees it besides the collection's people, and who of them does not. Hidden wins over everything.

    Raises NotAllowed when the employee would hide it from themselves: somebody must be able to take it back.
    """
    document = Document.objects.select_for_update().get(pk=document.pk)
    shown, hidden = list(shown), list(hidden)
    if len(shown) + len(hidden) > MAX_EXCEPTIONS:
        raise TooMany("too_many_members", limit=MAX_EXCEPTIONS)
    before = audience.readers_of(document)
    Access.objects.filter(document=document).delete()
    Hidden.objects.filter(document=document).delete()
    Access.objects.bulk_create([Access(document=document, principal=principal) for principal in shown])
    Hidden.objects.bulk_create([Hidden(document=document, principal=principal) for principal in hidden])
    if not Document.objects.managed_by(employee).filter(pk=document.pk).exists():
        raise NotAllowed("hidden_from_yourself")
    after = audience.readers_of(document)
    announce(document.pk, lost=before - after)
    announce_library(before ^ after)


def suspend_thread(thread_id: uuid.UUID, is_suspended: bool) -> None:
    """Files of a thread in the trash are nowhere; a restoration brings them back."""
    rows = Document.objects.filter(thread_id=thread_id, is_thread_file=True, deleted_at__isnull=True)
    rows.update(suspended_at=timezone.now() if is_suspended else None)


def settle_in_thread(document_ids: Iterable[uuid.UUID], thread_id: uuid.UUID) -> None:
    """These files of a thread belong to this one from now on: it has only now been made, or theirs ends before it."""
    Document.objects.filter(pk__in=document_ids, is_thread_file=True).update(thread_id=thread_id, suspended_at=None)
