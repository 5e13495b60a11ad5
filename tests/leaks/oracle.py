"""Who may see what, worked out without a database: walk over everybody's rights and say yes or no.

Written from the promise, not from the SQL: no joins, no principals' ids, one person and one document at a time.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

# Somebody that a right names: ("all", 0), ("group", id) or ("person", id).
Name = tuple[str, int]
ALL: Name = ("all", 0)


@dataclass
class Known:
    """What the world knows of a document. words: of each version in order, the word that is in no other one."""

    owner: int
    collection: uuid.UUID | None = None
    thread: uuid.UUID | None = None
    shown: set[Name] = field(default_factory=set)
    hidden: set[Name] = field(default_factory=set)
    words: list[str] = field(default_factory=list)
    is_searchable: bool = True
    is_deleted: bool = False
    is_in_trash: bool = False


class Oracle:
    def __init__(self) -> None:
        self.active: dict[int, bool] = {}
        self.groups: dict[int, set[int]] = {}
        self.collections: dict[uuid.UUID, dict[Name, str]] = {}
        self.documents: dict[uuid.UUID, Known] = {}
        self.may_make: set[Name] = {ALL}

    def is_one_of(self, person: int, name: Name) -> bool:
        kind, number = name
        if kind == "all":
            return True
        return person in self.groups.get(number, ()) if kind == "group" else person == number

    def role(self, person: int, collection: uuid.UUID | None) -> str | None:
        """The most that any of the person's names may there."""
        if collection is None or not self.active[person]:
            return None
        roles = [role for name, role in self.collections.get(collection, {}).items() if self.is_one_of(person, name)]
        return "curator" if "curator" in roles else ("reader" if roles else None)

    def sees(self, person: int, document: uuid.UUID) -> bool:
        known = self.documents[document]
        if not self.active[person] or known.is_deleted or known.is_in_trash:
            return False
        if known.collection is None:
            return known.owner == person
        if any(self.is_one_of(person, name) for name in known.hidden):
            return False
        return self.role(person, known.collection) is not None or any(
            self.is_one_of(person, name) for name in known.shown
        )

    def manages(self, person: int, document: uuid.UUID) -> bool:
        known = self.documents[document]
        if not self.sees(person, document):
            return False
        return known.collection is None or self.role(person, known.collection) == "curator"

    def makes_collections(self, person: int) -> bool:
        return any(self.is_one_of(person, name) for name in self.may_make)

    def keeps_a_curator(self, collection: uuid.UUID) -> bool:
        return any(self.role(person, collection) == "curator" for person in self.active)

    def on_shelf(self, person: int, shelf: str) -> set[uuid.UUID]:
        """What a list of this shelf holds: own, shown, or a collection's id."""
        found = set()
        for document, known in self.documents.items():
            if known.thread is not None or not self.sees(person, document):
                continue
            is_mine = known.collection is None
            is_on_my_shelf = self.role(person, known.collection) is not None
            where = "own" if is_mine else (str(known.collection) if is_on_my_shelf else "shown")
            if where == shelf:
                found.add(document)
        return found

    def found(
        self, person: int, documents: set[uuid.UUID], collections: set[uuid.UUID], everything: bool
    ) -> set[uuid.UUID]:
        """The documents that a search of this scope may and must look into."""
        result = set()
        for document, known in self.documents.items():
            is_asked = document in documents or known.collection in collections or (everything and known.thread is None)
            if is_asked and known.is_searchable and self.sees(person, document):
                result.add(document)
        return result

    def forget_group(self, group: int) -> None:
        """What was hidden from it stays hidden from each of its people."""
        name: Name = ("group", group)
        for known in self.documents.values():
            known.shown.discard(name)
            if name in known.hidden:
                known.hidden.discard(name)
                known.hidden |= {("person", person) for person in self.groups[group]}
        for rights in self.collections.values():
            rights.pop(name, None)
        self.may_make.discard(name)
        del self.groups[group]

    def forget_collection(self, collection: uuid.UUID) -> None:
        for known in self.documents.values():
            if known.collection == collection:
                known.is_deleted = True
        del self.collections[collection]
