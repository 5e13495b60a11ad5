"""Who has to hear of a change: the people whose view of the documents it touches."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q

from rag.models import Access, CollectionRight, Document, Hidden, Membership, Principal


def readers_of(document: Document) -> set[int]:
    """The employees who may read the document now. Two queries; rag.rights from the other side."""
    if document.deleted_at is not None or document.suspended_at is not None:
        return set()  # with its exceptions gone, a deleted one would seem open to those it was hidden from
    given = Q(principal__in=Access.objects.filter(document=document).values("principal_id"))
    if document.collection_id is not None:
        rights = CollectionRight.objects.filter(collection_id=document.collection_id)
        given |= Q(principal__in=rights.values("principal_id"))
    hidden = Hidden.objects.filter(document=document).values("principal_id")
    refused = Membership.objects.filter(principal__in=hidden).values_list("employee_id", flat=True)
    members = Membership.objects.filter(given, employee__is_active=True)
    return set(members.values_list("employee_id", flat=True)) - set(refused)


def curators_of(document: Document) -> set[int]:
    """The employees who look after it: of a collection its curators, else the owner."""
    if document.collection_id is None:
        return {document.owner_id} & readers_of(document)
    rights = CollectionRight.objects.filter(
        collection_id=document.collection_id, role=CollectionRight.Role.CURATOR
    ).values("principal_id")
    members = Membership.objects.filter(principal__in=rights, employee__is_active=True)
    return set(members.values_list("employee_id", flat=True)) & readers_of(document)


def people_in(principals: Iterable[Principal | int]) -> set[int]:
    """The employees that these principals stand for."""
    return set(Membership.objects.filter(principal__in=principals).values_list("employee_id", flat=True))
