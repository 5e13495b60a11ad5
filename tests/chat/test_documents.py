"""Documents over HTTP: pieces, refusals before anything is read, and what a browser may do with a file."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import pytest
from django.test import Client

from chat.models import Employee
from rag.models import Document, Upload
from tests.factories import EMPTY_PDF, finish, make_document, make_thread

pytestmark = pytest.mark.django_db

JSON = {"content_type": "application/json"}


def send(client: Client, url: str, offset: int | str, data: bytes) -> Any:
    return client.patch(url, data, content_type="application/octet-stream", headers={"Upload-Offset": str(offset)})


def test_a_pdf_in_pieces(alice: Employee, alices_browser: Client) -> None:
    """Begin, send, lose the line, ask where to go on, send the rest: one document, in its thread."""
    thread = make_thread(alice)
    body = {"name": "C:\\Travel policy.pdf", "size_bytes": len(EMPTY_PDF), "thread": str(thread.id)}
    begun = alices_browser.post("/documents/", body, **JSON)
    assert begun.status_code == 201
    url = begun.json()["upload"]["url"]
    assert send(alices_browser, url, 0, EMPTY_PDF[:100]).json() == {"offset": 100, "document": None}
    assert alices_browser.head(url)["Upload-Offset"] == "100"
    again = send(alices_browser, url, 50, EMPTY_PDF[50:120])
    assert (again.status_code, again.json()["offset"]) == (409, 100)
    last = send(alices_browser, url, 100, EMPTY_PDF[100:])
    assert last.json()["offset"] == len(EMPTY_PDF)
    document = last.json()["document"]
    assert (document["title"], document["status"], document["is_searchable"]) == ("Travel policy", "queued", False)
    assert [str(d.pk) for d in thread.documents.all()] == [document["id"]]
    assert alices_browser.get(f"/documents/{document['id']}/").json()["document"] == document


def test_a_gigabyte_is_refused_before_it_is_read(alices_browser: Client) -> None:
    answer = alices_browser.post("/documents/", {"name": "a.pdf", "size_bytes": 2**30}, **JSON)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "document_too_large")
    assert "200 MiB" in answer.json()["error"]["sentence"]
    assert not Upload.objects.exists()


@pytest.mark.parametrize("size", [0, -1, "10", 1.5, True, None])
def test_sizes_that_are_none(alices_browser: Client, size: Any) -> None:
    assert alices_browser.post("/documents/", {"name": "a.pdf", "size_bytes": size}, **JSON).status_code == 400


def test_a_file_that_is_no_pdf_whatever_its_name(alices_browser: Client) -> None:
    data = b"MZ" + b"x" * 2000
    url = alices_browser.post("/documents/", {"name": "a.pdf", "size_bytes": len(data)}, **JSON).json()["upload"]["url"]
    answer = send(alices_browser, url, 0, data)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "not_supported")
    assert not Document.objects.exists()


@pytest.mark.parametrize("offset", ["", "-1", "x", "1" * 40, "²"])
def test_offsets_that_are_none(alices_browser: Client, offset: str) -> None:
    url = alices_browser.post("/documents/", {"name": "a.pdf", "size_bytes": 10}, **JSON).json()["upload"]["url"]
    answer = send(alices_browser, url, offset, b"%PDF-")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_offset")


def test_a_piece_has_at_most_one_mebibyte(alices_browser: Client) -> None:
    url = alices_browser.post("/documents/", {"name": "a.pdf", "size_bytes": 2**21}, **JSON).json()["upload"]["url"]
    assert send(alices_browser, url, 0, b"x" * (2**20 + 1)).status_code == 413


def test_bob_cannot_upload_into_alices_thread(alice: Employee, bobs_browser: Client) -> None:
    body = {"name": "a.pdf", "size_bytes": len(EMPTY_PDF), "thread": str(make_thread(alice).id)}
    assert bobs_browser.post("/documents/", body, **JSON).status_code == 404
    url = bobs_browser.post("/documents/", body | {"thread": body["thread"]}, **JSON)
    assert url.status_code == 404
    del body["thread"]
    url = bobs_browser.post("/documents/", body, **JSON).json()["upload"]["url"]
    thread = make_thread(alice)
    assert send(bobs_browser, f"{url}?thread={thread.id}", 0, EMPTY_PDF).status_code == 404
    assert not thread.documents.exists()


@pytest.mark.parametrize(
    ("asked", "status", "expected"),
    [
        ("", 200, slice(None)),
        ("bytes=0-9", 206, slice(0, 10)),
        ("bytes=5-", 206, slice(5, None)),
        ("bytes=0-999999", 206, slice(None)),
        ("bytes=999999-", 416, slice(0, 0)),
        ("bytes=9-3", 416, slice(0, 0)),
        ("bytes=0-1,3-4", 200, slice(None)),
        ("lines=0-1", 200, slice(None)),
    ],
)
def test_ranges(alice: Employee, alices_browser: Client, asked: str, status: int, expected: slice) -> None:
    """One simple range; whatever else is asked for gets the whole file."""
    document = make_document(alice)
    answer = alices_browser.get(f"/documents/{document.pk}/file/", headers={"Range": asked} if asked else {})
    data = b"".join(answer) if answer.streaming else answer.content
    finish(answer)
    assert answer.status_code == status
    assert data == EMPTY_PDF[expected]
    if status == 206:
        assert answer["Content-Range"].endswith(f"/{len(EMPTY_PDF)}")


def test_a_file_can_do_nothing_in_a_browser(alice: Employee, alices_browser: Client) -> None:
    """No script, no origin, no sniffing; and its name cannot forge a header or turn the direction of text."""
    document = make_document(alice, "evil\u202e\r\nSet-Cookie: a=b/..\\gpj.pdf")
    answer = alices_browser.get(f"/documents/{document.pk}/file/")
    finish(answer)
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Type"] == "application/pdf"
    assert "Set-Cookie" not in answer.headers
    name = unquote(answer["Content-Disposition"])
    assert name.startswith("attachment; filename*=UTF-8''")
    assert not set("\r\n\u202e") & set(name)


def test_deleting_takes_it_from_everywhere(alice: Employee, alices_browser: Client) -> None:
    document, thread = make_document(alice), make_thread(alice)
    thread.documents.add(document)
    url = f"/documents/{document.pk}/"
    assert alices_browser.delete(url).status_code == 204
    for path in (url, f"{url}file/", f"{url}pages/0/"):
        assert alices_browser.get(path).status_code == 404
    assert not thread.documents.for_employee(alice).exists()


@pytest.mark.parametrize("page_no", ["1", "999999999999999999999999"])
def test_pages_that_are_not_there(alice: Employee, alices_browser: Client, page_no: str) -> None:
    document = make_document(alice)
    assert alices_browser.get(f"/documents/{document.pk}/pages/{page_no}/").status_code == 404
