"""What doorbells say to one socket. Rings come at any time and are taken in order, beside the socket's own frames."""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections import deque
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError
from django.utils import translation

from chat import bells, doorbell
from chat.events import SIGNED_OUT
from chat.socket_rights import SignedOut
from chat.views.documents import state_or_deletion
from chat.views.frame import models_of

if TYPE_CHECKING:
    from chat.consumers import SocketConsumer

log = logging.getLogger(__name__)


class Hearing:
    """The groups that ring for every tab of an employee. A task lives only while there is something to take."""

    def __init__(self, tab: SocketConsumer, employee_id: int) -> None:
        self._tab = tab
        self._groups = doorbell.employee_group(employee_id), doorbell.EVERYONE
        self._rung: deque[str] = deque()
        self._taking: asyncio.Task[None] | None = None

    def begin(self) -> None:
        for group in self._groups:
            bells.of_loop().listen(group, self._ring)

    def end(self) -> None:
        for group in self._groups:
            bells.of_loop().leave(group, self._ring)
        self._rung.clear()

    def _ring(self, text: str) -> None:
        self._rung.append(text)
        if self._taking is None or self._taking.done():
            self._taking = asyncio.create_task(self._take())

    async def _take(self) -> None:
        while self._rung:
            message = json.loads(self._rung.popleft())
            try:
                with translation.override(self._tab.language):
                    await self._heard(message)
            except SignedOut:
                await self._tab.close(SIGNED_OUT)
            except DatabaseError as error:
                log.warning("ring not passed on: %s", type(error).__name__)

    async def _heard(self, message: dict[str, Any]) -> None:
        rights = self._tab.rights
        match message["type"]:
            case "rights.changed":
                if message["session_key"] in ("", rights.session_key):
                    await rights.check(now=True)
            case "models.changed":
                models = await rights.as_employee(models_of, note_seen=False)
                await self._tab.say({"type": "models.changed", "models": models})
            case "document.changed":
                document_id = uuid.UUID(message["document_id"])
                state = await rights.as_employee(state_or_deletion, document_id, note_seen=False)
                await self._tab.say({"type": "document.changed", "document": state})
            case "thread.changed" | "branch.changed" | "library.changed":
                # library.changed: what they may see or do with documents is another thing now; the page asks again.
                # branch.changed: somebody asked in another tab, or in this one; which it was, the page knows by ref.
                await rights.check_for_listener()
                await self._tab.say(message)
