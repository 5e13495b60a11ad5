"""A browser's tab as far as the server can see: one websocket, many of which fit into a bench's process.

Written out instead of taken from a library because the bench shares two cores with what it measures: a frame costs a
few microseconds here. Left out: continuation frames and extensions, which our server does not send.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

OPEN_SECONDS = 30.0
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10


class Refused(Exception):
    """The server said no to the handshake, or is not there."""


class Tab(asyncio.Protocol):
    """`hear` gets each frame and the time (perf_counter) at which its bytes came; `closed` the close code or None."""

    def __init__(
        self, url: str, session_key: str, hear: Callable[[dict[str, Any], float], None], origin: str = ""
    ) -> None:
        self._url = url
        self._origin = origin or url
        self._session_key = session_key
        self._hear = hear
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._opened: asyncio.Future[None] | None = None
        self._is_open = False
        self.close_code: int | None = None
        self.closed = asyncio.Event()

    async def open(self) -> None:
        """Raises Refused."""
        loop = asyncio.get_running_loop()
        self._opened = loop.create_future()
        parts = urlsplit(self._url)
        try:
            await loop.create_connection(lambda: self, parts.hostname, parts.port)
        except OSError as error:
            raise Refused(str(error)) from error
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            "GET /socket/ HTTP/1.1", f"Host: {parts.netloc}", "Upgrade: websocket", "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", f"Origin: {self._origin}",
            f"Cookie: sid={self._session_key}", "Accept-Language: en", "", "",
        ]  # fmt: skip
        assert self._transport
        self._transport.write("\r\n".join(lines).encode())
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                await self._opened
        except TimeoutError:
            self.cut()
            raise Refused("no answer to the handshake") from None

    def say(self, frame: dict[str, Any]) -> None:
        if self._transport is not None and self._is_open:
            self._transport.write(_masked(_TEXT, json.dumps(frame).encode()))

    def cut(self) -> None:
        """As if the network had gone: nothing is said."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_open = False
        self.closed.set()
        if self._opened is not None and not self._opened.done():
            self._opened.set_exception(Refused("closed in the handshake"))

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        self._buffer += data
        if not self._is_open:
            head, found, rest = bytes(self._buffer).partition(b"\r\n\r\n")
            if not found:
                return
            if not head.startswith(b"HTTP/1.1 101"):
                if self._opened is not None and not self._opened.done():
                    self._opened.set_exception(Refused(head.partition(b"\r\n")[0].decode()))
                self.cut()
                return
            self._is_open = True
            self._buffer = bytearray(rest)
            if self._opened is not None and not self._opened.done():
                self._opened.set_result(None)
        while (frame := self._next()) is not None:
            self._take(*frame, now)

    def _next(self) -> tuple[int, bytes] | None:
        """The opcode and payload of the next whole frame."""
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        length, start = buffer[1] & 127, 2
        if length >= 126:
            size = 2 if length == 126 else 8
            if len(buffer) < 2 + size:
                return None
            length, start = int.from_bytes(buffer[2 : 2 + size], "big"), 2 + size
        if len(buffer) < start + length:
            return None
        opcode, payload = buffer[0] & 15, bytes(buffer[start : start + length])
        del buffer[: start + length]
        return opcode, payload

    def _take(self, opcode: int, payload: bytes, now: float) -> None:
        if opcode == _TEXT:
            self._hear(json.loads(payload), now)
        elif opcode == _PING and self._transport is not None:
            self._transport.write(_masked(_PONG, payload))
        elif opcode == _CLOSE:
            self.close_code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else None
            self.cut()


def _masked(opcode: int, payload: bytes) -> bytes:
    """A frame under a mask of zeros, which is a mask as well and costs nothing."""
    length = len(payload)
    if length < 126:
        head = bytes([128 | opcode, 128 | length])
    elif length < 65536:
        head = bytes([128 | opcode, 128 | 126]) + length.to_bytes(2, "big")
    else:
        head = bytes([128 | opcode, 128 | 127]) + length.to_bytes(8, "big")
    return head + b"\0\0\0\0" + payload
