"""One's own data: what the page says, all of it in a zip that is never in memory, all of it gone."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from django.test import Client

from chat import deleting, limits, own_data
from chat.models import (
    ApiKey,
    Assistant,
    Draft,
    Employee,
    Folder,
    Message,
    Rating,
    SavedPrompt,
    Share,
    Thread,
    Turn,
)
from chat.models.turn import STOPPED
from rag import uploads
from rag.models import Document, Upload
from tests.factories import EMPTY_PDF, PASSWORD, browser_of, make_document, make_thread, make_turn

pytestmark = pytest.mark.django_db


def furnish(owner: Employee) -> Thread:
    """Some of everything."""
    thread = make_thread(owner, "Budget / 2027", folder=Folder.make(owner, "Plans"), tags=["q3"])
    turn = make_turn(thread, answer="180 EUR", status=STOPPED, message_status="complete")
    Rating.give(owner, turn.answer, is_good=False, comment="Too dear", may_admins_read=False)
    Draft.keep(owner, thread, "And then")
    Assistant.make(owner, "Accountant").save()
    SavedPrompt.make(owner, "Letter").save()
    Share.make(thread, [{"role": "user", "text": "How much?", "model": "", "sources": []}])
    ApiKey.objects.issue(owner, "script")
    make_turn(make_thread(owner, "Binned"), "Old?").thread.delete_softly()
    make_document(owner)
    return thread


def unpacked(client: Client) -> dict[str, bytes]:
    response: Any = client.get("/account/privacy/hearth.zip")
    assert response["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content))) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_page_says_what_is_stored(alice: Employee, alices_browser: Client) -> None:
    thread = furnish(alice)
    page = alices_browser.get("/account/privacy/").content.decode()
    assert "no admin" in page
    assert "<dt>In the trash</dt><dd>1</dd>" in page
    assert f"/shared/{Share.objects.get(thread=thread).pk}/" in page


def test_everything_of_mine_and_nothing_of_yours(alice: Employee, bob: Employee, alices_browser: Client) -> None:
    """Threads as JSON and Markdown, the trash, the very bytes of the files; no name leads out of the folder."""
    thread = furnish(alice)
    furnish(bob)
    files = unpacked(alices_browser)
    name = next(name for name in files if name.startswith("threads/") and name.endswith(".json"))
    kept = json.loads(files[name])
    assert [row["name"] for row in json.loads(files["assistants.json"])] == ["Accountant"]
    assert [row["name"] for row in json.loads(files["prompts.json"])] == ["Letter"]
    assert (kept["title"], kept["folder"], kept["tags"]) == (thread.title, "Plans", ["q3"])
    assert [message["text"] for message in kept["messages"]] == ["How much?", "180 EUR"]
    assert b"180 EUR" in files[name.replace(".json", ".md")]
    assert sum(name.startswith("trash/") for name in files) == 2
    assert [data for name, data in files.items() if name.startswith("documents/")] == [EMPTY_PDF]
    assert json.loads(files["drafts.json"])[0]["text"] == "And then"
    assert json.loads(files["ratings.json"])[0]["comment"] == "Too dear"
    account = json.loads(files["account.json"])
    assert (account["email"], account["keys"][0]["label"]) == (alice.email, "script")
    assert "password" not in account
    assert len(files) == 12
    assert not any(name.startswith("/") or ".." in name or name.count("/") > 1 for name in files)


def test_the_zip_is_made_while_it_is_read(alice: Employee) -> None:
    """The first bytes come before the last thread is looked at, and no piece holds a whole large file."""
    data = EMPTY_PDF + b"\n%" + b"x" * 3_000_000
    upload = uploads.begin(alice, "Large.pdf", len(data))
    for start in range(0, len(data), 1 << 20):
        uploads.append(upload, start, data[start : start + (1 << 20)])
    pieces = list(own_data.pieces(alice, "de"))
    assert max(map(len, pieces)) < 4 * own_data.PIECE_BYTES
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        assert data in [archive.read(name) for name in archive.namelist()]


async def test_an_asynchronous_reader_gets_it_in_pieces(transactional_db: None) -> None:
    """Under Daphne the answer is not collected first."""
    response = own_data.SteadyResponse(iter([b"a", b"b", b"c"]))
    assert [piece async for piece in response] == [b"a", b"b", b"c"]


def test_not_again_and_again(alices_browser: Client) -> None:
    most = limits.LIMITS["download.employee"].num_times
    statuses = [alices_browser.get("/account/privacy/hearth.zip").status_code for _ in range(most + 1)]
    assert statuses == [200] * most + [429]


def test_everything_is_gone_at_once(alice: Employee, bob: Employee, alices_browser: Client) -> None:
    """Rows, keys and links; the account stays, and nobody else loses anything."""
    furnish(alice)
    furnish(bob)
    uploads.begin(alice, "begun.pdf", 100)
    running = make_turn(make_thread(alice, "Running"))
    share = Share.objects.for_employee(alice).get()
    answer = alices_browser.post("/account/privacy/", {"password": PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, "/account/privacy/?deleted")
    for rows in (Thread, ApiKey, Draft, Folder, Share, Rating, Assistant, SavedPrompt):
        owners = set(rows.objects.values_list("owner", flat=True))  # type: ignore[attr-defined]  # each has one
        assert owners == {bob.pk}, rows
    assert not Turn.objects.filter(pk=running.pk).exists()
    assert not Message.objects.filter(thread__owner=alice).exists()
    assert not Document.objects.for_employee(alice).filter(owner=alice).exists()
    assert not Upload.objects.filter(owner=alice, document=None).exists()
    assert Document.objects.for_employee(bob).filter(owner=bob).count() == 1
    assert browser_of(bob).get(f"/shared/{share.pk}/").status_code == 404
    assert alices_browser.get("/account/").status_code == 200


def test_whoever_finds_the_browser_open_deletes_nothing(alice: Employee, alices_browser: Client) -> None:
    """A wrong password changes nothing, and is not tried for ever."""
    furnish(alice)
    most = limits.LIMITS["password.employee"].num_times
    statuses = [alices_browser.post("/account/privacy/", {"password": "guess"}).status_code for _ in range(most)]
    assert statuses == [400] * most
    assert alices_browser.post("/account/privacy/", {"password": PASSWORD}).status_code == 429
    assert Thread.objects.for_employee(alice).count() == 1


def test_what_a_dying_process_left_is_never_seen_again(
    alice: Employee, alices_browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hidden with the first statement; beat does the rest."""
    thread = furnish(alice)
    monkeypatch.setattr(deleting, "_all", lambda threads: 0)
    alices_browser.post("/account/privacy/", {"password": PASSWORD})
    monkeypatch.undo()
    assert alices_browser.get(f"/threads/{thread.pk}/").status_code == 404
    deleting.expire()
    assert not Thread.objects.filter(owner=alice).exists()
