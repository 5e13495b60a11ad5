"""Where a mark [n] in an answer points: a version, a page, characters on it."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models
from django.utils import timezone

from rag.ids import uuid7
from rag.models.chunk import Chunk
from rag.models.document import Document
from rag.models.version import Version


class CitationQuerySet(models.QuerySet["Citation"]):
    """Every chain starts with for_employee, save in maintenance."""

    def for_employee(self, employee: AbstractBaseUser | AnonymousUser) -> CitationQuerySet:
        """Citations of documents that the employee may read now, whatever they could read then."""
        return self.filter(document__in=Document.objects.for_employee(employee))


class Citation(models.Model):
    """The sentences behind a mark. message_id is the answer's id; rag knows no messages, so it is no key.

    strength is strong where a sentence of the passage matches the answer's, weak where only the passage does.
    places: [page_no, char_start, char_end, score] of every place; the fields of the same names are the first mark's.
    uses: what each mark with this n rests on, in the order of the answer; see rag.citations.Resolved.
    """

    class Strength(models.TextChoices):
        STRONG = "strong"
        WEAK = "weak"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    message_id = models.UUIDField(db_index=True)
    n = models.PositiveSmallIntegerField()
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="+")
    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="+")
    chunk = models.ForeignKey(Chunk, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    page_no = models.PositiveIntegerField()
    char_start = models.PositiveIntegerField()
    char_end = models.PositiveIntegerField()
    quote = models.TextField()
    heading = models.CharField(max_length=500, blank=True, default="")
    strength = models.CharField(max_length=6, choices=Strength, default=Strength.WEAK)
    score = models.FloatField(default=0.0)
    places = models.JSONField(default=list, db_default=[])
    uses = models.JSONField(default=list, db_default=[])
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = CitationQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["message_id", "n"], name="rag_citation_message_n")]

    def __str__(self) -> str:
        return f"[{self.n}] page {self.page_no} of {self.document_id}"
