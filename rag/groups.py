"""Groups of people, which admins keep. A right that names a group is a right of its people, from the next query on."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction

from rag import audience
from rag.errors import NameTaken
from rag.models import Hidden, Membership, Principal
from rag.signals import announce_library


def make(name: str) -> Principal:
    """An empty group. Raises NameTaken; capitals make no difference."""
    try:
        with transaction.atomic():
            return Principal.objects.create(kind=Principal.Kind.GROUP, name=name)
    except IntegrityError:
        raise NameTaken from None


def rename(group: Principal, name: str) -> None:
    """Raises NameTaken."""
    try:
        with transaction.atomic():
            Principal.objects.filter(pk=group.pk).update(name=name)
    except IntegrityError:
        raise NameTaken from None
    group.name = name


@transaction.atomic
def let_make_collections(principal: Principal, may: bool) -> None:
    """Of a group or of everyone: whoever belongs to one that may, may."""
    Principal.objects.filter(pk=principal.pk).update(may_make_collections=may)
    principal.may_make_collections = may
    announce_library(audience.people_in([principal]))


@transaction.atomic
def set_members(group: Principal, employee_ids: Iterable[int]) -> None:
    """From now on exactly these people; ids of nobody are left out."""
    Principal.objects.select_for_update().get(pk=group.pk)
    before = audience.people_in([group])
    after = set(get_user_model().objects.filter(pk__in=employee_ids).values_list("pk", flat=True))
    Membership.objects.filter(principal=group, employee_id__in=before - after).delete()
    Membership.objects.bulk_create(
        [Membership(employee_id=pk, principal=group) for pk in sorted(after - before)], ignore_conflicts=True
    )
    announce_library(before ^ after)


@transaction.atomic
def delete(group: Principal) -> None:
    """Its rights go with it. What was hidden from it stays hidden from each of its people: a deletion opens nothing."""
    Principal.objects.select_for_update().get(pk=group.pk)
    people = audience.people_in([group])
    own = Principal.objects.filter(employee_id__in=people).values_list("pk", flat=True)
    documents = Hidden.objects.filter(principal=group).values_list("document_id", flat=True)
    Hidden.objects.bulk_create(
        [Hidden(principal_id=principal, document_id=document) for document in documents for principal in own],
        ignore_conflicts=True,
    )
    group.delete()
    announce_library(people)
