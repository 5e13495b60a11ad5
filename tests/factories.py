"""Things for tests, made the way the product makes them."""

from __future__ import annotations

import functools
import time
import uuid
from typing import Any

from django.contrib.auth.hashers import make_password
from django.core.signals import request_finished
from django.db import close_old_connections
from django.http.response import HttpResponseBase
from django.test import Client

from chat import sessions
from chat.models import Employee, Message, ServedModel, Thread, Turn
from chat.models.message import ASSISTANT, PENDING, USER
from rag import uploads
from rag.models import Document

PASSWORD = "correct horse battery staple"
# A whole PDF with one empty page; enough for whatever does not read it.
EMPTY_PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
)


@functools.cache
def _password_hash() -> str:
    """Argon2 costs 50 ms, and every test has three people."""
    return make_password(PASSWORD)


def make_employee(email: str, **fields: Any) -> Employee:
    employee = Employee(email=email, password=_password_hash(), **fields)
    employee.save()
    return employee


def browser_of(employee: Employee | None, **headers: str) -> Client:
    """A browser in which the employee has just signed in; None is a browser of nobody."""
    client = Client(HTTP_ACCEPT="application/json", **headers)
    if employee is not None:
        client.force_login(employee, backend="django.contrib.auth.backends.ModelBackend")
        session = client.session
        session[sessions.SIGNED_IN_AT] = session[sessions.SEEN_AT] = int(time.time())
        session.save()
    return client


def finish(response: HttpResponseBase) -> None:
    """Close what a response holds open, without giving the test's own connection back."""
    request_finished.disconnect(close_old_connections)
    response.close()
    request_finished.connect(close_old_connections)


def make_model(name: str = "fake-chat", **fields: Any) -> ServedModel:
    values = {"title": "Fake", "kind": "chat", "is_enabled": True, "context_length": 8192} | fields
    return ServedModel.objects.create(name=name, **values)


def make_thread(owner: Employee, title: str = "Budget", **fields: Any) -> Thread:
    return Thread.objects.create(owner=owner, title=title, **fields)


def make_turn(thread: Thread, text: str = "How much?", answer: str = "", **fields: Any) -> Turn:
    """A question and the turn that answers it, queued unless fields say otherwise."""
    parent = Message.objects.filter(thread=thread).order_by("-created_at").first()
    question = Message.objects.create(thread=thread, parent=parent, role=USER, text=text)
    said = Message.objects.create(
        thread=thread,
        parent=question,
        role=ASSISTANT,
        text=answer,
        model_name="fake-chat",
        status=fields.pop("message_status", PENDING),
    )
    return Turn.objects.create(thread=thread, question=question, answer=said, model_name="fake-chat", **fields)


def make_document(owner: Employee, name: str = "Travel policy.pdf", data: bytes = EMPTY_PDF) -> Document:
    """Uploaded in one piece and not yet read. Each of an owner's has bytes of its own, or it would be the same one."""
    if Document.objects.filter(owner=owner).exists():
        data += b"%% %d\n" % Document.objects.count()
    upload = uploads.begin(owner, name, len(data))
    uploads.append(upload, 0, data)
    document: Document | None = upload.document
    assert document is not None
    return document


def send_frame(text: str = "Hello", **fields: Any) -> dict[str, Any]:
    """A message.send as the page sends it."""
    frame = {"type": "message.send", "ref": "r1", "id": str(uuid.uuid4()), "thread": None, "text": text}
    return frame | {"model": None, "documents": []} | fields
