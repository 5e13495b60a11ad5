"""A file of threads from another program, on its way in or read: how far it is, and what came of it."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from chat.errors import BadInput, Conflict, TooLarge
from chat.models.employee import Employee

COMING, WAITING, READING, DONE, FAILED = "coming", "waiting", "reading", "done", "failed"
KEPT_IMPORTS = 10  # of one employee; the oldest goes
NAME_CHARS = 200


class ThreadImportQuerySet(models.QuerySet["ThreadImport"]):
    def for_employee(self, employee: Employee) -> ThreadImportQuerySet:
        return self.filter(owner=employee)


class ThreadImport(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=NAME_CHARS)
    size_bytes = models.BigIntegerField()
    received_bytes = models.BigIntegerField(default=0)
    status = models.CharField(max_length=10, default=COMING)
    # {num_new, num_grown, num_there, num_left_out, reasons: {code: how many}, num_hidden, num_images, program}
    result = models.JSONField(default=dict)
    error_code = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    objects = ThreadImportQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["owner", "-created_at"], name="import_of_owner")]

    def __str__(self) -> str:
        return f"{self.status}: {self.received_bytes} of {self.size_bytes}"

    @property
    def path(self) -> Path:
        """Where the file lies until it is read. The name is ours."""
        return Path(settings.HEARTH_UPLOADS_DIR) / "imports" / self.id.hex

    @classmethod
    def begin(cls, owner: Employee, name: str, size_bytes: int) -> ThreadImport:
        """Raises BadInput, TooLarge, Conflict while another one is read."""
        mine = cls.objects.for_employee(owner)
        if size_bytes <= 0:
            raise BadInput("empty_file", _("The file is empty."))
        if size_bytes > settings.HEARTH_UPLOAD_MAX_BYTES:
            limit = settings.HEARTH_UPLOAD_MAX_BYTES // (1024 * 1024)
            raise TooLarge("file_too_large", _("A file to import has at most %(limit)d MiB.") % {"limit": limit})
        if mine.filter(status__in=[WAITING, READING]).exists():
            raise Conflict("import_running", _("Another file of yours is being read. Wait until it is done."))
        for old in [*mine.filter(status=COMING), *mine.order_by("-created_at")[KEPT_IMPORTS - 1 :]]:
            old.discard()
        return cls.objects.create(owner=owner, name=name[:NAME_CHARS], size_bytes=size_bytes)

    @transaction.atomic
    def append(self, offset: int, data: bytes) -> None:
        """The next piece; one that is there changes nothing. Raises Conflict at a gap, TooLarge behind the end."""
        row = ThreadImport.objects.select_for_update().get(pk=self.pk)
        self.received_bytes, self.status = row.received_bytes, row.status
        if row.status != COMING or offset + len(data) <= row.received_bytes:
            return
        if offset != row.received_bytes:
            raise Conflict("wrong_offset", _("The file goes on at another place."))
        if offset + len(data) > row.size_bytes:
            raise TooLarge("file_too_large", _("The file is larger than was said."))
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.seek(offset)
            file.write(data)
        self.received_bytes = offset + len(data)
        self.status = WAITING if self.received_bytes == row.size_bytes else COMING
        self._save("received_bytes", "status")

    def finish(self, result: dict[str, Any], error_code: str = "") -> None:
        """Read to its end, or as far as it could be; the file goes."""
        self.status, self.result, self.error_code = FAILED if error_code else DONE, result, error_code
        self._save("status", "result", "error_code")
        self.path.unlink(missing_ok=True)

    def discard(self) -> None:
        """The row and its file; what was imported stays."""
        self.path.unlink(missing_ok=True)
        self.delete()

    def _save(self, *fields: str) -> None:
        """A row that was discarded meanwhile stays away."""
        values = {name: getattr(self, name) for name in fields}
        ThreadImport.objects.filter(pk=self.pk).update(updated_at=timezone.now(), **values)
