"""A document as people see it: a title, an owner, who may read it, and how far its reading is.

The content hangs on its versions. `Document.objects.for_employee` is the only door for anybody's request.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from rag import formats, rights
from rag.errors import UnreadableFile
from rag.ids import uuid7
from rag.models.collection import Collection
from rag.models.principal import Principal
from rag.models.version import Version

if TYPE_CHECKING:
    from rag.models.page import Page


_IS_OPEN = Q(deleted_at__isnull=True, suspended_at__isnull=True)


@dataclass(frozen=True)
class DocumentState:
    """What the page shows of a document. error is a sentence in the language in force, or empty.

    place: what its pages are called, see rag.formats. version counts from 1. is_replacing: searches see an earlier
    version while status, counts and error are those of the newest. num_scans: pages whose text is read out of their
    pictures, how many are done, and how many were hard to read. num_hidden_chars: text left out because nobody sees it.
    num_left_out: pictures and attachments that are not read.
    """

    id: uuid.UUID
    title: str
    status: str
    num_pages: int
    num_pages_done: int
    num_chunks: int
    num_chunks_embedded: int
    is_searchable: bool
    is_ready: bool
    error: str
    error_code: str
    created_at: datetime
    size_bytes: int
    place: str
    collection: uuid.UUID | None
    is_thread_file: bool
    version: int
    is_replacing: bool
    num_scans: int = 0
    num_scans_done: int = 0
    num_scans_poor: int = 0
    num_hidden_chars: int = 0
    num_left_out: int = 0

    @property
    def num_pages_read(self) -> int:
        """Pages whose text is known, scans included."""
        return max(self.num_pages_done - self.num_scans + self.num_scans_done, 0)

    @property
    def is_in_part(self) -> bool:
        """Searches see what has been read until now, and there is more: see rag.provisional."""
        is_whole = self.status in (Version.Status.SEARCHABLE, Version.Status.EMBEDDING, Version.Status.READY)
        return self.is_searchable and not self.is_replacing and not is_whole


class DocumentQuerySet(models.QuerySet["Document"]):
    """Every chain starts with for_employee, save in tasks and maintenance."""

    def for_employee(self, employee: AbstractBaseUser | AnonymousUser) -> DocumentQuerySet:
        """The documents this employee may read now: see rag.rights."""
        if not employee.is_authenticated or not employee.is_active:
            return self.none()
        return self.filter(rights.ReadableBy(employee.pk, get_user_model()._meta.db_table))

    def managed_by(self, employee: AbstractBaseUser | AnonymousUser) -> DocumentQuerySet:
        """Of these, the ones that they may replace, move and delete: their own, and what they see as curators."""
        own = models.Q(owner_id=employee.pk, collection__isnull=True)
        curated = models.Q(collection__in=Collection.objects.curated_by(employee))
        return self.for_employee(employee).filter(own | curated)

    def library(self) -> DocumentQuerySet:
        """Without the files that belong to one thread, which are seen in it alone."""
        return self.filter(is_thread_file=False)

    def on_own_shelf(self, employee: AbstractBaseUser | AnonymousUser) -> DocumentQuerySet:
        """What they uploaded for themselves."""
        return self.filter(owner_id=employee.pk, collection__isnull=True)

    def shown_to(self, employee: AbstractBaseUser | AnonymousUser) -> DocumentQuerySet:
        """What they may read and find on none of their shelves: documents of others' collections."""
        shelves = Collection.objects.for_employee(employee)
        return self.exclude(collection__in=shelves).exclude(owner_id=employee.pk, collection__isnull=True)

    def recent(self) -> DocumentQuerySet:
        """Newest first, with what state() needs: one query for a whole list."""
        return self.select_related("newest_version").order_by("-created_at", "-pk")


class Document(models.Model):
    """One document. newest_version is what is being read; live_version is what searches see.

    It lies in one place: a collection, one thread (is_thread_file; thread_id names it once a question went out, and is
    no key because rag knows no threads), or among its owner's own. suspended_at: its thread is in the trash.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    title = models.CharField(max_length=255)
    media_type = models.CharField(max_length=100, default="application/pdf")
    newest_version = models.ForeignKey(Version, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    live_version = models.ForeignKey(Version, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    # Kept here so that a search over many documents need not look at their versions. NULL: not known.
    num_live_chunks = models.PositiveIntegerField(null=True, blank=True)
    collection = models.ForeignKey(
        Collection, on_delete=models.PROTECT, null=True, blank=True, related_name="documents"
    )
    is_thread_file = models.BooleanField(default=False, db_default=False)
    thread_id = models.UUIDField(null=True, blank=True, db_index=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    suspended_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = DocumentQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            # A shelf newest first, and all that a search asks of a document without touching its row.
            models.Index(
                fields=["collection", "-created_at", "-id"],
                include=["live_version", "num_live_chunks", "is_thread_file"],
                condition=_IS_OPEN,
                name="rag_document_shelf",
            ),
            models.Index(
                fields=["owner", "-created_at", "-id"],
                condition=_IS_OPEN & Q(collection__isnull=True),
                name="rag_document_own",
            ),
            models.Index(fields=["-created_at", "-id"], condition=_IS_OPEN, name="rag_document_newest"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def format(self) -> formats.Format:
        """What kind of file it is, as its content showed when it came in."""
        return formats.by_media_type(self.media_type)

    @property
    def is_on_its_way(self) -> bool:
        """Being read, or somewhere in the middle of getting vectors: of interest to those who look after it."""
        version = self.newest_version
        if version is None or self.deleted_at is not None:
            return False
        is_read = version.status in (Version.Status.QUEUED, Version.Status.EXTRACTING)
        return is_read or (version.status == Version.Status.EMBEDDING and version.num_chunks_embedded > 0)

    def state(self) -> DocumentState:
        """One query unless the document came from recent()."""
        version = self.newest_version or Version()
        return DocumentState(
            id=self.id,
            title=self.title,
            status=version.status,
            num_pages=version.num_pages,
            num_pages_done=version.num_pages_done,
            num_chunks=version.num_chunks,
            num_chunks_embedded=version.num_chunks_embedded,
            is_searchable=self.live_version_id is not None,
            is_ready=version.status == Version.Status.READY,
            error=version.error_sentence,
            error_code=version.error_code,
            created_at=self.created_at,
            size_bytes=version.size_bytes,
            place=self.format.place,
            collection=self.collection_id,
            is_thread_file=self.is_thread_file,
            version=version.number,
            is_replacing=self.live_version_id not in (None, self.newest_version_id),
            num_scans=version.num_scans,
            num_scans_done=version.num_scans_done,
            num_scans_poor=version.num_scans_poor,
            num_hidden_chars=version.num_hidden_chars,
            num_left_out=version.num_left_out,
        )

    @transaction.atomic
    def grant(self, principal: Principal) -> None:
        """Let the principal read the document. Twice is once."""
        Access.objects.get_or_create(principal=principal, document=self)

    @transaction.atomic
    def delete_for_everyone(self) -> None:
        """Gone from every list, search and citation when this commits; the bytes follow in maintenance."""
        from rag import audience

        now = timezone.now()
        lost = audience.readers_of(self)
        Access.objects.filter(document=self).delete()
        Hidden.objects.filter(document=self).delete()
        Version.objects.filter(document=self).update(cancel_requested_at=now)
        Document.objects.filter(pk=self.pk).update(deleted_at=now, live_version=None)
        self.refresh_from_db(fields=["deleted_at", "live_version"])
        self.announce(lost)
        self._ring("purge")

    @transaction.atomic
    def cancel(self) -> None:
        """Stop reading; what is searchable already stays so. A new version that failed or was stopped is dropped."""
        newest = self.newest_version
        if newest is None:
            return
        newest.cancel()
        if self.live_version_id not in (None, newest.pk):
            Document.objects.filter(pk=self.pk).update(newest_version=self.live_version_id)
            self.refresh_from_db()
        self.announce()

    def retry(self) -> None:
        """Read the file again from the start of the step that failed. Nothing happens unless it failed."""
        if self.newest_version is not None and self.newest_version.restart():
            self.announce()
            self._ring("probe", self.newest_version_id)

    @transaction.atomic
    def show_version(self, version: Version) -> None:
        """Searches see this version from the commit on, unless a newer one was quicker. The old one keeps its pages."""
        now = timezone.now()
        Document.objects.select_for_update().filter(pk=self.pk).first()
        is_older = models.Q(live_version__isnull=True) | models.Q(live_version__number__lt=version.number)
        is_older |= models.Q(live_version=version)  # in part until now, see rag.provisional
        rows = Document.objects.filter(is_older, pk=self.pk, deleted_at__isnull=True)
        num_chunks = Version.objects.filter(pk=version.pk).values("num_chunks")
        if not rows.update(
            live_version=version, num_live_chunks=num_chunks, media_type=version.media_type or self.media_type
        ):
            Version.objects.filter(pk=version.pk, replaced_at__isnull=True).update(replaced_at=now)
            return
        earlier = Version.objects.filter(document=self, number__lt=version.number, replaced_at__isnull=True)
        earlier.update(replaced_at=now)

    @property
    def shown_version(self) -> Version | None:
        """What people open: the version that searches see, or before there is one the newest."""
        return self.live_version or self.newest_version

    def open_file(self) -> Path:
        """Where the file of shown_version lies on this machine. Raises UnreadableFile when there is none."""
        if self.shown_version is None:
            raise UnreadableFile("file_lost")
        return self.shown_version.path

    def page(self, page_no: int) -> Page:
        """One page of shown_version, counted from 0. Raises Page.DoesNotExist."""
        from rag.models.page import Page

        return Page.objects.get(version=self.shown_version, page_no=page_no)

    def announce(self, lost: Iterable[int] = ()) -> None:
        """Tell the pages that show this document, once the transaction has committed. lost: who saw it until now."""
        from rag.signals import announce

        announce(self.pk, lost)

    def _ring(self, task: str, *args: Any) -> None:
        from rag.doorbell import ring

        ring(task, *args)


class ExceptionQuerySet(models.QuerySet[Any]):
    def for_document(self, document: Document) -> ExceptionQuerySet:
        """Those of a document that the caller has looked up for the employee."""
        return self.filter(document=document)


class Access(models.Model):
    """The principal may read the document, whatever collection it is in."""

    pk = models.CompositePrimaryKey("principal_id", "document_id")
    principal = models.ForeignKey(Principal, on_delete=models.CASCADE, related_name="accesses")
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="accesses")

    objects = ExceptionQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.principal_id} reads {self.document_id}"


class Hidden(models.Model):
    """The principal's people do not see the document, whatever other right they have."""

    pk = models.CompositePrimaryKey("principal_id", "document_id")
    principal = models.ForeignKey(Principal, on_delete=models.CASCADE, related_name="+")
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="hidings")

    objects = ExceptionQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.document_id} is hidden from {self.principal_id}"
