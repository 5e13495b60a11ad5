"""A thread to take along: the shown branch as Markdown, the whole tree as JSON."""

from __future__ import annotations

import json as json_text
import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.http import content_disposition_header
from django.utils.text import get_valid_filename

from chat import answer_html, exporting, requests
from chat.models import Message, Thread
from chat.requests import employee_of, signed_in
from chat.views.branches import shown
from chat.views.frame import thread_of
from chat.visible import visible_sources
from chat.word import writer


@signed_in
def show_markdown(request: HttpRequest, thread_id: uuid.UUID) -> HttpResponse:
    thread = thread_of(request, thread_id)
    text = exporting.markdown(thread, shown(employee_of(request), thread))
    return _file(thread, text, "md", "text/markdown")


@signed_in
def show_json(request: HttpRequest, thread_id: uuid.UUID) -> HttpResponse:
    """See chat.exporting.tree."""
    employee, thread = employee_of(request), thread_of(request, thread_id)
    messages = list(Message.objects.for_employee(employee).filter(thread=thread).in_order())
    visible_sources(employee, messages)
    body: dict[str, Any] = exporting.tree(thread, messages)
    return _file(thread, json_text.dumps(body, ensure_ascii=False, indent=2) + "\n", "json", "application/json")


@signed_in
def show_word(request: HttpRequest, thread_id: uuid.UUID) -> HttpResponse:
    """See chat.word."""
    thread = thread_of(request, thread_id)
    day = date_format(timezone.localdate(), "DATE_FORMAT")
    data = writer.document(thread, shown(employee_of(request), thread), day)
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    return _file(thread, data, "docx", kind)


@signed_in
def show_on_paper(request: HttpRequest, thread_id: uuid.UUID) -> HttpResponse:
    """chat/print.html: thread, and said: [message, its HTML] of the whole shown branch."""
    thread = thread_of(request, thread_id)
    messages = shown(employee_of(request), thread)
    said = [
        (message, "" if message.is_question else answer_html.html(message.text, f"note-{message.pk}"))
        for message in messages
    ]
    return render(request, "chat/print.html", {"thread": thread, "said": said})


def _file(thread: Thread, text: str | bytes, ending: str, content_type: str) -> HttpResponse:
    response = HttpResponse(text, content_type=content_type + "; charset=utf-8" * isinstance(text, str))
    name = get_valid_filename(thread.title or "thread").strip(".") or "thread"
    response["Content-Disposition"] = content_disposition_header(True, f"{name}.{ending}") or "attachment"
    return response


markdown = requests.methods(GET=show_markdown)
json = requests.methods(GET=show_json)
word = requests.methods(GET=show_word)
paper = requests.methods(GET=show_on_paper)
