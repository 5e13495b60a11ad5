"""Websockets that cannot be made to hold more than a few MiB, whichever side is slow.

Daphne queues incoming frames without end while a consumer is busy and outgoing frames without end for a
reader who does not read (measured on 4.2.3: +392 MB and +501 MB from one client). Here reading stops while
16 frames wait, and a connection with too much unsent is aborted: its page comes back and asks for what
it missed, which costs less than keeping it.
Left out: how many frames a second, and how many sockets an employee may have. The consumer knows who asks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol

SERVICE_RESTART = 1012
NOT_READING = 4008  # as chat.events has it: a page that hears it comes back


class FrameQueue(asyncio.Queue[dict[str, Any]]):
    """The application's input. `on_room` is called when a queue that was full is half empty again."""

    def __init__(self, high: int, on_room: Callable[[], None] | None = None) -> None:
        super().__init__()
        self._high = high
        self._on_room = on_room
        self._was_full = False

    @property
    def is_full(self) -> bool:
        self._was_full = self._was_full or self.qsize() >= self._high
        return self._was_full

    def _get(self) -> dict[str, Any]:
        item: dict[str, Any] = super()._get()
        if self._was_full and self.qsize() <= self._high // 2:
            self._was_full = False
            if self._on_room is not None:
                self._on_room()
        return item


def num_unsent_bytes(transport: Any) -> int:
    """What a Twisted transport holds in user space because the peer does not read."""
    return len(transport.dataBuffer) - int(transport.offset) + int(transport._tempDataLen)


class EdgeSocket(WebSocketProtocol):  # type: ignore[misc]
    """One websocket."""

    maxMessagePayloadSize: int

    def connectionMade(self) -> None:
        # The HTTP channel stays the transport's producer, so its watch over stalled readers goes on.
        self._channel = self.transport.producer
        super().connectionMade()

    def connectionLost(self, reason: Any) -> None:
        super().connectionLost(reason)
        if self._channel is not None:
            self._channel.forget()

    def hold_until_accepted(self) -> None:
        """What a client sends before the application said yes would pile up in the handshake's buffer."""
        if self.state == self.STATE_CONNECTING:
            self.transport.pauseProducing()

    def serverAccept(self, subprotocol: str | None = None) -> None:
        super().serverAccept(subprotocol)
        self.read_on()

    def serverReject(self) -> None:
        super().serverReject()
        self.read_on()

    def read_on(self) -> None:
        if self.transport.connected and not self.transport.disconnecting:
            self.transport.resumeProducing()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        super().onMessage(payload, isBinary)
        if self.application_queue.is_full:
            self.transport.pauseProducing()

    def handle_reply(self, message: dict[str, Any]) -> None:
        if message.get("type") == "websocket.send" and self.state not in (self.STATE_CONNECTING, self.STATE_OPEN):
            return  # the application could not know yet that the socket is closing
        super().handle_reply(message)

    def sendMessage(self, payload: bytes, isBinary: bool = False, *args: Any, **kwargs: Any) -> None:
        # Autobahn holds our own messages to the limit meant for theirs, and a replayed answer may be longer.
        limit, self.maxMessagePayloadSize = self.maxMessagePayloadSize, 0
        try:
            super().sendMessage(payload, isBinary, *args, **kwargs)
        finally:
            self.maxMessagePayloadSize = limit

    def sendData(self, data: bytes, *args: Any, **kwargs: Any) -> None:
        """Every byte to the client, pongs and close frames too, passes here."""
        # Checked before adding, so that one large message to a prompt reader always goes out.
        if num_unsent_bytes(self.transport) > self._limits.socket_unsent_max_bytes:
            self.dropConnection(abort=True)
        else:
            super().sendData(data, *args, **kwargs)

    def onAutoPingTimeout(self) -> None:
        """Nobody answers pings: say why. Who does not answer that either is cut off a second later."""
        if self.state != self.STATE_OPEN:
            super().onAutoPingTimeout()
            return
        # Aborting at once would throw the frame away before it has left.
        self.autoPingTimeoutCall = None
        self.sendCloseFrame(code=NOT_READING)

    @property
    def _limits(self) -> Any:
        return self.factory.server_class.limits

    def ask_to_reconnect(self) -> None:
        if self.state == self.STATE_OPEN:
            self.serverSend('{"type":"reconnect"}')

    def close_for_restart(self) -> None:
        if self.state == self.STATE_OPEN:
            self.sendCloseFrame(code=SERVICE_RESTART)  # sendClose allows applications' own codes only


class EdgeSocketFactory(WebSocketFactory):  # type: ignore[misc]
    """Sockets with our limits. Too large is answered with close code 1009, not with a cut line."""

    protocol = EdgeSocket

    def __init__(self, server: Any) -> None:
        super().__init__(server, server="")
        limit = server.limits.socket_message_max_bytes
        self.setProtocolOptions(
            autoPingTimeout=server.ping_timeout,
            allowNullOrigin=True,  # the application checks the origin against its own address
            openHandshakeTimeout=server.websocket_handshake_timeout,
            maxMessagePayloadSize=limit,
            maxFramePayloadSize=limit,
            failByDrop=False,
        )
