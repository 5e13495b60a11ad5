"""A small supervisor: start processes, show their logs, restart what dies, stop everything.

Each process leads a session of its own, so that its children can be signalled with it. This program is a
"subreaper": a grandchild whose parent died becomes ours and is ended, so nothing outlives a stop. Should this
program itself be killed, the kernel signals its children (PR_SET_PDEATHSIG). Everything happens in one thread,
because that signal belongs to the thread that forked.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import selectors
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from launch.console import Console
from launch.problems import StepFailed

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
TURN_SECONDS = 0.2
BACKOFF_SECONDS = (0.2, 1.0, 2.0, 5.0, 10.0, 30.0)
# A process that lived this long starts again without the waits its earlier deaths had earned.
HEALTHY_SECONDS = 60.0
# While something waits for a process to become ready, this many deaths in a row end the start.
DEATHS_BEFORE_GIVING_UP = 3
LAST_LINES = 12
READ_BYTES = 65536
MAX_LINE_BYTES = 16384

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Owner:
    """The user a process runs as when Hearth is started by root."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Command:
    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    owner: Owner | None = None
    stop_signal: int = signal.SIGTERM
    grace_seconds: float = 10.0
    folder: Path | None = None
    is_once: bool = False
    """A set-up step: its end is its result, not a death."""


@dataclass
class _Process:
    command: Command
    popen: subprocess.Popen[bytes]
    output: IO[bytes]
    started_at: float
    rest: bytes = b""
    last_lines: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_LINES))


@dataclass
class _Waiting:
    command: Command
    start_at: float


def popen(command: Command, output: int) -> subprocess.Popen[bytes]:
    """Start it with both outputs going to that file descriptor. Raises StepFailed when the program is missing."""
    owner = command.owner

    def die_with_parent() -> None:
        # Runs after the change of user, which would clear it. Safe before exec because we have one thread.
        _libc.prctl(PR_SET_PDEATHSIG, command.stop_signal)

    try:
        return subprocess.Popen(
            list(command.argv),
            env=dict(command.environment),
            cwd=command.folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            user=owner.uid if owner else None,
            group=owner.gid if owner else None,
            extra_groups=[] if owner else None,
            preexec_fn=die_with_parent,
        )
    except OSError as error:
        raise StepFailed(f"Cannot start {command.name} ({command.argv[0]}): {error.strerror}.") from error


class Stopped(Exception):
    """A stop was asked for while something was waited for."""


class Supervisor:
    """Drive it by calling pump() again and again; wait_for and run do, until is_over says that a stop was asked for."""

    def __init__(self, console: Console, is_over: Callable[[], bool] = lambda: False) -> None:
        self._console = console
        self._is_over = is_over
        self._selector = selectors.DefaultSelector()
        self._running: dict[str, _Process] = {}
        self._waiting: dict[str, _Waiting] = {}
        self._deaths: dict[str, int] = {}
        self._results: dict[str, int] = {}
        self._is_stopping = False
        _libc.prctl(PR_SET_CHILD_SUBREAPER, 1)

    def start(self, command: Command) -> None:
        read_end, write_end = os.pipe()
        try:
            started = popen(command, write_end)
        finally:
            os.close(write_end)
        os.set_blocking(read_end, False)
        process = _Process(command, started, os.fdopen(read_end, "rb", 0), time.monotonic())
        self._selector.register(process.output, selectors.EVENT_READ, process)
        self._running[command.name] = process

    def pump(self, seconds: float = TURN_SECONDS) -> None:
        """One turn: pass on what was printed, notice deaths, start again what is due."""
        if self._selector.get_map():
            for key, _ in self._selector.select(seconds):
                self._read(key.data)
        else:
            time.sleep(seconds)
        for process in [each for each in self._running.values() if each.popen.poll() is not None]:
            self._bury(process)
        now = time.monotonic()
        for waiting in [each for each in self._waiting.values() if each.start_at <= now]:
            del self._waiting[waiting.command.name]
            self.start(waiting.command)
        self._end_orphans()

    def wait_for(self, names: Sequence[str], is_ready: Callable[[], bool], timeout_seconds: float) -> None:
        """Pump until ready. Raises StepFailed when a named process keeps dying or the time is over, and Stopped."""
        deadline = time.monotonic() + timeout_seconds
        while not is_ready():
            self.pump(0.05)
            if self._is_over():
                raise Stopped
            for name in names:
                if self._deaths.get(name, 0) >= DEATHS_BEFORE_GIVING_UP:
                    raise StepFailed(f"{name} does not start: its last lines stand above.")
            if time.monotonic() > deadline:
                raise StepFailed(f"{', '.join(names)} did not become ready within {timeout_seconds:.0f} seconds.")
        for name in names:
            self._deaths[name] = 0

    def finish(self, command: Command, timeout_seconds: float) -> None:
        """Run a set-up step to its end while the others go on. Raises StepFailed when it fails."""
        self._results.pop(command.name, None)
        self.start(command)
        self.wait_for([command.name], lambda: command.name in self._results, timeout_seconds)
        if self._results[command.name] != 0:
            raise StepFailed(
                f"{command.name} failed with {_how(self._results[command.name])}: its last lines stand above."
            )

    def run(self) -> None:
        while not self._is_over():
            self.pump()

    def stop(self, *names: str) -> None:
        """Signal the named processes and their children, wait out the longest grace time, then kill what is left."""
        self._is_stopping = True
        for name in names:
            self._waiting.pop(name, None)
        stopping = [self._running[name] for name in names if name in self._running]
        for process in stopping:
            _signal(process.popen, process.command.stop_signal)
        deadline = time.monotonic() + max((each.command.grace_seconds for each in stopping), default=0.0)
        while any(each.popen.poll() is None for each in stopping) and time.monotonic() < deadline:
            self.pump(0.02)
        for process in stopping:
            if process.popen.poll() is None:
                self._console.line(
                    process.command.name, f"did not stop within {process.command.grace_seconds:.0f} s: killed"
                )
            signal_group(process.popen, signal.SIGKILL)
            process.popen.wait()
            self._forget(process)
        self._end_orphans()
        self._is_stopping = False

    def _read(self, process: _Process) -> None:
        data = process.output.read(READ_BYTES)
        if data == b"":
            self._selector.unregister(process.output)
            process.output.close()
        elif data:
            *lines, process.rest = (process.rest + data).split(b"\n")
            if len(process.rest) > MAX_LINE_BYTES:
                lines.append(process.rest)
                process.rest = b""
            for line in lines:
                text = line.decode(errors="replace").rstrip()
                process.last_lines.append(text)
                self._console.line(process.command.name, text)

    def _bury(self, process: _Process) -> None:
        """A process has ended: show its last words, end its children, plan the next start."""
        self._forget(process)
        signal_group(process.popen, signal.SIGKILL)
        if self._is_stopping:
            return
        name = process.command.name
        if process.command.is_once:
            self._results[name] = process.popen.returncode
            return
        if time.monotonic() - process.started_at >= HEALTHY_SECONDS:
            self._deaths[name] = 0
        wait_seconds = BACKOFF_SECONDS[min(self._deaths.get(name, 0), len(BACKOFF_SECONDS) - 1)]
        self._deaths[name] = self._deaths.get(name, 0) + 1
        self._console.line(name, f"ended with {_how(process.popen.returncode)}; starting again in {wait_seconds:g} s")
        self._waiting[name] = _Waiting(process.command, time.monotonic() + wait_seconds)

    def _forget(self, process: _Process) -> None:
        if self._running.get(process.command.name) is process:
            del self._running[process.command.name]
        if not process.output.closed:
            self._read(process)
        if not process.output.closed:
            # A grandchild still holds the other end; it is about to be killed.
            self._selector.unregister(process.output)
            process.output.close()
        if process.rest:
            self._console.line(process.command.name, process.rest.decode(errors="replace"))
            process.rest = b""

    def _end_orphans(self) -> None:
        """Grandchildren that became ours have lost the process they worked for."""
        known = {process.popen.pid for process in self._running.values()}
        for pid in children_of(os.getpid()):
            if pid not in known:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)


def children_of(pid: int) -> list[int]:
    """Direct children, from the kernel's own list; empty where the kernel does not keep one."""
    try:
        return [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    """To the leader alone: it ends its children in its own order. What it leaves behind is killed with its group."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(number)


def signal_group(process: subprocess.Popen[Any], number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _how(returncode: int) -> str:
    return f"signal {signal.Signals(-returncode).name}" if returncode < 0 else f"status {returncode}"
