"""Documents: upload in pieces, watch, read, delete. rag owns them; this is their door for browsers."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _

from chat import requests
from chat.errors import BadInput, Conflict, HearthError, Missing, TooLarge
from chat.middleware import wants_page
from chat.models import Employee, Thread
from chat.requests import employee_of, signed_in
from chat.views import files
from chat.views.frame import page_state
from rag import collections, principals, uploads
from rag.errors import DocumentTooLarge, RagError, SharingError, WrongOffset
from rag.models import Collection, Document, Page, Upload
from rag.models.document import DocumentQuerySet

MAX_PIECE_BYTES = 1024 * 1024
LISTED_DOCUMENTS = 200


@signed_in
def show_all(request: HttpRequest) -> HttpResponse:
    """chat/documents.html with page_state, or for a script the same as JSON: {documents, has_more, shelf, shelves}.

    ?shelf= own (the default), shown (what others show one of their collections) or a collection's id; ?from= the place
    to go on at. documents: states, newest first. shelves: see `shelves_of`.
    """
    employee = employee_of(request)
    shelf, start = request.GET.get("shelf", "own"), _number(request.GET.get("from", "0"))
    found = list(_on_shelf(employee, shelf).recent()[start : start + LISTED_DOCUMENTS + 1])
    state = {
        "documents": states_of(employee, found[:LISTED_DOCUMENTS]),
        "has_more": len(found) > LISTED_DOCUMENTS,
        "shelf": shelf,
        "shelves": shelves_of(employee),
    }
    if not wants_page(request):
        return JsonResponse(state)
    return render(request, "chat/documents.html", {"page_state": page_state(employee, **state)})


def shelves_of(employee: Employee) -> dict[str, Any]:
    """{num_own, num_shown, may_make, collections: [summary]} as they are to this employee: see rag.collections."""
    library = Document.objects.for_employee(employee).library()
    return {
        "num_own": library.on_own_shelf(employee).count(),
        "num_shown": library.shown_to(employee).count(),
        "may_make": principals.may_make_collections(employee),
        "collections": collections.summaries(employee),
    }


def _on_shelf(employee: Employee, shelf: str) -> DocumentQuerySet:
    library = Document.objects.for_employee(employee).library()
    if shelf == "own":
        return library.on_own_shelf(employee)
    if shelf == "shown":
        return library.shown_to(employee)
    return library.filter(collection=requests.found(Collection.objects.for_employee(employee), shelf))


@signed_in
def begin_upload(request: HttpRequest) -> JsonResponse:
    """Body {name, size_bytes, folder?, and a place}: 201 {"upload": {id, offset, url}}.

    The place is one of collection, replaces and thread, which are ids, for_thread (the thread that the next question
    makes), or none of them. A refusal comes before a byte is read.
    """
    body = requests.fields(
        request, name=str, size_bytes=int, folder=str, collection=str, replaces=str, thread=str, for_thread=bool
    )
    requests.require(body, "name", "size_bytes")
    employee = employee_of(request)
    destination = _destination(employee, body)
    try:
        upload = uploads.begin(employee, body["name"], body["size_bytes"], destination)
    except RagError as error:
        raise translated(error) from error
    url = f"/uploads/{upload.id}/" + (f"?thread={body['thread']}" if "thread" in body else "")
    return JsonResponse({"upload": {"id": str(upload.id), "offset": 0, "url": url}}, status=201)


def _destination(employee: Employee, body: dict[str, Any]) -> uploads.Destination:
    """Everything that is named is looked up as something that the employee may change."""
    if sum(name in body for name in ("collection", "replaces", "thread", "for_thread")) > 1:
        raise BadInput("bad_field", _("A file goes to one place."))
    folder = body.get("folder", "")
    if "collection" in body:
        curated = Collection.objects.curated_by(employee)
        return uploads.Destination(collection=requests.found(curated, body["collection"]), folder=folder)
    if "replaces" in body:
        managed = Document.objects.managed_by(employee).select_related("collection")
        return uploads.Destination(replaces=requests.found(managed, body["replaces"]))
    if "thread" in body:
        thread = _thread(employee, body["thread"])
        return uploads.Destination(is_thread_file=True, thread_id=thread.pk)
    return uploads.Destination(is_thread_file=body.get("for_thread", False), folder=folder)


@signed_in
def upload_state(request: HttpRequest, upload_id: uuid.UUID) -> HttpResponse:
    upload = _upload(request, upload_id)
    headers = {"Upload-Offset": str(upload.received_bytes), "Upload-Length": str(upload.size_bytes)}
    return HttpResponse(headers=headers)


@signed_in
def append_piece(request: HttpRequest, upload_id: uuid.UUID) -> JsonResponse:
    """Raw bytes with an Upload-Offset header: {offset, document: state|null}; 409 with {offset} to go on from.

    is_duplicate is there and true when the same bytes were there already; document is then the one that has them.
    """
    upload = _upload(request, upload_id)
    offset = request.headers.get("Upload-Offset", "")
    if not (offset.isascii() and offset.isdigit() and len(offset) < 16):
        raise BadInput("bad_offset", _("The header Upload-Offset must be a number of bytes."))
    if int(request.headers.get("Content-Length") or 0) > MAX_PIECE_BYTES:
        raise TooLarge("piece_too_large", _("One piece of an upload has at most 1 MiB."))
    try:
        received_bytes = uploads.append(upload, int(offset), request.body)
    except WrongOffset as error:
        body = {"error": {"code": error.code, "sentence": error.sentence}, "offset": error.expected}
        return JsonResponse(body, status=409)
    except RagError as error:
        raise translated(error) from error
    document = upload.document
    if document is not None and "thread" in request.GET:
        _thread(employee_of(request), request.GET["thread"]).attach([document])
    found = states_of(employee_of(request), [document])[0] if document else None
    state = {"offset": received_bytes, "document": found}
    return JsonResponse(state | {"is_duplicate": True} if upload.is_duplicate else state)


@signed_in
def show_state(request: HttpRequest, document_id: uuid.UUID) -> JsonResponse:
    """{"document": state}."""
    return _state(request, _document(request, document_id))


@signed_in
def delete(request: HttpRequest, document_id: uuid.UUID) -> HttpResponse:
    """Gone from every list, search and citation at once."""
    requests.no_fields(request)
    managed_document(request, document_id).delete_for_everyone()
    return requests.done()


@signed_in
def retry(request: HttpRequest, document_id: uuid.UUID) -> JsonResponse:
    requests.no_fields(request)
    document = managed_document(request, document_id)
    document.retry()
    document.refresh_from_db()
    return _state(request, document)


@signed_in
def cancel(request: HttpRequest, document_id: uuid.UUID) -> JsonResponse:
    """Stop reading. A new version that failed or is on its way is dropped, and the one before stays."""
    requests.no_fields(request)
    document = managed_document(request, document_id)
    document.cancel()
    document.refresh_from_db()
    return _state(request, document)


@signed_in
def show_file(request: HttpRequest, document_id: uuid.UUID) -> HttpResponseBase:
    """The file as it was uploaded, with Range."""
    document = _document(request, document_id)
    name = f"{document.title}{document.format.extensions[0]}"
    return files.ranged(request, document.open_file(), name, document.media_type)


@signed_in
def show_page(request: HttpRequest, document_id: uuid.UUID, page_no: int) -> JsonResponse:
    """{index, label, place, text, source, confidence} of a page of what searches see, counted from 0."""
    document = _document(request, document_id)
    try:
        return JsonResponse(page_of(document, document.page(page_no)))
    except Page.DoesNotExist:
        raise Missing from None


def page_of(document: Document, page: Page) -> dict[str, Any]:
    """A page as text; place says what a page of this format is called.

    source "ocr": the text was read out of the page's picture, confidence says how well, 0 to 100.
    """
    return {
        "index": page.page_no,
        "label": page.shown_label,
        "place": page.version.format.place,
        "text": page.text,
        "source": page.source,
        "confidence": page.confidence,
    }


def state_of(document: Document) -> dict[str, Any]:
    """DocumentState as JSON."""
    state = asdict(document.state())
    collection = str(document.collection_id) if document.collection_id else None
    return state | {"id": str(document.id), "created_at": document.created_at.isoformat(), "collection": collection}


def states_of(employee: Employee, documents: Sequence[Document]) -> list[dict[str, Any]]:
    """The states, each with may_manage: whether this employee may replace, move and delete it. One more query."""
    ids = [document.pk for document in documents]
    managed = set(Document.objects.managed_by(employee).filter(pk__in=ids).values_list("pk", flat=True))
    return [state_of(document) | {"may_manage": document.pk in managed} for document in documents]


def state_or_deletion(employee: Employee, document_id: uuid.UUID) -> dict[str, Any]:
    """The state, or {id, deleted: true} of a document that the employee can no longer read."""
    document = Document.objects.for_employee(employee).filter(pk=document_id).first()
    return states_of(employee, [document])[0] if document else {"id": str(document_id), "deleted": True}


def translated(error: RagError) -> HearthError:
    """A failure of rag in the words of our doors."""
    if isinstance(error, SharingError):
        return Conflict(error.code, error.sentence)
    kind = TooLarge if isinstance(error, DocumentTooLarge) else BadInput
    return kind(error.code, error.sentence)


def _state(request: HttpRequest, document: Document) -> JsonResponse:
    return JsonResponse({"document": states_of(employee_of(request), [document])[0]})


def managed_document(request: HttpRequest, document_id: uuid.UUID) -> Document:
    """One that the employee may replace, move and delete. To who may only read it, that door does not exist."""
    document = Document.objects.managed_by(employee_of(request)).filter(pk=document_id).first()
    if document is None:
        raise Missing
    return document


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else 0


def _document(request: HttpRequest, document_id: uuid.UUID) -> Document:
    document = Document.objects.for_employee(employee_of(request)).filter(pk=document_id).first()
    if document is None:
        raise Missing
    return document


def _upload(request: HttpRequest, upload_id: uuid.UUID) -> Upload:
    upload = Upload.objects.for_employee(employee_of(request)).filter(pk=upload_id).first()
    if upload is None:
        raise Missing
    return upload


def _thread(employee: Employee, thread_id: str) -> Thread:
    return requests.found(Thread.objects.for_employee(employee), thread_id)


documents = requests.methods(GET=show_all, POST=begin_upload)
upload = requests.methods(HEAD=upload_state, PATCH=append_piece)
document = requests.methods(GET=show_state, DELETE=delete)
document_retry = requests.methods(POST=retry)
document_cancel = requests.methods(POST=cancel)
document_file = requests.methods(GET=show_file)
document_page = requests.methods(GET=show_page)
