"""Is the employee behind each open socket still signed in? Asked by many sockets at once, answered by two queries.

Every tab that pings or hears a word asks once a second at most. What is asked while one look at the database is under
way is asked together in the next, so that a hundred reading tabs cost about as much as one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from importlib import import_module
from weakref import WeakKeyDictionary

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import DatabaseError
from django.utils import timezone

from chat import sessions
from chat.database import in_thread
from chat.models import Employee

_of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, SessionChecks] = WeakKeyDictionary()


class SessionChecks:
    def __init__(self) -> None:
        self._asked: list[tuple[str, asyncio.Future[int | None]]] = []
        self._looking: asyncio.Task[None] | None = None

    async def employee_id(self, session_key: str | None) -> int | None:
        """Whose session it is, None when it has ended. Raises DatabaseError."""
        if not session_key:
            return None
        answer: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self._asked.append((session_key, answer))
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        return await answer

    async def _look(self) -> None:
        while self._asked:
            batch, self._asked = self._asked, []
            try:
                found = await in_thread(signed_in, {key for key, _answer in batch})
            except DatabaseError as error:
                for _key, answer in batch:
                    if not answer.done():
                        answer.set_exception(error)
                continue
            for key, answer in batch:
                if not answer.done():
                    answer.set_result(found.get(key))


def signed_in(keys: Iterable[str]) -> dict[str, int]:
    """The employee's id of each session that is alive, by the rules of `sessions.employee_of`. Two queries."""
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    rows = Session.objects.filter(session_key__in=list(keys), expire_date__gt=timezone.now())
    found = {row.session_key: store.decode(row.session_data) for row in rows}
    whose = {key: int(data[SESSION_KEY]) for key, data in found.items() if SESSION_KEY in data}
    people = Employee.objects.filter(is_active=True, must_change_password=False).in_bulk(set(whose.values()))
    return {key: pk for key, pk in whose.items() if pk in people and sessions.belongs_to(found[key], people[pk])}


def of_loop() -> SessionChecks:
    loop = asyncio.get_running_loop()
    if loop not in _of_loop:
        _of_loop[loop] = SessionChecks()
    return _of_loop[loop]
