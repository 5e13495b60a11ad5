"""One file of a document, and how far the pipeline has come with it.

The row is the truth of the work: status says which step is next, lease_until who may not touch it, attempt
is the fencing token of whoever holds it. Celery only rings the bell.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from rag import errors, formats

# Raise it when pages or chunks of the same bytes would come out differently.
PIPELINE = 1
MAX_CLAIMS = 4


class Version(models.Model):
    """queued → extracting → searchable → embedding → ready, or failed, or cancelled."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        EXTRACTING = "extracting"
        SEARCHABLE = "searchable"
        EMBEDDING = "embedding"
        READY = "ready"
        FAILED = "failed"
        CANCELLED = "cancelled"

    document = models.ForeignKey("rag.Document", on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(default=1)
    file_name = models.CharField(max_length=64, unique=True)
    size_bytes = models.BigIntegerField(default=0)
    sha256 = models.BinaryField(max_length=32)
    # Empty in versions of before; then it is the document's.
    media_type = models.CharField(max_length=100, blank=True, default="", db_default="")
    pipeline = models.PositiveSmallIntegerField(default=PIPELINE)
    status = models.CharField(max_length=12, choices=Status, default=Status.QUEUED)
    num_pages = models.PositiveIntegerField(default=0)
    num_pages_done = models.PositiveIntegerField(default=0)
    # db_default: for inserts of an earlier release, which still runs while a later one is rolled out.
    num_scans = models.PositiveIntegerField(default=0, db_default=0)
    num_scans_done = models.PositiveIntegerField(default=0, db_default=0)
    num_scans_poor = models.PositiveIntegerField(default=0, db_default=0)
    num_hidden_chars = models.PositiveIntegerField(default=0, db_default=0)
    num_left_out = models.PositiveIntegerField(default=0, db_default=0)
    num_chars = models.PositiveIntegerField(default=0)
    num_chunks = models.PositiveIntegerField(default=0)
    num_chunks_embedded = models.PositiveIntegerField(default=0)
    outline = models.JSONField(default=list)
    error_code = models.CharField(max_length=40, blank=True, default="")
    error_params = models.JSONField(default=dict, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    attempt = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    searchable_at = models.DateTimeField(null=True, blank=True)
    ready_at = models.DateTimeField(null=True, blank=True)
    # Since when searches see a newer one.
    replaced_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["document", "number"], name="rag_version_document_number")
        ]
        indexes: ClassVar = [
            # What sweep looks for: work that is not at its end.
            models.Index(
                fields=["lease_until"],
                condition=Q(status__in=["queued", "extracting", "searchable", "embedding"]),
                name="rag_version_unfinished",
            ),
            # The same bytes once more, looked for among one owner's or one collection's.
            models.Index(fields=["sha256"], name="rag_version_sha256"),
        ]

    def __str__(self) -> str:
        return f"version {self.number} of {self.document_id}: {self.status}"

    @property
    def format(self) -> formats.Format:
        """What kind of file this version is; a new version may be of another kind than the old."""
        return formats.by_media_type(self.media_type or self.document.media_type)

    @property
    def path(self) -> Path:
        """Where the file lies. The name is random and ours, never the uploader's."""
        return Path(settings.HEARTH_UPLOADS_DIR) / self.file_name[:2] / self.file_name

    @property
    def error_sentence(self) -> str:
        """Why it failed, in the language in force; empty when it did not."""
        return errors.sentence(self.error_code, self.error_params) if self.error_code else ""

    @property
    def is_wanted(self) -> bool:
        """Nobody cancelled it or deleted its document."""
        return self.cancel_requested_at is None

    def claim(self, status: str, seconds: float) -> bool:
        """Take the row for one step. False when another worker has it or the step is done already.

        A worker that loses its lease keeps running, but its attempt is stale and its writes match no row.
        """
        now = timezone.now()
        free = Q(lease_until__isnull=True) | Q(lease_until__lt=now)
        taken = Version.objects.filter(free, pk=self.pk, status=status, cancel_requested_at__isnull=True).update(
            lease_until=now + timedelta(seconds=seconds), attempt=F("attempt") + 1
        )
        if taken:
            self.refresh_from_db()
        if taken and self.attempt > MAX_CLAIMS:
            self.fail("interrupted")
            return False
        return bool(taken)

    def mine(self) -> models.QuerySet[Version]:
        """This row, if the claim still holds: every write of a step goes through here."""
        return Version.objects.filter(pk=self.pk, attempt=self.attempt, status=self.status)

    def renew(self, seconds: float) -> bool:
        """Keep the claim that much longer. False when another worker has it or nobody wants the result."""
        return bool(self.mine().update(lease_until=timezone.now() + timedelta(seconds=seconds)))

    def release(self, *, after_seconds: float = 0.0, counts: bool = True) -> None:
        """Give the row back; the next claim may come after the delay. counts=False takes the attempt back."""
        until = timezone.now() + timedelta(seconds=after_seconds)
        self.mine().update(lease_until=until, attempt=F("attempt") - (0 if counts else 1))

    def fail(self, code: str, **params: object) -> None:
        """End with a reason. A version that is cancelled or ready stays what it is."""
        ended = [self.Status.READY, self.Status.CANCELLED, self.Status.FAILED]
        Version.objects.filter(pk=self.pk).exclude(status__in=ended).update(
            status=self.Status.FAILED, error_code=code, error_params=params, lease_until=None
        )
        self.refresh_from_db()

    def cancel(self) -> None:
        """Ask the worker to stop. An unfinished version becomes cancelled at once; its worker notices."""
        unfinished = [self.Status.QUEUED, self.Status.EXTRACTING]
        Version.objects.filter(pk=self.pk).update(cancel_requested_at=timezone.now())
        Version.objects.filter(pk=self.pk, status__in=unfinished).update(
            status=self.Status.CANCELLED, lease_until=None, error_code="cancelled"
        )
        self.refresh_from_db()

    def restart(self) -> bool:
        """Back to the first step after a failure or a cancel. False when there is nothing to retry."""
        changed = Version.objects.filter(
            pk=self.pk, status__in=[self.Status.FAILED, self.Status.CANCELLED], searchable_at__isnull=True
        ).update(
            status=self.Status.QUEUED,
            error_code="",
            error_params={},
            cancel_requested_at=None,
            lease_until=None,
            attempt=0,
        )
        self.refresh_from_db()
        return bool(changed)
