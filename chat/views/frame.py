"""What every page of a signed-in employee shows around its content: the sidebar, the models, the state for scripts.

Lists are lazy: a page that does not show them pays no query.
"""

from __future__ import annotations

import uuid
from functools import cache
from typing import Any

from django.http import HttpRequest
from django.utils import translation

from chat.errors import Missing
from chat.models import Employee, Folder, ServedModel, Thread
from chat.requests import employee_of

SIDEBAR_THREADS = 200


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context of every template: user; for signed-in employees also

    threads: the newest Thread rows, newest first (scripts group them by day); folders: as `Folder.summary`;
    page_state: for json_script, see `page_state`.
    """
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"user": user}
    return {
        "user": user,
        "threads": cache(lambda: list(Thread.objects.for_employee(user).recent()[:SIDEBAR_THREADS])),
        "folders": cache(lambda: [folder.summary() for folder in Folder.objects.for_employee(user).in_order()]),
        "page_state": cache(lambda: page_state(user)),
    }


def page_state(employee: Employee, **more: Any) -> dict[str, Any]:
    """What scripts need to know about a page. A view adds what it shows:

    thread.html: thread {id, title, model, documents: [DocumentState], temporary}, running_turns [{id, answer}], draft,
    new_thread {folder, temporary} where there is none yet;
    documents.html: documents; models.html: served_models; employees.html: employees, invitations.
    """
    return {
        "employee": {
            "id": employee.pk,
            "name": employee.display_name,
            "email": employee.email,
            "is_admin": employee.is_admin,
        },
        "models": models_of(employee),
        "thread": None,
        "running_turns": [],
        "language": translation.get_language(),
    } | more


def models_of(employee: Employee) -> list[dict[str, Any]]:
    """What the model picker offers; models.changed brings it anew."""
    return [
        {
            "name": model.name,
            "title": model.title,
            "version": model.version,
            "is_default": model.is_default,
            "context_length": model.context_length,
        }
        for model in ServedModel.objects.for_employee(employee).chat()
    ]


def thread_of(request: HttpRequest, thread_id: uuid.UUID) -> Thread:
    """The employee's thread of this id. Raises Missing."""
    thread = Thread.objects.for_employee(employee_of(request)).filter(pk=thread_id).first()
    if thread is None:
        raise Missing
    return thread
