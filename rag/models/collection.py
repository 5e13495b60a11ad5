"""A shared shelf of documents: its readers ask and read, its curators also decide what and who is in it."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models
from django.utils import timezone

from rag.ids import uuid7
from rag.models.principal import Principal

NAME_CHARS, DESCRIPTION_CHARS = 120, 500


class CollectionQuerySet(models.QuerySet["Collection"]):
    """Every chain starts with for_employee or curated_by, save in tasks and maintenance."""

    def for_employee(self, employee: AbstractBaseUser | AnonymousUser) -> CollectionQuerySet:
        """The collections in which the employee has a right of any kind."""
        return self._with_right(CollectionRight.objects.all(), employee)

    def curated_by(self, employee: AbstractBaseUser | AnonymousUser) -> CollectionQuerySet:
        """The collections that the employee looks after."""
        return self._with_right(CollectionRight.objects.filter(role=CollectionRight.Role.CURATOR), employee)

    def _with_right(
        self, rights: models.QuerySet[CollectionRight], employee: AbstractBaseUser | AnonymousUser
    ) -> CollectionQuerySet:
        mine = Principal.objects.of_employee(employee).values("pk")
        return self.filter(pk__in=rights.filter(principal__in=mine).values("collection_id"), deleted_at__isnull=True)


class Collection(models.Model):
    """deleted_at: nobody has a right in it any more; the row goes when its documents are purged."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=NAME_CHARS)
    description = models.CharField(max_length=DESCRIPTION_CHARS, blank=True, default="")
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = CollectionQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class CollectionRight(models.Model):
    """What the principal may do in the collection. No row, no right; curator includes reader."""

    class Role(models.TextChoices):
        READER = "reader"
        CURATOR = "curator"

    pk = models.CompositePrimaryKey("principal_id", "collection_id")
    principal = models.ForeignKey(Principal, on_delete=models.CASCADE, related_name="+")
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="rights")
    role = models.CharField(max_length=7, choices=Role)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(role__in=["reader", "curator"]), name="rag_collectionright_known_role"
            )
        ]

    def __str__(self) -> str:
        return f"{self.principal_id}: {self.role} of {self.collection_id}"
