"""New versions, and the same file again: searches see one version, citations theirs, and nobody learns of others."""

from __future__ import annotations

import functools
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from rag import citing, collections, maintenance, placing, search, uploads
from rag.errors import QuotaExceeded, UploadError
from rag.models import Chunk, Citation, Document, Page, Upload, Version
from tests.rag.workbench import pdf, read

OLD, NEW = "Hotel rates above 180 EUR need an approval.", "Hotel rates above 250 EUR need an approval."


@functools.cache
def paper(text: str) -> bytes:
    return pdf([["Rules", text]])


def send(owner: Any, content: bytes, **place: Any) -> Upload:
    begun = uploads.begin(owner, "Rules.pdf", len(content), uploads.Destination(**place))
    uploads.append(begun, 0, content)
    return begun


def found(employee: Any, question: str) -> set[str]:
    return {passage.text for passage in search.passages(question, employee=employee).passages}


@pytest.fixture
def rules(alice: Any, space: Any) -> Document:
    document = send(alice, paper(OLD)).document
    assert document is not None
    return read(document)


def cite(document: Document, employee: Any) -> Citation:
    (passage, *_rest) = search.passages(OLD, employee=employee).passages
    return citing.store(uuid.uuid4(), {1: passage}, f"{OLD} [1]")[1]


def replace(document: Document, owner: Any, content: bytes) -> Document:
    send(owner, content, replaces=document)
    return Document.objects.get(pk=document.pk)


def test_searches_see_the_old_version_until_the_new_one_is_searchable(rules: Document, alice: Any) -> None:
    """And then the new one alone; the document, its title and its place stay the same."""
    waiting = replace(rules, alice, paper(NEW))
    assert (waiting.state().is_replacing, waiting.state().version) == (True, 2)
    assert any("180" in text for text in found(alice, "hotel rates"))
    done = read(waiting)
    texts = found(alice, "hotel rates")
    assert any("250" in text for text in texts)
    assert not any("180" in text for text in texts)
    assert (done.state().is_replacing, done.state().version, done.title) == (False, 2, rules.title)


def test_a_new_version_that_fails_leaves_the_old_one(rules: Document, alice: Any) -> None:
    """It can be tried again or dropped; meanwhile the old one is found, opened and downloaded."""
    broken = read(replace(rules, alice, paper(NEW)[:700]))
    assert (broken.state().status, broken.state().is_searchable) == ("failed", True)
    assert any("180" in text for text in found(alice, "hotel rates"))
    assert broken.open_file().read_bytes() == paper(OLD)
    broken.cancel()
    assert (broken.state().status, broken.state().is_replacing) == ("ready", False)


def test_a_citation_opens_the_page_that_it_was_given(rules: Document, alice: Any) -> None:
    """Its page and file outlive the version's chunks as long as an answer names them."""
    citation = cite(rules, alice)
    read(replace(rules, alice, paper(NEW)))
    Version.objects.update(
        replaced_at=timezone.now() - timedelta(days=2), created_at=timezone.now() - timedelta(days=2)
    )
    Version.objects.filter(number=2).update(replaced_at=None)
    maintenance.purge()
    old = Version.objects.get(number=1)
    assert not Chunk.objects.filter(version=old).exists()
    assert "180" in Page.objects.get(version=old).text
    assert old.path.read_bytes() == paper(OLD)
    citation.delete()
    maintenance.purge()
    assert not Version.objects.filter(number=1).exists()
    assert not old.path.exists()


def test_a_replaced_version_stays_for_a_day(rules: Document, alice: Any) -> None:
    """An answer that is being written may still rest on it."""
    read(replace(rules, alice, paper(NEW)))
    maintenance.purge()
    assert Chunk.objects.filter(version__number=1).exists()


def test_of_two_new_versions_the_later_one_wins(rules: Document, alice: Any) -> None:
    """Also when the earlier one is split later."""
    first = replace(rules, alice, paper(NEW))
    second_version = replace(first, alice, paper("Hotel rates above 300 EUR need an approval."))
    earlier = Version.objects.get(number=2)
    assert earlier.status == Version.Status.CANCELLED
    done = read(second_version)
    rules.show_version(earlier)
    done.refresh_from_db()
    assert done.live_version is not None
    assert done.live_version.number == 3


def test_the_same_bytes_are_the_same_document(rules: Document, alice: Any) -> None:
    """Also once more as a new version; no bytes stay, no version is made."""
    again = send(alice, paper(OLD))
    assert (again.document, again.is_duplicate) == (rules, True)
    assert not again.path.exists()
    as_version = send(alice, paper(OLD), replaces=rules)
    assert (as_version.document, as_version.is_duplicate) == (rules, True)
    assert Version.objects.count() == 1


def test_nobody_learns_what_others_own(rules: Document, alice: Any, bob: Any) -> None:
    """The same bytes at another place, or hidden from who sends them, are a document of their own."""
    of_bob = send(bob, paper(OLD))
    assert (of_bob.is_duplicate, of_bob.document == rules) == (False, False)
    shelf = collections.make(alice, "Rules")
    there = send(alice, paper(OLD), collection=shelf)
    assert not there.is_duplicate
    assert there.document is not None
    own = bob.principal
    collections.give(shelf, own, "curator")
    assert send(bob, paper(OLD), collection=shelf).is_duplicate
    placing.set_exceptions(there.document, alice, [], [own])
    assert not send(bob, paper(OLD), collection=shelf).is_duplicate


def test_who_lost_the_right_while_the_file_came_in_adds_nothing(alice: Any, bob: Any) -> None:
    """The right is asked when the last byte is there, not only when the first is announced."""
    shelf = collections.make(alice, "Rules")
    collections.give(shelf, bob.principal, "curator")
    begun = uploads.begin(bob, "Rules.pdf", len(paper(OLD)), uploads.Destination(collection=shelf))
    collections.take(shelf, bob.principal)
    with pytest.raises(UploadError) as refused:
        uploads.append(begun, 0, paper(OLD))
    assert refused.value.code == "no_longer_allowed"
    assert not Document.objects.exists()
    assert not begun.path.exists()


def test_a_collection_has_room_of_its_own(alice: Any, settings: Any) -> None:
    """What lies there is not counted with what its curators own, and the other way round."""
    settings.HEARTH_COLLECTION_QUOTA_BYTES = len(paper(OLD)) + 10
    settings.HEARTH_UPLOAD_QUOTA_BYTES = len(paper(OLD)) + 10
    shelf = collections.make(alice, "Rules")
    send(alice, paper(OLD), collection=shelf)
    send(alice, paper(OLD))
    with pytest.raises(QuotaExceeded):
        send(alice, paper(NEW), collection=shelf)
    own = Document.objects.for_employee(alice).get(collection=None)
    with pytest.raises(QuotaExceeded):
        placing.move(own, alice, shelf)


@pytest.mark.parametrize(
    ("folder", "title"),
    [
        ("Handbooks/2026", "Handbooks/2026/Rules"),
        ("../../etc", "etc/Rules"),
        ("a\\b", "a/b/Rules"),
        ("Über\u202ecod", "Übercod/Rules"),
        ("", "Rules"),
    ],
)
def test_folders_stay_as_names(alice: Any, folder: str, title: str) -> None:
    """The way to a file in its folder is in its title; nothing of it reaches the disk."""
    document = send(alice, paper(OLD), folder=folder).document
    assert document is not None
    assert document.title == title
