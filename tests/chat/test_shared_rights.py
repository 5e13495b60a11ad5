"""What is shared: every route that reaches it, as its curator, its reader, a group's member, and all who are not."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from chat.models import Employee
from rag import collections, groups, placing, principals
from rag.models import Citation, Collection, Document, Page, Version
from tests.chat.rights_table import BODIES, SHARED
from tests.factories import browser_of, finish, make_document, make_employee, make_thread

pytestmark = pytest.mark.django_db

READERS = ("reader", "group_member", "shown")
STRANGERS = ("former_reader", "former_group_member", "hidden", "hidden_by_group", "stranger", "admin")
CASES = [(name, method) for name in sorted(SHARED) for method in sorted(SHARED[name])]


class Shelf:
    """One collection with one document, and everybody who may stand in front of it."""

    def __init__(self) -> None:
        self.people = {name: make_employee(f"{name}@example.com") for name in ("curator", *READERS, *STRANGERS)}
        Employee.objects.filter(pk=self.people["admin"].pk).update(is_admin=True)
        self.collection = collections.make(self.people["curator"], "Handbooks")
        self.document = _read_document(self.people["curator"])
        placing.move(self.document, self.people["curator"], self.collection)
        self.citation = _citation(self.document)
        for name in ("reader", "former_reader", "hidden", "hidden_by_group"):
            self._give(name)
        group = groups.make("Sales")
        groups.set_members(group, [self.people[name].pk for name in ("group_member", "former_group_member")])
        collections.give(self.collection, group, "reader")
        interns = groups.make("Interns")
        groups.set_members(interns, [self.people["hidden_by_group"].pk])
        placing.set_exceptions(
            self.document, self.people["curator"], [self._own("shown")], [self._own("hidden"), interns]
        )
        collections.take(self.collection, self._own("former_reader"))
        groups.set_members(group, [self.people["group_member"].pk])

    def _own(self, name: str) -> Any:
        return principals.ensure_for(self.people[name])

    def _give(self, name: str) -> None:
        collections.give(self.collection, self._own(name), "reader")

    def url(self, name: str, me: Employee) -> str:
        values: dict[str, Callable[[], Any]] = {
            "document_id": lambda: self.document.pk,
            "collection_id": lambda: self.collection.pk,
            "citation_id": lambda: self.citation.pk,
            "principal_id": lambda: self._own("reader").pk,
            "page_no": lambda: 0,
            "thread_id": lambda: _thread(me, self.document),
        }
        for known in PARAMETERS[name]:
            assert known in values
        return reverse(name, kwargs={known: values[known]() for known in PARAMETERS[name]})


PARAMETERS = {
    "document": ["document_id"],
    "document_retry": ["document_id"],
    "document_cancel": ["document_id"],
    "document_place": ["document_id"],
    "document_exceptions": ["document_id"],
    "document_file": ["document_id"],
    "document_page": ["document_id", "page_no"],
    "thread_document": ["thread_id", "document_id"],
    "citation": ["citation_id"],
    "citation_file": ["citation_id"],
    "citation_page": ["citation_id", "page_no"],
    "collection": ["collection_id"],
    "collection_members": ["collection_id"],
    "collection_member": ["collection_id", "principal_id"],
}


@pytest.mark.parametrize(("name", "method"), CASES, ids=str)
def test_route(name: str, method: str) -> None:
    """The table's status for curator and readers; a 404 for everybody else, former readers among them."""
    shelf = Shelf()
    wrong = []
    for audience, person in shelf.people.items():
        row = SHARED[name][method]
        is_of_collection = name.startswith("collection")
        expected = {"curator": row.curator}.get(audience, row.reader if audience in READERS else 404)
        if audience == "shown" and is_of_collection:
            expected = 404
        with transaction.atomic():
            found = _ask(browser_of(person), name, method, shelf.url(name, person))
            transaction.set_rollback(True)
        if found != expected:
            wrong.append(f"{audience}: {found} instead of {expected}")
    assert not wrong


def test_every_shared_route_is_here() -> None:
    assert set(PARAMETERS) == set(SHARED)


def test_a_deactivated_reader_is_signed_out() -> None:
    """Whatever rights the rows still name."""
    shelf = Shelf()
    client = browser_of(shelf.people["reader"])
    assert client.get(reverse("document", kwargs={"document_id": shelf.document.pk})).status_code == 200
    shelf.people["reader"].deactivate()
    assert client.get(reverse("document", kwargs={"document_id": shelf.document.pk})).status_code == 401


def test_only_curators_upload_into_a_collection() -> None:
    shelf = Shelf()
    body = {"name": "a.pdf", "size_bytes": 10, "collection": str(shelf.collection.pk)}
    replaced = {"name": "a.pdf", "size_bytes": 10, "replaces": str(shelf.document.pk)}
    for audience, person in shelf.people.items():
        for wish in (body, replaced):
            answer = browser_of(person).post("/documents/", wish, content_type="application/json")
            assert answer.status_code == (201 if audience == "curator" else 404), (audience, wish)


def test_counts_and_lists_hold_what_each_may_see() -> None:
    """The shelf's number and its rows, and the shelf itself."""
    shelf = Shelf()
    for audience, person in shelf.people.items():
        client = browser_of(person)
        shelves = client.get("/collections/").json()
        counts = {row["id"]: row["num_documents"] for row in shelves["collections"]}
        rows = client.get(f"/documents/?shelf={shelf.collection.pk}")
        if audience in ("curator", "reader", "group_member"):
            assert counts == {str(shelf.collection.pk): 1}
            assert [row["id"] for row in rows.json()["documents"]] == [str(shelf.document.pk)]
        elif audience in ("hidden", "hidden_by_group"):
            assert counts == {str(shelf.collection.pk): 0}
            assert rows.json()["documents"] == []
        else:
            assert counts == {}
            assert rows.status_code == 404
        assert shelves["num_shown"] == (audience == "shown")


def test_a_collection_keeps_a_curator() -> None:
    """The last one can neither leave nor become a reader."""
    shelf = Shelf()
    own = principals.ensure_for(shelf.people["curator"])
    url = reverse("collection_member", kwargs={"collection_id": shelf.collection.pk, "principal_id": own.pk})
    client = browser_of(shelf.people["curator"])
    for answer in (client.delete(url), client.put(url, {"role": "reader"}, content_type="application/json")):
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "last_curator")
    assert Collection.objects.curated_by(shelf.people["curator"]).exists()


def test_a_deleted_group_opens_nothing() -> None:
    """Who was kept out by a group stays out when the group is gone."""
    shelf = Shelf()
    url = reverse("document", kwargs={"document_id": shelf.document.pk})
    client, admin = browser_of(shelf.people["hidden_by_group"]), browser_of(shelf.people["admin"])
    (interns,) = [row for row in admin.get("/manage/groups/").json()["groups"] if row["name"] == "Interns"]
    assert admin.delete(f"/manage/groups/{interns['id']}/").status_code == 204
    assert client.get(url).status_code == 404


def _ask(client: Client, name: str, method: str, url: str) -> int:
    body = BODIES.get((name, method), {})
    response = client.generic(method, url, json.dumps(body), "application/json")
    finish(response)
    return response.status_code


def _read_document(owner: Employee) -> Document:
    document = make_document(owner)
    version = document.newest_version
    assert version is not None
    Version.objects.filter(pk=version.pk).update(num_pages=1, status="ready")
    Page.objects.create(version_id=version.pk, page_no=0, width=200, height=200, text="Hotels cost 180 EUR.")
    return document


def _citation(document: Document) -> Citation:
    return Citation.objects.create(
        message_id=uuid.uuid4(),
        n=1,
        document=document,
        version_id=document.newest_version_id,
        page_no=0,
        char_start=0,
        char_end=6,
        quote="Hotels",
    )


def _thread(me: Employee, document: Document) -> uuid.UUID:
    thread = make_thread(me)
    thread.documents.add(document)
    return thread.pk
