"""Threads from other programs: a file comes in pieces, is read by the worker, and its result stands on the page."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from chat import requests, tasks
from chat.errors import BadInput, Conflict, Missing, TooLarge
from chat.middleware import wants_page
from chat.models import ThreadImport
from chat.models.thread_import import COMING, WAITING
from chat.requests import employee_of, signed_in
from chat.views.documents import MAX_PIECE_BYTES
from chat.views.frame import page_state


@signed_in
def show_all(request: HttpRequest) -> HttpResponse:
    """account/imports.html: page_state.imports, see `state_of`, newest first. Scripts get {"imports": […]}."""
    employee = employee_of(request)
    rows = [state_of(row) for row in ThreadImport.objects.for_employee(employee).order_by("-created_at")]
    if not wants_page(request):
        return JsonResponse({"imports": rows})
    return render(request, "account/imports.html", {"page_state": page_state(employee, imports=rows)})


@signed_in
def begin(request: HttpRequest) -> JsonResponse:
    """Body {name, size_bytes}: 201 {"import": state}; the bytes go to its address with PATCH."""
    body = requests.fields(request, name=str, size_bytes=int)
    requests.require(body, "name", "size_bytes")
    row = ThreadImport.begin(employee_of(request), body["name"], body["size_bytes"])
    return JsonResponse({"import": state_of(row)}, status=201)


@signed_in
def show(request: HttpRequest, import_id: uuid.UUID) -> JsonResponse:
    """{"import": state}."""
    return JsonResponse({"import": state_of(_import(request, import_id))})


@signed_in
def append(request: HttpRequest, import_id: uuid.UUID) -> JsonResponse:
    """Raw bytes, at most 1 MiB, with an Upload-Offset header: {"import": state}; 409 with it where there is a gap."""
    row = _import(request, import_id)
    offset = request.headers.get("Upload-Offset", "")
    if not (offset.isascii() and offset.isdigit() and len(offset) < 16):
        raise BadInput("bad_offset", _("The header Upload-Offset must be a number of bytes."))
    if int(request.headers.get("Content-Length") or 0) > MAX_PIECE_BYTES:
        raise TooLarge("piece_too_large", _("One piece of an upload has at most 1 MiB."))
    was_coming = row.status == COMING
    try:
        row.append(int(offset), request.body)
    except Conflict as error:
        body = {"error": {"code": error.code, "sentence": error.sentence}, "import": state_of(row)}
        return JsonResponse(body, status=409)
    if was_coming and row.status == WAITING:
        tasks.read_import.delay_on_commit(str(row.pk))
    return JsonResponse({"import": state_of(row)})


@signed_in
def delete(request: HttpRequest, import_id: uuid.UUID) -> HttpResponse:
    """Out of the list; what was imported stays."""
    requests.no_fields(request)
    _import(request, import_id).discard()
    return requests.done()


def state_of(row: ThreadImport) -> dict[str, Any]:
    """{id, name, status, size_bytes, received_bytes, result, error, reasons: [sentence], created_at}."""
    reasons = row.result.get("reasons", {})
    return {
        "id": str(row.pk),
        "name": row.name,
        "status": row.status,
        "size_bytes": row.size_bytes,
        "received_bytes": row.received_bytes,
        "result": row.result or None,
        "error": _error(row.error_code, has_any=bool(row.result.get("num_new"))) if row.error_code else "",
        "reasons": [f"{_reason(code)} ({count})" for code, count in sorted(reasons.items())],
        "created_at": row.created_at.isoformat(),
    }


def _error(code: str, *, has_any: bool) -> str:
    if code == "not_json" and not has_any:
        return _("This is no export that Hearth knows, or it is damaged.")
    sentences = {
        "broken": _("The file is damaged. Download the export again."),
        "needs_password": _("The zip has a password. Unpack it and import the file conversations.json."),
        "unpacks_too_large": _("The zip unpacks to more than can be read. Import the file conversations.json alone."),
        "too_many_files": _("The zip holds too many files. Import the file conversations.json alone."),
        "too_many_threads": _("The file holds more threads than can be read at once. Those before were imported."),
        "no_threads": _("There are no threads in this file."),
        "not_json": _("This is no export that Hearth knows, or it is damaged. What could be read was imported."),
        "too_deep": _("The file is nested too deeply to be an export. What came before was imported."),
        "item_too_large": _("One conversation is too large to be read. What came before was imported."),
    }
    return sentences.get(code, sentences["broken"])


def _reason(code: str) -> str:
    sentences = {
        "no_messages": _("nothing was said in it"),
        "too_many_messages": _("too many messages"),
        "too_long": _("a message is too long"),
        "bad_shape": _("not a conversation as the program exports it"),
    }
    return sentences.get(code, sentences["bad_shape"])


def _import(request: HttpRequest, import_id: uuid.UUID) -> ThreadImport:
    row = ThreadImport.objects.for_employee(employee_of(request)).filter(pk=import_id).first()
    if row is None:
        raise Missing
    return row


imports = requests.methods(GET=show_all, POST=begin)
thread_import = requests.methods(GET=show, PATCH=append, DELETE=delete)
