"""A file on its way in, piece by piece."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models
from django.utils import timezone

from rag.ids import uuid7
from rag.models.collection import Collection
from rag.models.document import Document

FOLDER_CHARS = 150


class UploadQuerySet(models.QuerySet["Upload"]):
    """Every chain starts with for_employee, save in maintenance."""

    def for_employee(self, employee: AbstractBaseUser | AnonymousUser) -> UploadQuerySet:
        """An upload is seen by the one who began it and by nobody else."""
        if not employee.is_authenticated or not employee.is_active:
            return self.none()
        return self.filter(owner_id=employee.pk)


class Upload(models.Model):
    """received_bytes never says more than is on disk; document is set when the last byte is in."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=255)
    size_bytes = models.BigIntegerField()
    received_bytes = models.BigIntegerField(default=0)
    file_name = models.CharField(max_length=64, unique=True)
    folder = models.CharField(max_length=FOLDER_CHARS, blank=True, default="", db_default="")
    # Where it goes: into a collection, into a thread, in the place of a document; else among the owner's own.
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    replaces = models.ForeignKey(Document, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    is_thread_file = models.BooleanField(default=False, db_default=False)
    thread_id = models.UUIDField(null=True, blank=True)
    document = models.ForeignKey(Document, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    # The bytes were there already: document is the one that has them.
    is_duplicate = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now)

    objects = UploadQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["updated_at"], condition=models.Q(document__isnull=True), name="rag_upload_unfinished")
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.received_bytes} of {self.size_bytes}"

    @property
    def path(self) -> Path:
        """Where the bytes lie. The name is random and ours, never the uploader's."""
        return Path(settings.HEARTH_UPLOADS_DIR) / self.file_name[:2] / self.file_name

    @property
    def is_complete(self) -> bool:
        """All announced bytes are here."""
        return self.received_bytes == self.size_bytes
