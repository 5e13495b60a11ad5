"""Who is signed in, and for how long: 12 hours at most, 60 minutes without a sign of life.

The same rules hold for pages (`enforce`) and for sockets (`employee_of`), which have no request.
"""

from __future__ import annotations

import time
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, login, logout
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from chat.models import Employee

SIGNED_IN_AT = "signed_in_at"
SEEN_AT = "seen_at"
NOTE_EVERY_SECONDS = 60  # a session row is written at most this often


def cookie_name() -> str:
    return settings.SESSION_COOKIE_NAME


def start(request: HttpRequest, employee: Employee) -> None:
    """Sign the employee in under a new session key; whatever the old session held is gone."""
    request.session.flush()
    login(request, employee, backend="django.contrib.auth.backends.ModelBackend")
    request.session[SIGNED_IN_AT] = request.session[SEEN_AT] = int(time.time())


def end(request: HttpRequest) -> None:
    logout(request)


def is_alive(session: SessionBase | dict[str, Any]) -> bool:
    now = time.time()
    age, idle = now - session.get(SIGNED_IN_AT, 0), now - session.get(SEEN_AT, 0)
    return bool(age < settings.SESSION_ABSOLUTE_SECONDS and idle < settings.SESSION_IDLE_SECONDS)


def enforce(request: HttpRequest) -> None:
    """End a session that is too old; note that a living one was seen."""
    if SESSION_KEY not in request.session:
        return
    if not is_alive(request.session):
        logout(request)
    elif time.time() - request.session[SEEN_AT] > NOTE_EVERY_SECONDS:
        request.session[SEEN_AT] = int(time.time())


def employee_of(session_key: str | None, *, note_seen: bool = True) -> Employee | None:
    """The active employee behind a session key, checked as if a request had come. Two queries at most.

    A tab that only pings is no sign of life: with note_seen False it does not keep the session.
    """
    if not session_key:
        return None
    session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    if SESSION_KEY not in session:
        return None
    employee = Employee.objects.filter(pk=session[SESSION_KEY], is_active=True, must_change_password=False).first()
    if employee is None or not belongs_to(session, employee):
        return None
    if note_seen and time.time() - session[SEEN_AT] > NOTE_EVERY_SECONDS:
        session[SEEN_AT] = int(time.time())
        session.save()
    return employee


def belongs_to(session: SessionBase | dict[str, Any], employee: Employee) -> bool:
    """Whether it is alive, was begun by signing in, and the password is still the one that it was begun with."""
    has_password = _has_hash(session.get(HASH_SESSION_KEY, ""), employee)
    return BACKEND_SESSION_KEY in session and is_alive(session) and has_password


def _has_hash(found: Any, employee: Employee) -> bool:
    """Whether the password is still the one that the session was made with."""
    return constant_time_compare(str(found), employee.get_session_auth_hash())
