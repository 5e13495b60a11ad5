"""A company at random: what people do goes through the pages' own doors, and the oracle hears what was done.

Who tries something is anybody, so refusals are tested as much as permissions.
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from django.test import Client

from chat.models import Employee, Thread
from rag import embedding, indexing, principals
from rag.models import Citation, Document, Page, Principal, Shard, Version
from tests.factories import browser_of, finish, make_employee, make_thread
from tests.leaks.oracle import ALL, Known, Name, Oracle

NUM_PEOPLE, NUM_GROUPS, NUM_COLLECTIONS = 9, 4, 4
MAX_DOCUMENTS = 26
SYLLABLES = ["ba", "ce", "di", "fo", "gu", "ka", "le", "mi", "no", "pu", "ra", "se", "ti", "vo", "xu", "za"]


class World:
    def __init__(self, dice: random.Random, has_vectors: bool) -> None:
        self.dice, self.has_vectors = dice, has_vectors
        self.oracle = Oracle()
        self.people: dict[int, Employee] = {}
        self.browsers: dict[int, Client] = {}
        self.citations: dict[uuid.UUID, list[uuid.UUID]] = {}
        self.threads: dict[uuid.UUID, int] = {}
        self.problems: list[str] = []
        for number in range(NUM_PEOPLE):
            person = make_employee(f"person{number}@example.com", name=f"Person {number}", is_admin=number == 0)
            self.people[person.pk] = person
            self.oracle.active[person.pk] = True
        self.admin = min(self.people)
        for _ in range(NUM_GROUPS):
            self.make_group()
        for _ in range(NUM_COLLECTIONS):
            self.make_collection()
        for _ in range(MAX_DOCUMENTS // 2):
            self.upload()

    # What may happen

    def happen(self) -> str:
        """One thing, its name returned."""
        events: list[tuple[int, Callable[[], None]]] = [
            (6, self.change_group),
            (1, self.replace_group),
            (8, self.give),
            (6, self.take),
            (1, self.replace_collection),
            (6, self.upload),
            (4, self.replace),
            (3, self.delete),
            (5, self.move),
            (7, self.make_exceptions),
            (3, self.toggle_thread),
            (3, self.toggle_person),
        ]
        event = self.dice.choices([event for _, event in events], [weight for weight, _ in events])[0]
        event()
        return event.__name__

    def change_group(self) -> None:
        group = self.dice.choice(list(self.oracle.groups))
        members = self._some(self.people, 4)
        who = self._one_of(self.people, self.admin)
        if self._done(who, "PATCH", f"/manage/groups/{group}/", {"members": members}, who == self.admin):
            self.oracle.groups[group] = set(members)

    def replace_group(self) -> None:
        group = self.dice.choice(list(self.oracle.groups))
        who = self._one_of(self.people, self.admin)
        if self._done(who, "DELETE", f"/manage/groups/{group}/", None, who == self.admin):
            self.oracle.forget_group(group)
            self.make_group()

    def make_group(self) -> None:
        answer = self.ask(self.admin, "POST", "/manage/groups/", {"name": self._word()})
        self.oracle.groups[answer.json()["id"]] = set()

    def make_collection(self) -> None:
        who = self.dice.choice([person for person, is_active in self.oracle.active.items() if is_active])
        answer = self.ask(who, "POST", "/collections/", {"name": self._word()})
        self.oracle.collections[uuid.UUID(answer.json()["id"])] = {("person", who): "curator"}

    def replace_collection(self) -> None:
        collection = self.dice.choice(list(self.oracle.collections))
        who = self._curator_or_anybody(collection)
        may = self.oracle.role(who, collection) == "curator"
        if self._done(who, "DELETE", f"/collections/{collection}/", None, may):
            self.oracle.forget_collection(collection)
            self.make_collection()

    def give(self) -> None:
        collection = self.dice.choice(list(self.oracle.collections))
        name, role = self._name(), self.dice.choice(["reader", "reader", "curator"])
        who = self._curator_or_anybody(collection)
        may = self.oracle.role(who, collection) == "curator"
        path = f"/collections/{collection}/members/{self._principal(name)}/"
        before = dict(self.oracle.collections[collection])
        self.oracle.collections[collection][name] = role
        is_kept = self.oracle.keeps_a_curator(collection)
        self.oracle.collections[collection] = before
        if self._done(who, "PUT", path, {"role": role}, may, conflict=not is_kept or not self._is_active(name)):
            self.oracle.collections[collection][name] = role

    def take(self) -> None:
        collection = self.dice.choice(list(self.oracle.collections))
        rights = self.oracle.collections[collection]
        name = self.dice.choice(list(rights))
        who = self._curator_or_anybody(collection)
        may = self.oracle.role(who, collection) == "curator"
        left = {other: role for other, role in rights.items() if other != name}
        self.oracle.collections[collection] = left
        is_kept = self.oracle.keeps_a_curator(collection)
        self.oracle.collections[collection] = rights
        path = f"/collections/{collection}/members/{self._principal(name)}/"
        if self._done(who, "DELETE", path, None, may, conflict=not is_kept):
            self.oracle.collections[collection] = left

    def upload(self) -> None:
        if sum(not known.is_deleted for known in self.oracle.documents.values()) >= MAX_DOCUMENTS:
            self.delete()
            return
        place, known = self._place(self.dice.choice(list(self.people)))
        who, word = known.owner, self._word()
        document = self._send(who, place, word, may=self._may_put(who, known))
        if document is not None:
            known.words.append(word)
            self.oracle.documents[document] = known
            self._read(document, word)

    def replace(self) -> None:
        document = self._any_document()
        if document is None:
            return
        who, known, word = self._manager_or_anybody(document), self.oracle.documents[document], self._word()
        may = self.oracle.manages(who, document)
        if self._send(who, {"replaces": str(document)}, word, may=may) is None:
            return
        if self.dice.random() < 0.3:  # the new version cannot be read, and the old one stays
            version = Document.objects.get(pk=document).newest_version
            assert version is not None
            version.fail("broken")
            return
        known.words.append(word)
        self._read(document, word)

    def delete(self) -> None:
        document = self._any_document()
        if document is None:
            return
        who = self._manager_or_anybody(document)
        if self._done(who, "DELETE", f"/documents/{document}/", None, self.oracle.manages(who, document)):
            self.oracle.documents[document].is_deleted = True

    def move(self) -> None:
        document = self._any_document()
        if document is None:
            return
        who, known = self._manager_or_anybody(document), self.oracle.documents[document]
        target = self.dice.choice([None, *self.oracle.collections])
        may = self.oracle.manages(who, document) and (target is None or self.oracle.role(who, target) == "curator")
        if self._done(who, "PUT", f"/documents/{document}/place/", {"collection": str(target or "")}, may):
            is_new = target != known.collection or known.thread is not None
            if is_new:
                known.owner, known.collection, known.thread = who, target, None
                known.shown, known.hidden = set(), set()

    def make_exceptions(self) -> None:
        documents = [pk for pk, known in self.oracle.documents.items() if known.collection and not known.is_deleted]
        if not documents:
            return
        document = self.dice.choice(documents)
        who, known = self._manager_or_anybody(document), self.oracle.documents[document]
        may = self.oracle.manages(who, document)
        shown = {name for name in (self._name() for _ in range(self.dice.randrange(3))) if self._is_active(name)}
        hidden = {name for name in (self._name() for _ in range(self.dice.randrange(3))) if self._is_active(name)}
        before = known.shown, known.hidden
        known.shown, known.hidden = shown, hidden
        is_left = self.oracle.manages(who, document)
        known.shown, known.hidden = before
        body = {"shown": [self._principal(n) for n in shown], "hidden": [self._principal(n) for n in hidden]}
        if self._done(who, "PUT", f"/documents/{document}/exceptions/", body, may, conflict=not is_left):
            known.shown, known.hidden = shown, hidden

    def toggle_thread(self) -> None:
        if not self.threads:
            return
        thread = self.dice.choice(list(self.threads))
        who, owner = self._one_of(self.people, self.threads[thread]), self.threads[thread]
        files = [known for known in self.oracle.documents.values() if known.thread == thread]
        may = who == owner and self.oracle.active[owner]
        is_trashed = Thread.objects.get(pk=thread).deleted_at is not None
        method, path = ("POST", f"/threads/{thread}/restoration/") if is_trashed else ("DELETE", f"/threads/{thread}/")
        if self._done(who, method, path, None, may):
            for known in files:
                known.is_in_trash = not is_trashed

    def toggle_person(self) -> None:
        person = self.dice.choice([pk for pk in self.people if pk != self.admin])
        is_active = not self.oracle.active[person]
        if self._done(self.admin, "PATCH", f"/manage/employees/{person}/", {"is_active": is_active}, True):
            self.oracle.active[person] = is_active
            self.browsers.pop(person, None)

    # How it is done

    def ask(self, person: int, method: str, path: str, body: Any = None) -> Any:
        if person not in self.browsers:
            self.browsers[person] = browser_of(self.people[person])
        data = "" if body is None else json.dumps(body)
        return self.browsers[person].generic(method, path, data, "application/json")

    def status(self, person: int, path: str) -> int:
        response = self.ask(person, "GET", path)
        finish(response)
        return int(response.status_code)

    def _done(self, who: int, method: str, path: str, body: Any, may: bool, *, conflict: bool = False) -> bool:
        """Whether it was done; a surprise is a problem. conflict: refused for a reason that is no right."""
        status = self.ask(who, method, path, body).status_code
        expected = {200, 201, 204} if may and not conflict else ({400, 409} if may else {401, 404})
        if status not in expected:
            self.problems.append(f"{method} {path} by {who}: {status}, expected one of {sorted(expected)}")
        return status in (200, 201, 204)

    def _send(self, who: int, place: dict[str, Any], word: str, *, may: bool) -> uuid.UUID | None:
        data = self._text(word).encode()
        begun = self.ask(who, "POST", "/documents/", {"name": f"{word}.txt", "size_bytes": len(data)} | place)
        if (begun.status_code == 201) != may:
            self.problems.append(f"upload to {place} by {who}: {begun.status_code}, may: {may}")
        if begun.status_code != 201:
            return None
        url = begun.json()["upload"]["url"]
        headers = {"Upload-Offset": "0"}
        sent = self.browsers[who].patch(url, data, content_type="application/octet-stream", headers=headers)
        return uuid.UUID(sent.json()["document"]["id"])

    def _read(self, document: uuid.UUID, word: str) -> None:
        """What the pipeline does, without a child: one page, its chunk, its vector; and an answer that cites it."""
        version = Document.objects.get(pk=document).newest_version
        assert version is not None
        text = self._text(word)
        Version.objects.filter(pk=version.pk).update(status=Version.Status.EXTRACTING, num_pages=1, num_pages_done=1)
        Shard.objects.filter(version=version).delete()
        Page.objects.create(version=version, page_no=0, width=200, height=200, text=text, lines=[])
        indexing.chunk(version.pk)
        if self.has_vectors:
            embedding.embed()
        citation = Citation.objects.create(
            message_id=uuid.uuid4(), n=1, document_id=document, version=version, page_no=0, char_start=0, char_end=9,
            quote=word, heading=word,
        )  # fmt: skip
        self.citations.setdefault(document, []).append(citation.pk)

    def _text(self, word: str) -> str:
        dice = random.Random(word)
        words = ["".join(dice.choices(SYLLABLES, k=3)) for _ in range(60)]
        words.insert(30, word)
        return "The vault says: " + " ".join(words) + "."

    def _word(self) -> str:
        return "".join(self.dice.choices(SYLLABLES, k=7))

    def _place(self, who: int) -> tuple[dict[str, Any], Known]:
        kind = self.dice.choice(["own", "collection", "collection", "collection", "thread"])
        if kind == "collection":
            collection = self.dice.choice(list(self.oracle.collections))
            if self.dice.random() < 0.7:
                who = self._curator_or_anybody(collection)
            return {"collection": str(collection)}, Known(who, collection=collection)
        if kind == "thread" and self.oracle.active[who]:
            thread = make_thread(self.people[who]).pk
            self.threads[thread] = who
            return {"thread": str(thread)}, Known(who, thread=thread)
        return {}, Known(who)

    def _may_put(self, who: int, known: Known) -> bool:
        if known.collection is not None:
            return self.oracle.role(who, known.collection) == "curator"
        return self.oracle.active[who]

    def _name(self) -> Name:
        kind = self.dice.choice(["person", "person", "group", "group", "all"])
        if kind == "all":
            return ALL
        return kind, self.dice.choice(list(self.people if kind == "person" else self.oracle.groups))

    def _is_active(self, name: Name) -> bool:
        return name[0] != "person" or self.oracle.active[name[1]]

    def _principal(self, name: Name) -> int:
        kind, number = name
        if kind == "all":
            return principals.everybody().pk
        return number if kind == "group" else Principal.objects.get(employee_id=number).pk

    def _any_document(self) -> uuid.UUID | None:
        there = [pk for pk, known in self.oracle.documents.items() if not known.is_deleted]
        return self.dice.choice(there) if there else None

    def _curator_or_anybody(self, collection: uuid.UUID) -> int:
        curators = [pk for pk in self.people if self.oracle.role(pk, collection) == "curator"]
        return self._one_of(self.people, self.dice.choice(curators)) if curators else self.dice.choice([*self.people])

    def _manager_or_anybody(self, document: uuid.UUID) -> int:
        managers = [pk for pk in self.people if self.oracle.manages(pk, document)]
        return self._one_of(self.people, self.dice.choice(managers)) if managers else self.dice.choice([*self.people])

    def _one_of(self, everybody: Iterable[int], likely: int) -> int:
        return likely if self.dice.random() < 0.8 else self.dice.choice(list(everybody))

    def _some(self, items: Iterable[int], most: int) -> list[int]:
        there = list(items)
        return self.dice.sample(there, self.dice.randrange(min(most, len(there)) + 1))
