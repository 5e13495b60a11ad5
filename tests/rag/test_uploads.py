"""Uploading in pieces: nothing lost, nothing doubled, nothing taken that should be refused."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from rag import uploads
from rag.errors import DocumentTooLarge, QuotaExceeded, UnsupportedFile, UploadError, WrongOffset
from rag.models import Document, Upload
from tests.rag.workbench import pdf

CONTENT = pdf([["Title", "Some words."]])


def test_the_last_piece_makes_a_document(alice: Any, no_broker: list[tuple[str, tuple[object, ...]]]) -> None:
    """A complete upload is a queued document of its owner, and its pipeline is rung."""
    upload = uploads.begin(alice, "C:\\Users\\alice\\Travel policy.PDF", len(CONTENT))
    assert uploads.append(upload, 0, CONTENT[:100]) == 100
    assert uploads.append(upload, 100, CONTENT[100:]) == len(CONTENT)
    document = Document.objects.for_employee(alice).get()
    assert document == upload.document
    assert (document.title, document.state().status) == ("Travel policy", "queued")
    assert document.open_file().read_bytes() == CONTENT
    assert ("probe", (document.newest_version_id,)) in no_broker


def test_a_piece_may_be_sent_twice(alice: Any) -> None:
    """An answer that was lost on the way is no reason to start again."""
    upload = uploads.begin(alice, "a.pdf", len(CONTENT))
    uploads.append(upload, 0, CONTENT[:200])
    assert uploads.append(upload, 0, CONTENT[:200]) == 200
    uploads.append(upload, 200, CONTENT[200:])
    assert uploads.append(upload, 200, CONTENT[200:]) == len(CONTENT)
    with pytest.raises(WrongOffset):
        uploads.append(upload, 200, b"x" * 10)
    assert Document.objects.count() == 1


def test_a_piece_that_does_not_join_says_where_to_go_on(alice: Any) -> None:
    """A gap, and other bytes for a place that is written, are both refused with the offset."""
    upload = uploads.begin(alice, "a.pdf", len(CONTENT))
    uploads.append(upload, 0, CONTENT[:200])
    with pytest.raises(WrongOffset) as gap:
        uploads.append(upload, 300, CONTENT[300:400])
    with pytest.raises(WrongOffset) as other:
        uploads.append(upload, 0, b"x" * 200)
    assert gap.value.expected == other.value.expected == 200


def test_bytes_lost_in_a_crash_are_asked_for_again(alice: Any) -> None:
    """The row never claims more than the disk holds."""
    upload = uploads.begin(alice, "a.pdf", len(CONTENT))
    uploads.append(upload, 0, CONTENT[:300])
    upload.path.write_bytes(CONTENT[:120])
    with pytest.raises(WrongOffset) as lost:
        uploads.append(upload, 300, CONTENT[300:])
    assert lost.value.expected == 120
    upload.refresh_from_db()
    assert upload.received_bytes == 120


def test_too_large_is_refused_before_anything_is_read(alice: Any, settings: Any, uploads_dir: Path) -> None:
    """1 GiB, and nothing, never become an upload."""
    with pytest.raises(DocumentTooLarge) as refused:
        uploads.begin(alice, "big.pdf", 1024**3)
    assert "200 MiB" in refused.value.sentence
    with pytest.raises(UploadError):
        uploads.begin(alice, "empty.pdf", 0)
    assert not Upload.objects.exists()
    assert not uploads_dir.exists()


def test_more_bytes_than_announced_are_refused(alice: Any) -> None:
    """The announced size is a promise."""
    upload = uploads.begin(alice, "a.pdf", 300)
    with pytest.raises(DocumentTooLarge):
        uploads.append(upload, 0, CONTENT[:301])


def test_the_quota_is_per_owner(alice: Any, bob: Any, settings: Any) -> None:
    """Alice's full shelf is no limit for Bob; deleting makes room at once."""
    settings.HEARTH_UPLOAD_QUOTA_BYTES = len(CONTENT) + 10
    upload = uploads.begin(alice, "a.pdf", len(CONTENT))
    uploads.append(upload, 0, CONTENT)
    with pytest.raises(QuotaExceeded):
        uploads.begin(alice, "b.pdf", len(CONTENT))
    uploads.begin(bob, "b.pdf", len(CONTENT))
    Document.objects.for_employee(alice).get().delete_for_everyone()
    uploads.begin(alice, "b.pdf", len(CONTENT))


def test_a_file_that_is_no_pdf_is_refused_whatever_its_name(alice: Any) -> None:
    """The first bytes decide; nothing of the file stays."""
    upload = uploads.begin(alice, "invoice.pdf", 5000)
    with pytest.raises(UnsupportedFile):
        uploads.append(upload, 0, b"MZ" + b"\0" * 4998)
    assert not upload.path.exists()
    assert not Upload.objects.exists()


def test_bob_cannot_see_alices_upload(alice: Any, bob: Any) -> None:
    """An upload in progress is its owner's alone, and a deactivated owner's nobody's."""
    upload = uploads.begin(alice, "a.pdf", 100)
    assert list(Upload.objects.for_employee(alice)) == [upload]
    assert not Upload.objects.for_employee(bob).exists()
    alice.is_active = False
    assert not Upload.objects.for_employee(alice).exists()


@pytest.mark.django_db(transaction=True)
def test_two_tabs_sending_the_same_piece_write_it_once(alice: Any) -> None:
    """Concurrent appends take turns; both are told the same."""
    upload = uploads.begin(alice, "a.pdf", len(CONTENT))
    outcomes: list[int] = []

    def send() -> None:
        outcomes.append(uploads.append(Upload.objects.get(pk=upload.pk), 0, CONTENT))
        connection.close()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == [len(CONTENT)] * 4
    assert Document.objects.count() == 1


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("../../etc/passwd.pdf", "passwd"),
        ("Über\u202egnp.pdf", "Übergnp"),
        ("a\x00b\nc.pdf", "abc"),
        (".pdf", "Document"),
        ("", "Document"),
        ("x" * 400 + ".pdf", "x" * 200),
    ],
)
def test_titles_hold_no_tricks(name: str, title: str) -> None:
    """Folders, control and direction characters of a file name never reach a page."""
    assert uploads.title_from(name) == title
