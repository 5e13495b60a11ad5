"""Embedding spaces: one for each embedding model, its vectors in a partition of its own.

Vectors of two models cannot be compared, so a change of model fills a second space beside the first and takes
over when it is complete. Batches are the rows of that work.
"""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from pgvector.django import HalfVectorField, HnswIndex

from rag.models.chunk import Chunk
from rag.models.version import Version

NUM_DIMENSIONS = 384


class Space(models.Model):
    """An embedding model with everything that decides what its vectors mean."""

    class Status(models.TextChoices):
        BUILDING = "building"
        ACTIVE = "active"
        RETIRED = "retired"

    model = models.CharField(max_length=255)
    weights_sha256 = models.CharField(max_length=64, blank=True, default="")
    num_dimensions = models.PositiveSmallIntegerField(default=NUM_DIMENSIONS)
    query_prefix = models.CharField(max_length=200, blank=True, default="")
    passage_prefix = models.CharField(max_length=200, blank=True, default="")
    pooling = models.CharField(max_length=8, blank=True, default="", db_default="")
    max_tokens = models.PositiveIntegerField(default=512)
    # The vector of rag.golden.TEXT when the space was opened, and what is wrong since: a code of rag.errors or "".
    golden = models.JSONField(default=list, db_default=[], blank=True)
    problem = models.CharField(max_length=30, blank=True, default="", db_default="")
    status = models.CharField(max_length=10, choices=Status, default=Status.BUILDING)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["status"], condition=models.Q(status="active"), name="rag_space_one_active"
            ),
            models.UniqueConstraint(
                fields=["model"], condition=~models.Q(status="retired"), name="rag_space_model_in_use_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model} ({self.status})"

    @property
    def table(self) -> str:
        """The table of all spaces whose vectors have as many numbers."""
        return f"rag_embedding_{int(self.num_dimensions)}"

    @property
    def partition(self) -> str:
        """The table that holds the vectors of this space alone, with its own HNSW index."""
        return f"{self.table}_{int(self.pk)}"

    @property
    def excerpts(self) -> str:
        """The table of the vectors of this space's excerpts, see rag.vectors."""
        return f"rag_excerpt_{int(self.pk)}"


class Embedding(models.Model):
    """The vector of a chunk in a space of 384 dimensions: unit length, compared by cosine.

    Spaces of other lengths have a table like this one each, made when the first is opened (rag.vectors). The table is
    partitioned by space (migration 0001), so a space is one narrow table with one index and goes away with DROP TABLE.
    The vector is stored PLAIN: never compressed, never out of line.
    """

    pk = models.CompositePrimaryKey("chunk_id", "space_id")
    space = models.ForeignKey(Space, on_delete=models.CASCADE, related_name="+", db_index=False)
    chunk = models.ForeignKey(Chunk, on_delete=models.CASCADE, related_name="+", db_index=False)
    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="+")
    vector = HalfVectorField(dimensions=NUM_DIMENSIONS)

    class Meta:
        db_table = "rag_embedding_384"
        indexes: ClassVar = [
            HnswIndex(
                name="rag_embedding_384_hnsw",
                fields=["vector"],
                m=16,
                ef_construction=64,
                opclasses=["halfvec_cosine_ops"],
            )
        ]

    def __str__(self) -> str:
        return f"vector of chunk {self.chunk_id}"


class Batch(models.Model):
    """Some chunks of one version to embed in one request, or their excerpts, claimed with a lease.

    Batches are taken in the order of their number, so a short document never waits behind a long one.
    """

    space = models.ForeignKey(Space, on_delete=models.CASCADE, related_name="batches")
    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="batches")
    number = models.PositiveIntegerField()
    chunk_ids = ArrayField(models.BigIntegerField())
    is_of_excerpts = models.BooleanField(default=False, db_default=False)
    is_done = models.BooleanField(default=False)
    lease_until = models.DateTimeField(null=True, blank=True)
    attempt = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["space", "version", "number", "is_of_excerpts"], name="rag_batch_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["number", "id"], condition=models.Q(is_done=False), name="rag_batch_waiting")
        ]

    def __str__(self) -> str:
        return f"batch {self.number} of version {self.version_id}"
