"""A tiny ASGI application behind the real server: `python -m tests.chat.edge_application PORT NUM_PROXIES`, and if
sockets are to be pinged soon, how many seconds they have for an answer.

It is what the edges are proved with: no Django, no database, so that every byte of growth is the server's.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from chat.edges.forwarded import TrustedProxies
from chat.edges.limits import MIB, Limits
from chat.server import EdgeServer

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await _socket(scope, receive, send)
    elif scope["path"] == "/flood":
        await _flood_reader(send)
    elif scope["path"] == "/slow":
        await _answer_for(float(scope["query_string"].partition(b"=")[2]), send)
    else:
        await _echo_scope(scope, receive, send)


async def _echo_scope(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    num_bytes = 0
    while True:
        message = await receive()
        num_bytes += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    told = {name: scope[name] for name in ("path", "root_path", "scheme", "client")}
    told |= {"num_bytes": num_bytes, "headers": [[k.decode(), v.decode("latin-1")] for k, v in scope["headers"]]}
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": json.dumps(told).encode()})


async def _flood_reader(send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(400):
        await send({"type": "http.response.body", "body": bytes(MIB), "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _answer_for(seconds: float, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for number in range(int(seconds * 10)):
        await send({"type": "http.response.body", "body": b"%d\n" % number, "more_body": True})
        await asyncio.sleep(0.1)
    await send({"type": "http.response.body", "body": b"end\n"})


async def _socket(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    if scope["path"] == "/flood":
        for _ in range(6400):
            await send({"type": "websocket.send", "text": "x" * 65536})
            await asyncio.sleep(0)
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        if scope["path"] == "/busy":
            await asyncio.sleep(60)
        await send({"type": "websocket.send", "text": str(len(message.get("text") or ""))})


def main() -> int:
    logging.basicConfig(level="INFO", format="%(name)s %(message)s")
    port, num_proxies = int(sys.argv[1]), int(sys.argv[2])
    limits = Limits(headers_seconds=0.8, stalled_reader_seconds=1.5, drain_seconds=1.5)
    server = EdgeServer(application, f"tcp:port={port}:interface=127.0.0.1", limits, TrustedProxies(num_proxies))
    if len(sys.argv) > 3:
        server.ping_interval, server.ping_timeout = 0.1, float(sys.argv[3])
    server.run()
    return 1 if server.failure else 0


if __name__ == "__main__":
    sys.exit(main())
