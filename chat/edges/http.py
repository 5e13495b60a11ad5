"""HTTP connections and requests with a bound on everything a client can make them hold.

Daphne reads a whole body into memory before the application runs, and buffers an answer without end for
a reader who does not read (measured on 4.2.3: +1,059 MB and +974 MB from one client). Here a body is refused
at its header, or at the first byte too many; the application waits while the reader is behind; and a
connection that is too slow in either direction ends.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from typing import Any

from daphne.http_protocol import WebRequest
from twisted.web import http

from chat.edges.websocket import EdgeSocket

LINGER_SECONDS = 1.0
LINGER_BYTES = 4 * 1024 * 1024
_FORM_TYPES = (b"application/x-www-form-urlencoded", b"multipart/form-data")
# The rest of these paths is a secret that opens a door, and does not belong in a log.
_SECRET_PATH = re.compile(r"^(/invitations/)[^/]+")
_access = logging.getLogger("chat.access")


def refusal_body(path: bytes, status: int, code: str, sentence: str) -> bytes:
    """The error in the shape that callers of this path expect: OpenAI's under /v1/, our own elsewhere."""
    if path.startswith(b"/v1/"):
        kind = "invalid_request_error" if status < 500 else "server_error"
        body: dict[str, Any] = {"message": sentence, "type": kind, "param": None, "code": code}
    else:
        body = {"code": code, "sentence": sentence}
    return json.dumps({"error": body}).encode()


class EdgeChannel(http.HTTPChannel):  # type: ignore[misc]
    """One connection. `flushed` is set while the reader keeps up: less than 64 KiB are unsent."""

    def __init__(self) -> None:
        super().__init__()
        self.flushed = asyncio.Event()
        self.flushed.set()
        self._deadline: Any = None
        self._stalled: Any = None
        self._num_lingered_bytes = 0

    @property
    def limits(self) -> Any:
        return self.factory.server.limits

    def connectionMade(self) -> None:
        super().connectionMade()
        self.factory.channels.add(self)
        if len(self.factory.channels) > self.limits.max_connections:
            self.refuse(b"", 503, "too_many_connections", "Too many connections. Try again later.")

    def connectionLost(self, reason: Any) -> None:
        super().connectionLost(reason)
        self.forget()

    def forget(self) -> None:
        """The connection is gone: release what waits for it."""
        self.factory.channels.discard(self)
        self._stop_clock()
        self._stop_stall()
        self.flushed.set()

    # Slow senders: Twisted's own timeout starts again with every byte, so one byte a second lives for ever.

    def dataReceived(self, data: bytes) -> None:
        if self._deadline is None and not self._handlingRequest:
            self._deadline = self.callLater(self.limits.headers_seconds, self._too_slow)
        super().dataReceived(data)

    def allHeadersReceived(self) -> None:
        self._stop_clock()
        if self.length != 0:
            self._deadline = self.callLater(self.limits.body_seconds, self._too_slow)
        super().allHeadersReceived()

    def allContentReceived(self) -> None:
        self._stop_clock()
        super().allContentReceived()

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        self.refuse(getattr(self, "_path", b""), 408, "request_timeout", "The request took too long to arrive.")

    # Slow readers: the transport calls these when it holds more than 64 KiB, and when it holds nothing.

    def pauseProducing(self) -> None:
        super().pauseProducing()
        self.flushed.clear()
        if self._stalled is None:
            self._stalled = self.callLater(self.limits.stalled_reader_seconds, self._abort)

    def resumeProducing(self) -> None:
        super().resumeProducing()
        self.flushed.set()
        self._stop_stall()

    def _stop_stall(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _abort(self) -> None:
        self._stalled = None
        self.transport.abortConnection()

    def refuse(self, path: bytes, status: int, code: str, sentence: str) -> None:
        """Answer without waiting for the rest of the request, and close once the client could read it."""
        self.setTimeout(None)
        self._stop_clock()
        body = refusal_body(path, status, code, sentence)
        reason = http.RESPONSES.get(status, b"Refused")
        head = b"HTTP/1.1 %d %s\r\nContent-Type: application/json\r\n" % (status, reason)
        head += b"Content-Length: %d\r\nConnection: close\r\nX-Content-Type-Options: nosniff\r\n\r\n" % len(body)
        self.transport.write(head + body)
        # Closing while bytes are unread resets the connection, and the client would never see why.
        self.dataReceived = self._swallow  # type: ignore[method-assign]  # Twisted's own way to change hands
        self.callLater(LINGER_SECONDS, self.loseConnection)

    def _swallow(self, data: bytes) -> None:
        self._num_lingered_bytes += len(data)
        if self._num_lingered_bytes > LINGER_BYTES:
            self.transport.pauseProducing()


class EdgeRequest(WebRequest):  # type: ignore[misc]
    """One request: its body counted while it arrives, its answer logged in one line."""

    method: bytes
    uri: bytes

    def __init__(self, channel: EdgeChannel, *args: Any) -> None:
        # Twisted would parse forms itself, in memory; that is Django's job, behind the cap.
        super().__init__(channel, *args, parsePOSTFormSubmission=False)
        self._started = time.monotonic()
        self._num_body_bytes = 0
        self._max_body_bytes = 0
        self._is_refused = False
        self._is_logged = False

    def gotLength(self, length: int | None) -> None:
        limits = self.server.limits
        content_type = (self.requestHeaders.getRawHeaders(b"content-type") or [b""])[0]
        is_form = content_type.lower().startswith(_FORM_TYPES)
        self._max_body_bytes = limits.form_max_bytes if is_form else limits.body_max_bytes
        if length is not None and length > self._max_body_bytes:
            self._refuse_body()
            length = 0
        super().gotLength(length)

    def handleContentChunk(self, data: bytes) -> None:
        if self._is_refused:
            return
        self._num_body_bytes += len(data)
        if self._num_body_bytes > self._max_body_bytes:
            self._refuse_body()
        else:
            super().handleContentChunk(data)

    def _refuse_body(self) -> None:
        self.requestHeaders.removeHeader(b"expect")
        size = f"{self._max_body_bytes // 1024} KiB"
        self._refuse(413, "body_too_large", f"The request body is larger than {size}.")

    def _refuse(self, status: int, code: str, sentence: str) -> None:
        self._is_refused = True
        channel = self.channel
        # Twisted hands these over with the complete request only.
        self.method, self.uri = getattr(channel, "_command", self.method), getattr(channel, "_path", self.uri)
        channel.refuse(self.uri, status, code, sentence)
        self._log(status)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        if not self._is_refused:
            super().requestReceived(command, path, version)

    def process(self) -> None:
        self.requestHeaders.removeHeader(b"daphne-root-path")
        if not self.path.startswith(b"/") or b"%00" in self.path:
            self._refuse(400, "bad_path", "The path of the request is not valid.")
        elif self._num_body_bytes > self.server.limits.form_max_bytes:
            self.server.bodies.admit(self, self._num_body_bytes, self._process)
        else:
            self._process()

    def _process(self) -> None:
        transport = self.transport
        super().process()
        if isinstance(transport.protocol, EdgeSocket):
            self._is_logged = True
            self.server.bodies.release(self)
            transport.protocol.hold_until_accepted()

    async def wait_for_reader(self) -> None:
        channel = getattr(self, "channel", None)
        if channel is not None:
            await channel.flushed.wait()

    def handle_reply(self, message: dict[str, Any]) -> None:
        if message.get("type") == "http.response.start":
            self.server.bodies.release(self)
            if self.server.is_draining and getattr(self, "channel", None) is not None:
                self.channel.persistent = False
                self.responseHeaders.setRawHeaders(b"connection", [b"close"])
        super().handle_reply(message)

    def basic_error(self, status: int, status_text: bytes, body: str) -> None:
        """Daphne's own errors, in our shape and without its name."""
        content = refusal_body(self.path or b"", status, status_text.decode().lower().replace(" ", "_"), body)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content))]
        self.handle_reply({"type": "http.response.start", "status": status, "headers": headers})
        self.handle_reply({"type": "http.response.body", "body": content})

    def finish(self) -> None:
        self._log(self.code)
        super().finish()

    def connectionLost(self, reason: Any) -> None:
        self._log(499)  # as nginx says it: the client went away before the answer was complete
        self.server.bodies.release(self)
        super().connectionLost(reason)

    def _log(self, status: int) -> None:
        if self._is_logged or not self.uri or self.uri == b"(no uri yet)":
            return
        self._is_logged = True
        path = self.uri.split(b"?", 1)[0].decode("ascii", "backslashreplace")
        _access.info(
            "%s %s %s %d %dB %.0fms",
            self.client_addr[0] if self.client_addr else "-",
            self.method.decode("ascii", "backslashreplace"),
            _SECRET_PATH.sub(r"\1...", path).encode("unicode_escape").decode(),
            status,
            self.sentLength,
            (time.monotonic() - self._started) * 1000,
        )


class EdgeFactory(http.HTTPFactory):  # type: ignore[misc]
    """HTTP/1.1 alone; `channels` are the open connections, websockets included."""

    protocol = EdgeChannel

    def __init__(self, server: Any) -> None:
        super().__init__(timeout=60)
        self.server = server
        self.channels: set[EdgeChannel] = set()

    def buildProtocol(self, addr: Any) -> EdgeChannel:
        channel: EdgeChannel = super().buildProtocol(addr)
        channel.requestFactory = EdgeRequest
        return channel

    def log(self, request: Any) -> None:
        """Twisted's own access log is not used."""
