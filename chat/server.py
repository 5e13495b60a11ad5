"""The web process: Daphne with its edges closed. `python -m chat.server [--bind HOST] [--port N]`.

On SIGTERM or SIGINT it drains: it stops listening, sends every open websocket `{"type":"reconnect"}` (the page
then comes back through the public address, to the next process), lets running answers of /v1 go on for up to
10 s, closes what is left with 1012, and stops. A second signal stops at once.
Left out: TLS, and more than one process. Both are the proxy's.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import resource
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

# First of all imports that could touch Twisted: it puts the reactor onto an asyncio loop.
from daphne.server import Server, globalLogBeginner, reactor  # isort: skip

from twisted.internet.endpoints import quoteStringArgument, serverFromString
from twisted.logger import formatEvent

from chat.edges.forwarded import TrustedProxies
from chat.edges.http import EdgeFactory, EdgeRequest
from chat.edges.limits import BodyBudget, Limits
from chat.edges.patrol import Patrol
from chat.edges.websocket import EdgeSocket, EdgeSocketFactory, FrameQueue

logger = logging.getLogger("chat.server")
Application = Callable[..., Awaitable[None]]


class EdgeServer(Server):  # type: ignore[misc]
    """Daphne's server with our connections, requests and sockets in the place of its own."""

    def __init__(self, application: Application, endpoint: str, limits: Limits, proxies: TrustedProxies) -> None:
        super().__init__(application, endpoints=[endpoint], signal_handlers=False, server_name="")
        self.limits = limits
        self.proxies = proxies
        self.bodies = BodyBudget(limits.bodies_in_memory_bytes)
        self.is_draining = False
        self.failure: str | None = None
        self.connections: dict[Any, dict[str, Any]] = {}
        self._ports: list[Any] = []
        self._patrol = Patrol(self, reactor)

    def run(self) -> None:
        self.http_factory = EdgeFactory(self)
        self.ws_factory = EdgeSocketFactory(self)
        globalLogBeginner.beginLoggingTo([_forward_failures], redirectStandardIO=False, discardBuffer=True)
        self._patrol.begin()
        loop = reactor._asyncioEventloop
        asyncio.set_event_loop(loop)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.drain)
        for endpoint in self.endpoints:
            listening = serverFromString(reactor, endpoint).listen(self.http_factory)
            listening.addCallbacks(self._listens, self.listen_error)
        reactor.addSystemEventTrigger("before", "shutdown", self.kill_all_applications)
        if self.failure is None:
            reactor.run(installSignalHandlers=False)

    def _listens(self, port: Any) -> None:
        self._ports.append(port)
        logger.info("Listening on %s:%s", port.getHost().host, port.getHost().port)

    def listen_error(self, failure: Any) -> None:
        self.failure = failure.getErrorMessage()
        self.stop()

    # Between the connections and the application

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> FrameQueue | None:
        self.proxies.apply(scope)
        scope.setdefault("asgi", {"version": "3.0"})
        on_room = protocol.read_on if isinstance(protocol, EdgeSocket) else None
        frames = FrameQueue(self.limits.socket_frames_queued, on_room)
        if protocol not in self.connections:
            return None
        if isinstance(protocol, EdgeRequest):
            protocol.client_addr = scope["client"]
        work = self.application(scope=scope, receive=frames.get, send=partial(self.handle_reply, protocol))
        running = self.connections[protocol]["application_instance"] = asyncio.ensure_future(work)
        running.add_done_callback(partial(self._application_ended, protocol))
        return frames

    def _application_ended(self, protocol: Any, ended: asyncio.Future[None]) -> None:
        details = self.connections.get(protocol, {})
        details.pop("application_instance", None)
        if not ended.cancelled() and (failure := ended.exception()) is not None:
            logger.error("Exception inside application: %s", failure, exc_info=failure)
            if "disconnected" not in details:
                protocol.handle_exception(failure)
        if "disconnected" in details:
            del self.connections[protocol]

    def protocol_disconnected(self, protocol: Any) -> None:
        """Called by Daphne more than once for the same connection. Whoever still works for it is waited for."""
        details = self.connections.get(protocol)
        if details is None:
            return
        details.setdefault("disconnected", time.time())
        if "application_instance" not in details:
            del self.connections[protocol]

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        await super().handle_reply(protocol, message)
        if isinstance(protocol, EdgeRequest):
            await protocol.wait_for_reader()

    # Draining

    def drain(self) -> None:
        if self.is_draining:
            self.stop()
            return
        self.is_draining = True
        logger.info("Draining: no new connections, running answers have %.0f s", self.limits.drain_seconds)
        for port in self._ports:
            port.stopListening()
        for socket in self._open(EdgeSocket):
            socket.ask_to_reconnect()
        for channel in list(self.http_factory.channels):
            if not channel.requests and not isinstance(channel.transport.protocol, EdgeSocket):
                channel.loseConnection()
        self._stop_when_idle(reactor.seconds() + self.limits.drain_seconds)

    def _stop_when_idle(self, deadline: float) -> None:
        if self._open(EdgeRequest) and reactor.seconds() < deadline:
            reactor.callLater(0.1, self._stop_when_idle, deadline)
            return
        for socket in self._open(EdgeSocket):
            socket.close_for_restart()
        reactor.callLater(0.2, self.stop)

    def _open(self, kind: type[Any]) -> list[Any]:
        return [
            protocol
            for protocol, details in self.connections.items()
            if isinstance(protocol, kind) and "disconnected" not in details
        ]

    def kill_all_applications(self) -> Any:
        """Daphne's own fails on a connection whose request is not complete yet."""
        for details in list(self.connections.values()):
            if "application_instance" not in details:
                details["application_instance"] = asyncio.ensure_future(asyncio.sleep(0))
        return super().kill_all_applications()


def _forward_failures(event: dict[str, Any]) -> None:
    """Of Twisted's log only what went wrong."""
    if "log_failure" in event:
        failure = event["log_failure"]
        logger.error("%s", formatEvent(event), exc_info=(failure.type, failure.value, failure.getTracebackObject()))


def _raise_file_limit() -> None:
    """Each connection is an open file, and the usual soft limit of 1,024 is reached long before the cap."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _spare_the_collector() -> None:
    """A full collection beside 5,000 sockets stops everybody for 0.3 to 0.6 s. What was imported stays for ever and
    need not be looked through again, and the youngest objects, a frame's, may be more before they are."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 50)


def build(host: str, port: int) -> EdgeServer:
    """The server of this project, ready to run."""
    from django.conf import settings

    from chat.asgi import application

    endpoint = f"tcp:port={port}:interface={quoteStringArgument(host)}:backlog=512"
    limits = Limits(body_max_bytes=settings.HEARTH_BODY_MAX_BYTES)
    return EdgeServer(application, endpoint, limits, TrustedProxies(settings.PROXY_COUNT))


def main(arguments: list[str] | None = None) -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chat.settings")
    parser = argparse.ArgumentParser(prog="python -m chat.server", description="The web process of Hearth.")
    parser.add_argument("--bind", default="127.0.0.1", metavar="HOST", help="address to listen on")
    parser.add_argument("--port", type=int, default=8000, metavar="N", help="port to listen on")
    options = parser.parse_args(arguments)
    _raise_file_limit()
    server = build(options.bind, options.port)
    _spare_the_collector()
    server.run()
    if server.failure is not None:
        sys.stderr.write(f"The web process cannot listen: {server.failure}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
