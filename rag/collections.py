"""Shared collections: making them, who has which right in them, deleting them. Rights count from the next query on."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction
from django.db.models import Count, Sum
from django.utils import timezone

from rag import principals
from rag.errors import LastCurator, NotAllowed, TooMany
from rag.models import Collection, CollectionRight, Document, Membership, Principal, Upload, Version
from rag.signals import announce_library

MAX_MEMBERS = 500
MAX_MADE_BY_ONE = 200
Role = CollectionRight.Role


@transaction.atomic
def make(employee: AbstractBaseUser, name: str, description: str = "") -> Collection:
    """A collection whose curator is the one who made it. Raises NotAllowed where the admins do not let them."""
    own = principals.ensure_for(employee)
    Principal.objects.select_for_update().get(pk=own.pk)
    if not principals.may_make_collections(employee):
        raise NotAllowed("no_collections")
    if Collection.objects.filter(made_by_id=employee.pk, deleted_at__isnull=True).count() >= MAX_MADE_BY_ONE:
        raise TooMany("too_many_collections", limit=MAX_MADE_BY_ONE)
    collection = Collection.objects.create(name=name, description=description, made_by_id=employee.pk)
    CollectionRight.objects.create(principal=own, collection=collection, role=Role.CURATOR)
    announce_library([employee.pk])
    return collection


@transaction.atomic
def change(collection: Collection, **fields: str) -> None:
    """name, description."""
    Collection.objects.filter(pk=collection.pk).update(**fields)
    collection.refresh_from_db()
    announce_library(people_of(collection))


@transaction.atomic
def give(collection: Collection, principal: Principal, role: str) -> None:
    """Let the principal read or curate. Raises LastCurator, TooMany."""
    _lock(collection)
    CollectionRight.objects.update_or_create(collection=collection, principal=principal, defaults={"role": Role(role)})
    if CollectionRight.objects.filter(collection=collection).count() > MAX_MEMBERS:
        raise TooMany("too_many_members", limit=MAX_MEMBERS)
    _require_curator(collection)
    announce_library(people_of(collection))


@transaction.atomic
def take(collection: Collection, principal: Principal) -> None:
    """End the principal's right, at once. Raises LastCurator."""
    _lock(collection)
    before = people_of(collection)
    CollectionRight.objects.filter(collection=collection, principal=principal).delete()
    _require_curator(collection)
    announce_library(before)


@transaction.atomic
def delete(collection: Collection) -> None:
    """Gone with all its documents when this commits, also those that are hidden from whoever deletes it."""
    _lock(collection)
    before = people_of(collection)
    for document in Document.objects.filter(collection=collection, deleted_at__isnull=True):
        document.delete_for_everyone()
    CollectionRight.objects.filter(collection=collection).delete()
    Collection.objects.filter(pk=collection.pk).update(deleted_at=timezone.now())
    announce_library(before)


def people_of(collection: Collection) -> set[int]:
    """The employees who have any right in it."""
    rights = CollectionRight.objects.filter(collection=collection).values("principal_id")
    return set(Membership.objects.filter(principal__in=rights).values_list("employee_id", flat=True))


def summaries(employee: AbstractBaseUser | AnonymousUser) -> list[dict[str, Any]]:
    """[{id, name, description, role, num_documents}] by name; counted is what the employee may see. Three queries."""
    mine = Collection.objects.for_employee(employee).order_by("name", "pk")
    curated = set(Collection.objects.curated_by(employee).values_list("pk", flat=True))
    visible = Document.objects.for_employee(employee).filter(collection__isnull=False)
    counts = dict(visible.order_by().values_list("collection_id").annotate(Count("pk")))
    return [
        {
            "id": str(collection.pk),
            "name": collection.name,
            "description": collection.description,
            "role": Role.CURATOR.value if collection.pk in curated else Role.READER.value,
            "num_documents": counts.get(collection.pk, 0),
        }
        for collection in mine
    ]


def bytes_used_in(collection: Collection) -> int:
    """All its documents, and what unfinished uploads into it have announced."""
    documents = Version.objects.filter(document__collection=collection, document__deleted_at__isnull=True)
    uploads = Upload.objects.filter(collection=collection, document__isnull=True)
    return sum(int(rows.aggregate(total=Sum("size_bytes"))["total"] or 0) for rows in (documents, uploads))


def quota_bytes() -> int:
    """Of one collection."""
    return int(settings.HEARTH_COLLECTION_QUOTA_BYTES)


def _lock(collection: Collection) -> None:
    """Changes of rights take turns, so that two curators cannot both remove the other one."""
    Collection.objects.select_for_update().get(pk=collection.pk)


def _require_curator(collection: Collection) -> None:
    """Somebody active must be able to look after it."""
    curators = CollectionRight.objects.filter(collection=collection, role=Role.CURATOR).values("principal_id")
    if not Membership.objects.filter(principal__in=curators, employee__is_active=True).exists():
        raise LastCurator
