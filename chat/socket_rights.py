"""Whose socket it is, looked at again and again: a session may end without anybody ringing."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

from django.db import DatabaseError

from chat import session_checks, sessions
from chat.database import in_thread
from chat.models import Employee

log = logging.getLogger(__name__)
R = TypeVar("R")

CHECK_EVERY_SECONDS = 1.0  # for frames that reach no verb


class SignedOut(Exception):
    """The session behind the socket has ended."""


class Rights:
    def __init__(self, session_key: str | None, employee_id: int) -> None:
        self.session_key = session_key
        self.employee_id = employee_id
        self._checked_at = time.monotonic()

    @property
    def is_due(self) -> bool:
        return time.monotonic() - self._checked_at > CHECK_EVERY_SECONDS

    async def as_employee(self, verb: Callable[..., R], *args: Any, note_seen: bool = True) -> R:
        """Call verb(employee, …) for whoever the session belongs to now. Raises SignedOut."""
        result: R = await in_thread(_guarded, self.session_key, self.employee_id, note_seen, verb, *args)
        self._checked_at = time.monotonic()
        return result

    async def check(self, *, now: bool = False) -> None:
        """Raises SignedOut, DatabaseError."""
        if not (now or self.is_due):
            return
        if await session_checks.of_loop().employee_id(self.session_key) != self.employee_id:
            raise SignedOut
        self._checked_at = time.monotonic()

    async def check_for_listener(self) -> None:
        """Raises SignedOut only: while the database is away, who was allowed in stays."""
        try:
            await self.check()
        except DatabaseError as error:
            log.warning("rights not checked: %s", type(error).__name__)


def _guarded(session_key: str | None, employee_id: int, note_seen: bool, verb: Callable[..., Any], *args: Any) -> Any:
    employee: Employee | None = sessions.employee_of(session_key, note_seen=note_seen)
    if employee is None or employee.pk != employee_id:
        raise SignedOut
    return verb(employee, *args)
