"""A tab for tests: a real socket through the whole ASGI application, and a worker beside it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings

from chat import bells, valkey
from chat.asgi import application
from chat.models import Employee
from chat.turns.worker import Worker
from tests.factories import browser_of

WAIT_SECONDS = 60.0
LAST = ("answer.finished", "answer.failed")


class Tab:
    """One open socket. `hear` skips what the test does not wait for."""

    def __init__(self, communicator: WebsocketCommunicator) -> None:
        self._socket = communicator

    async def say(self, frame: dict[str, Any]) -> None:
        await self._socket.send_json_to(frame)

    async def say_text(self, text: str) -> None:
        await self._socket.send_to(text_data=text)

    async def hear(self, *types: str) -> dict[str, Any]:
        """The next frame of one of the types (or any)."""
        while True:
            frame: dict[str, Any] = await self._socket.receive_json_from(WAIT_SECONDS)
            if not types or frame["type"] in types:
                return frame

    async def ask(self, frame: dict[str, Any]) -> dict[str, Any]:
        await self.say(frame)
        return await self.hear("message.accepted", "error")

    async def hear_answer(self, turn: str) -> list[dict[str, Any]]:
        """All events of the turn up to its last."""
        heard = []
        while not heard or heard[-1]["type"] not in LAST:
            frame = await self.hear()
            if frame.get("turn") == turn:
                heard.append(frame)
        return heard

    async def closed_with(self) -> int:
        """The close code, once the server ends the socket."""
        while True:
            message = await self._socket.receive_output(WAIT_SECONDS)
            if message["type"] == "websocket.close":
                code: int = message.get("code", 1000)
                return code

    async def next_output(self) -> dict[str, Any]:
        """Whatever the server does next, the end of the socket included."""
        message: dict[str, Any] = await self._socket.receive_output(WAIT_SECONDS)
        return message

    async def hears_nothing(self) -> bool:
        nothing: bool = await self._socket.receive_nothing(0.2)
        return nothing


def text_of(heard: list[dict[str, Any]]) -> str:
    return "".join(frame["text"] for frame in heard if frame["type"] == "answer.extended")


async def cookie_of(employee: Employee) -> str:
    client = await sync_to_async(browser_of)(employee)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def socket_with(cookie: str, origin: str = "", language: str = "en") -> WebsocketCommunicator:
    headers = [
        (b"origin", (origin or settings.HEARTH_URL).encode()),
        (b"host", b"127.0.0.1"),
        (b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie}".encode()),
        (b"accept-language", language.encode()),
    ]
    return WebsocketCommunicator(application, "/socket/", headers=headers)


@contextlib.asynccontextmanager
async def tab_of(employee: Employee, *, cookie: str = "", language: str = "en") -> AsyncIterator[Tab]:
    communicator = socket_with(cookie or await cookie_of(employee), language=language)
    connected, _ = await communicator.connect(WAIT_SECONDS)
    assert connected
    try:
        yield Tab(communicator)
    finally:
        await communicator.disconnect(WAIT_SECONDS)
        await close_connections()


async def close_connections() -> None:
    await bells.close()
    await valkey.close_loop_client()


@contextlib.asynccontextmanager
async def working(concurrency: int = 8) -> AsyncIterator[Worker]:
    """A turn worker in this loop; leaving is what SIGTERM does."""
    worker = Worker(concurrency)
    task = asyncio.create_task(worker.work())
    try:
        yield worker
    finally:
        worker.leave()
        await task
