"""A document as people see it: a title, an owner, who may read it, and how far its reading is.

The content hangs on its versions. `Document.objects.for_employee` is the only door for anybody's request.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models, transaction
from django.utils import timezone

from rag import formats
from rag.errors import UnreadableFile
from rag.ids import uuid7
from rag.models.principal import Membership, Principal
from rag.models.version import Version

if TYPE_CHECKING:
    from rag.models.page import Page


@dataclass(frozen=True)
class DocumentState:
    """What the page shows of a document. error is a sentence in the language in force, or empty.

    place: what its pages are called, see rag.formats.
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


class DocumentQuerySet(models.QuerySet["Document"]):
    """Every chain starts with for_employee, save in tasks and maintenance."""

    def for_employee(self, employee: AbstractBaseUser | AnonymousUser) -> DocumentQuerySet:
        """The documents this employee may read: access through any of their principals, not deleted."""
        if not employee.is_authenticated or not employee.is_active:
            return self.none()
        principals = Membership.objects.filter(employee_id=employee.pk).values("principal_id")
        readable = Access.objects.filter(principal__in=principals).values("document_id")
        return self.filter(pk__in=readable, deleted_at__isnull=True)

    def recent(self) -> DocumentQuerySet:
        """Newest first, with what state() needs: one query for a whole list."""
        return self.select_related("newest_version").order_by("-created_at", "-pk")


class Document(models.Model):
    """One document. newest_version is what is being read; live_version is what searches see."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    title = models.CharField(max_length=255)
    media_type = models.CharField(max_length=100, default="application/pdf")
    newest_version = models.ForeignKey(Version, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    live_version = models.ForeignKey(Version, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = DocumentQuerySet.as_manager()

    def __str__(self) -> str:
        return self.title

    @property
    def format(self) -> formats.Format:
        """What kind of file it is, as its content showed when it came in."""
        return formats.by_media_type(self.media_type)

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
        )

    @transaction.atomic
    def grant(self, principal: Principal) -> None:
        """Let the principal read the document. Twice is once."""
        Access.objects.get_or_create(principal=principal, document=self)

    @transaction.atomic
    def delete_for_everyone(self) -> None:
        """Gone from every list, search and citation when this commits; the bytes follow in maintenance."""
        now = timezone.now()
        Access.objects.filter(document=self).delete()
        Version.objects.filter(document=self).update(cancel_requested_at=now)
        Document.objects.filter(pk=self.pk).update(deleted_at=now, live_version=None)
        self.refresh_from_db(fields=["deleted_at", "live_version"])
        self.announce()
        self._ring("purge")

    def cancel(self) -> None:
        """Stop reading; what is searchable already stays searchable."""
        if self.newest_version is not None:
            self.newest_version.cancel()
            self.announce()

    def retry(self) -> None:
        """Read the file again from the start of the step that failed. Nothing happens unless it failed."""
        if self.newest_version is not None and self.newest_version.restart():
            self.announce()
            self._ring("probe", self.newest_version_id)

    def open_file(self) -> Path:
        """Where the newest file lies on this machine. Raises UnreadableFile when there is none."""
        if self.newest_version is None:
            raise UnreadableFile("file_lost")
        return self.newest_version.path

    def page(self, page_no: int) -> Page:
        """One page of what searches see, counted from 0. Raises Page.DoesNotExist."""
        from rag.models.page import Page

        return Page.objects.get(version=self.live_version or self.newest_version, page_no=page_no)

    def announce(self) -> None:
        """Tell the pages that show this document, once the transaction has committed."""
        from rag.signals import announce

        announce(self.pk)

    def _ring(self, task: str, *args: Any) -> None:
        from rag.doorbell import ring

        ring(task, *args)


class Access(models.Model):
    """The principal may read the document. No row, no access."""

    pk = models.CompositePrimaryKey("principal_id", "document_id")
    principal = models.ForeignKey(Principal, on_delete=models.CASCADE, related_name="accesses")
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="accesses")

    def __str__(self) -> str:
        return f"{self.principal_id} reads {self.document_id}"
