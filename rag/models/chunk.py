"""What is searched: chunks with their words, and how common each word is.

Vectors live in a table of their own (rag.models.space): beside body and tsv they would be pushed out of line,
and every distance of an exact scan would pay for fetching them.
"""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models

from rag.models.version import Version


class Chunk(models.Model):
    """A few paragraphs of one section.

    body is the cleaned copy that is embedded and given to models. spans point into the raw page texts:
    [[page_no, char_start, char_end], …] in reading order.
    """

    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="chunks")
    ordinal = models.PositiveIntegerField()
    page_first = models.PositiveIntegerField()
    page_last = models.PositiveIntegerField()
    spans = models.JSONField()
    heading = models.CharField(max_length=500, blank=True, default="")
    body = models.TextField()
    body_hash = models.BigIntegerField(default=0)
    num_tokens = models.PositiveSmallIntegerField()
    num_lexemes = models.PositiveSmallIntegerField(default=1)
    language = models.CharField(max_length=20, default="simple")
    flags = models.PositiveIntegerField(default=0)
    tsv = SearchVectorField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["version", "ordinal"], name="rag_chunk_version_ordinal")
        ]
        indexes: ClassVar = [
            # fastupdate off: scanning a pending list makes latency jump.
            GinIndex(fields=["tsv"], name="rag_chunk_tsv", fastupdate=False)
        ]

    def __str__(self) -> str:
        return f"chunk {self.ordinal} of version {self.version_id}"


class LexemeFrequency(models.Model):
    """In how many chunks a lexeme stands. Added to with each version, counted afresh by a beat task."""

    word = models.TextField(primary_key=True)
    num_chunks = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.word}: {self.num_chunks}"


class CorpusStatistic(models.Model):
    """One row: how many chunks there are and how long they are on average, in lexemes."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    num_chunks = models.PositiveIntegerField(default=0)
    sum_lexemes = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=models.Q(id=1), name="rag_corpusstatistic_one_row")]

    def __str__(self) -> str:
        return f"{self.num_chunks} chunks"

    @property
    def average_lexemes(self) -> float:
        """Never 0, so that it can divide."""
        return max(1.0, self.sum_lexemes / self.num_chunks) if self.num_chunks else 1.0
