"""One child process seen from the supervisor: start it, talk to it, learn of its end.

It knows frames, not requests; `served` decides what a death means. Nothing here blocks the event loop but the fork.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any, cast

from inference import config, frames
from inference.reasons import Reason

_STOP_SECONDS = 10.0


class Worker(asyncio.Protocol):
    """`on_message` is called with each frame, `on_end` once with how the process ended."""

    def __init__(self, on_message: Callable[[Any], None], on_end: Callable[[str], None]) -> None:
        self._on_message = on_message
        self._on_end = on_end
        self._decoder = frames.Decoder()
        self._transport: asyncio.WriteTransport | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._end_task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            for end in (ours, theirs):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
            self._process = _spawn(theirs.fileno())
        ours.setblocking(False)
        await asyncio.get_running_loop().create_connection(lambda: self, sock=ours)

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    def send(self, message: Any) -> None:
        """Never waits; to a child that has just died it is lost, and on_end tells."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(frames.encode(message))

    async def stop(self) -> None:
        """Close the socket, which ends the child; insist after ten seconds. Returns when its memory is free."""
        if self._transport is None:  # never connected, so no end of it will be reported
            self.kill()
            return
        self._transport.close()
        try:
            await asyncio.wait_for(asyncio.shield(self._ended), _STOP_SECONDS)
        except TimeoutError:
            self.kill()
            await self._ended

    def kill(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not subclasses of asyncio's.
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            for message in self._decoder.feed(data):
                self._on_message(message)
        except frames.BrokenFrame:
            self.kill()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_task = asyncio.get_running_loop().create_task(self._reap())

    async def _reap(self) -> None:
        process = self._process
        if process is None:
            return
        try:
            await asyncio.wait_for(asyncio.to_thread(process.wait), _STOP_SECONDS)
        except TimeoutError:
            process.kill()
        reason = _reason(await asyncio.to_thread(process.wait))
        self._ended.set_result(reason)
        self._on_end(reason)


def _spawn(file_descriptor: int) -> subprocess.Popen[bytes]:
    """From the main thread only: the kernel ends a child when the thread that made it ends."""
    return subprocess.Popen(
        [sys.executable, "-m", "inference.child", str(file_descriptor)],
        pass_fds=(file_descriptor,),
        stdin=subprocess.DEVNULL,
        env=config.child_environment(),
    )


def _reason(status: int) -> str:
    if status >= 0:
        return Reason("ended", f"it ended with status {status}", status=status)
    try:
        name = signal.Signals(-status).name
        return Reason("signal", f"it was ended by {name}", signal=name)
    except ValueError:
        return Reason("signal", f"it was ended by signal {-status}", signal=str(-status))
