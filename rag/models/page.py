"""Pages as extracted, the shards they are extracted in, and those of them that are pictures and must be recognised."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from rag import geometry
from rag.models.version import Version


class Shard(models.Model):
    """A run of pages that one child process reads. Claimed with a lease; attempt is the fencing token."""

    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="shards")
    number = models.PositiveIntegerField()
    first_page = models.PositiveIntegerField()
    num_pages = models.PositiveIntegerField()
    is_done = models.BooleanField(default=False)
    lease_until = models.DateTimeField(null=True, blank=True)
    attempt = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["version", "number"], name="rag_shard_version_number")]
        indexes: ClassVar = [
            models.Index(fields=["number", "id"], condition=models.Q(is_done=False), name="rag_shard_waiting")
        ]

    def __str__(self) -> str:
        return f"pages {self.first_page}+{self.num_pages} of version {self.version_id}"


class Scan(models.Model):
    """A page whose text has to be read out of its picture. Claimed with a lease; attempt is the fencing token."""

    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="scans")
    page_no = models.PositiveIntegerField()
    is_done = models.BooleanField(default=False)
    lease_until = models.DateTimeField(null=True, blank=True)
    attempt = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["version", "page_no"], name="rag_scan_version_page")]
        indexes: ClassVar = [
            models.Index(fields=["page_no", "id"], condition=models.Q(is_done=False), name="rag_scan_waiting")
        ]

    def __str__(self) -> str:
        return f"scan of page {self.page_no} of version {self.version_id}"


class Page(models.Model):
    """One page. Everything that is cited points into text by character offset.

    lines: [[char_start, length, x0, y0, x1, y1, font_size], …] in PDF points, y upwards, the crop box's origin
    subtracted, before rotation. width and height are those of the crop box before rotation. Of a page that was read out
    of its picture all of them mean the page as its text stands upright, and confidence (0 to 100) says how well it was
    read.
    """

    class Source(models.TextChoices):
        TEXT = "text"
        OCR = "ocr"

    pk = models.CompositePrimaryKey("version_id", "page_no")
    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="pages")
    page_no = models.PositiveIntegerField()
    label = models.CharField(max_length=40, blank=True, default="")
    width = models.FloatField()
    height = models.FloatField()
    rotation = models.PositiveSmallIntegerField(default=0)
    text = models.TextField()
    lines = models.JSONField(default=list)
    source = models.CharField(max_length=8, choices=Source, default=Source.TEXT)
    confidence = models.PositiveSmallIntegerField(null=True, blank=True)
    # Of a document that is still being read: its words can be found, see rag.provisional.
    is_indexed = models.BooleanField(default=False, db_default=False)

    def __str__(self) -> str:
        return f"page {self.page_no} of version {self.version_id}"

    @property
    def shown_label(self) -> str:
        """What is printed on the page where the PDF says so, else the count from 1."""
        return self.label or str(self.page_no + 1)

    @property
    def shown_size(self) -> tuple[float, float]:
        """Width and height as a reader sees the page, rotation applied."""
        return geometry.shown_size(self.width, self.height, self.rotation)

    def rects(self, char_start: int, char_end: int) -> list[geometry.Rect]:
        """The boxes that cover these characters, one a line, in the same points as lines."""
        return geometry.rects_between(self.lines, char_start, char_end)

    def fractions(self, rects: list[geometry.Rect]) -> list[geometry.Rect]:
        """The boxes as [left, top, right, bottom] between 0 and 1 of the page as shown, y downwards."""
        return geometry.fractions(rects, self.width, self.height, self.rotation)
