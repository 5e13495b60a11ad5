"""Documents: upload in pieces, watch, read, delete. rag owns them; this is their door for browsers."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _

from chat import requests
from chat.errors import BadInput, HearthError, Missing, TooLarge
from chat.models import Employee, Message, Thread
from chat.requests import employee_of, signed_in
from chat.views import files
from chat.views.frame import page_state
from rag import uploads
from rag.errors import DocumentTooLarge, RagError, WrongOffset
from rag.models import Document, Page, Upload

MAX_PIECE_BYTES = 1024 * 1024
LISTED_DOCUMENTS = 500


@signed_in
def show_all(request: HttpRequest) -> HttpResponse:
    """chat/documents.html: page_state.documents, a list of document states, newest first."""
    employee = employee_of(request)
    documents = Document.objects.for_employee(employee).recent()[:LISTED_DOCUMENTS]
    states = [state_of(document) for document in documents]
    return render(request, "chat/documents.html", {"page_state": page_state(employee, documents=states)})


@signed_in
def begin_upload(request: HttpRequest) -> JsonResponse:
    """Body {name, size_bytes, thread?}: 201 {"upload": {id, offset, url}}, or a refusal before a byte is read."""
    body = requests.fields(request, name=str, size_bytes=int, thread=str)
    requests.require(body, "name", "size_bytes")
    employee = employee_of(request)
    if "thread" in body:
        _thread(employee, body["thread"])
    try:
        upload = uploads.begin(employee, body["name"], body["size_bytes"])
    except RagError as error:
        raise translated(error) from error
    url = f"/uploads/{upload.id}/" + (f"?thread={body['thread']}" if "thread" in body else "")
    return JsonResponse({"upload": {"id": str(upload.id), "offset": 0, "url": url}}, status=201)


@signed_in
def upload_state(request: HttpRequest, upload_id: uuid.UUID) -> HttpResponse:
    upload = _upload(request, upload_id)
    headers = {"Upload-Offset": str(upload.received_bytes), "Upload-Length": str(upload.size_bytes)}
    return HttpResponse(headers=headers)


@signed_in
def append_piece(request: HttpRequest, upload_id: uuid.UUID) -> JsonResponse:
    """Raw bytes with an Upload-Offset header: {offset, document: state|null}; 409 with {offset} to go on from."""
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
    return JsonResponse({"offset": received_bytes, "document": state_of(document) if document else None})


@signed_in
def show_state(request: HttpRequest, document_id: uuid.UUID) -> JsonResponse:
    """{"document": state}."""
    return JsonResponse({"document": state_of(_document(request, document_id))})


@signed_in
def delete(request: HttpRequest, document_id: uuid.UUID) -> HttpResponse:
    """Gone from every list, search and citation at once."""
    requests.no_fields(request)
    document = _document(request, document_id)
    if document.owner_id != employee_of(request).pk:
        raise Missing  # who may read a document may not delete it
    document.delete_for_everyone()
    return requests.done()


@signed_in
def retry(request: HttpRequest, document_id: uuid.UUID) -> JsonResponse:
    requests.no_fields(request)
    document = _document(request, document_id)
    document.retry()
    document.refresh_from_db()
    return JsonResponse({"document": state_of(document)})


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
        "place": document.format.place,
        "text": page.text,
        "source": page.source,
        "confidence": page.confidence,
    }


def state_of(document: Document) -> dict[str, Any]:
    """DocumentState as JSON."""
    state = asdict(document.state())
    return state | {"id": str(document.id), "created_at": document.created_at.isoformat()}


def state_or_deletion(employee: Employee, document_id: uuid.UUID) -> dict[str, Any]:
    """The state, or {id, deleted: true} of a document that the employee can no longer read."""
    document = Document.objects.for_employee(employee).filter(pk=document_id).first()
    return state_of(document) if document else {"id": str(document_id), "deleted": True}


def visible_sources(employee: Employee, messages: Iterable[Message]) -> None:
    """Blank the quotes of documents that the employee can no longer read. One query."""
    found = [source for message in messages for source in (message.sources or {}).get("sources", [])]
    if not found:
        return
    ids = {source["document"] for source in found}
    readable = Document.objects.for_employee(employee).filter(pk__in=ids)
    visible = {str(pk) for pk in readable.values_list("pk", flat=True)}
    for source in found:
        if source["document"] not in visible:
            source |= {"quote": "", "title": _("Source no longer available"), "gone": True}


def translated(error: RagError) -> HearthError:
    """A failure of rag in the words of our doors."""
    kind = TooLarge if isinstance(error, DocumentTooLarge) else BadInput
    return kind(error.code, error.sentence)


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
    try:
        thread = Thread.objects.for_employee(employee).filter(pk=uuid.UUID(thread_id)).first()
    except ValueError:
        thread = None
    if thread is None:
        raise Missing
    return thread


documents = requests.methods(GET=show_all, POST=begin_upload)
upload = requests.methods(HEAD=upload_state, PATCH=append_piece)
document = requests.methods(GET=show_state, DELETE=delete)
document_retry = requests.methods(POST=retry)
document_file = requests.methods(GET=show_file)
document_page = requests.methods(GET=show_page)
