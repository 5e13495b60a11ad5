"""A chat template in a process of its own: `python -m inference.rendering FD`.

A template comes with a model file and may be anybody's: an endless loop, a range of 10^12, a text that doubles itself.
The process gets two seconds of the processor for each prompt, held by the kernel because a single multiplication may
take longer than that and no Python code gets to run meanwhile; a quarter of a gibibyte; no new files. One that goes
over is gone, its request is refused, and the next one starts another.

    in   ["compile", source]  ["render", {...}]
    out  ["compiled"]  ["text", text]  ["error", error]
"""

from __future__ import annotations

import contextlib
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

from inference import config, errors, frames
from inference.sandbox import Program

CPU_SECONDS = 2.0
MEMORY_BYTES = 256 * config.MIB
# For a process that cannot get at a processor at all.
WALL_SECONDS = 30.0


class IsolatedProgram:
    """A template over there. One thread uses it."""

    def __init__(self, source: str) -> None:
        """Raises ModelBroken for a template that does not compile, or not within the limits."""
        self._source = source
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._start()

    def render(self, values: Mapping[str, Any]) -> str:
        """Raises BadParameter when it refuses the values, fails over them, or goes over the limits."""
        answer = self._ask(self._socket or self._start(), ["render", dict(values)])
        if answer is None:
            reason = f"it took more than {CPU_SECONDS:g} s or {MEMORY_BYTES // config.MIB} MiB"
            raise errors.BadParameter("messages", f"The model's template cannot render these messages: {reason}.")
        if answer[0] == "error":
            raise errors.from_wire(answer[1])
        return str(answer[1])

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._socket = self._process = None

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "inference.rendering", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                env=config.child_environment(),
            )
        self._socket = ours
        answer = self._ask(ours, ["compile", self._source])
        if answer is None:
            raise errors.ModelBroken("The model's chat template cannot be compiled within the limits.")
        if answer[0] == "error":
            self.close()
            raise errors.from_wire(answer[1])
        return ours

    def _ask(self, connection: socket.socket, message: list[Any]) -> list[Any] | None:
        """None when the process ended over it, or had to be ended."""
        deadline, decoder = time.monotonic() + WALL_SECONDS, frames.Decoder()
        try:
            connection.settimeout(WALL_SECONDS)
            connection.sendall(frames.encode(message))
            while data := connection.recv(1 << 18):
                for answer in decoder.feed(data):
                    return list(answer)
                connection.settimeout(max(0.001, deadline - time.monotonic()))
        except (OSError, frames.BrokenFrame):
            pass
        self.close()
        return None


def main(file_descriptor: int) -> int:
    connection = socket.socket(fileno=file_descriptor)
    _limit()
    program: Program | None = None
    for kind, value in frames.messages(connection):
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
        try:
            if kind == "compile":
                program, answer = Program(value), ["compiled"]
            elif program is not None:
                answer = ["text", program.render(value)]
            connection.sendall(frames.encode(answer))
        except errors.InferenceError as error:
            connection.sendall(frames.encode(["error", error.to_wire()]))
        signal.setitimer(signal.ITIMER_PROF, 0)
    return 0


def _limit() -> None:
    """The timer's signal ends us even inside one long C call; no handler of ours would be reached."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    most = _own_size() + MEMORY_BYTES
    for kind, limit in (
        (resource.RLIMIT_AS, most),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 16),
    ):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (limit, limit))


def _own_size() -> int:
    """Address space in use, which is mostly the interpreter's."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 512 * config.MIB


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
