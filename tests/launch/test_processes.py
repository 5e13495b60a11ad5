"""The supervisor's promises: what dies comes back, what is stopped is gone, grandchildren included."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from launch.config import ROOT

NAMES = ("one.pid", "one.child", "two.pid", "two.child")
WAIT_SECONDS = 60.0


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.launch.supervised", str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        wait_until(lambda: all((tmp_path / name).exists() for name in NAMES))
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=WAIT_SECONDS)


def test_a_process_that_dies_is_started_again(supervisor: subprocess.Popen[str], tmp_path: Path) -> None:
    """Only the dead one, under a new number; the child it left behind is ended."""
    before = numbers(tmp_path)
    os.kill(before["one.pid"], signal.SIGKILL)
    wait_until(lambda: numbers(tmp_path)["one.pid"] != before["one.pid"])
    after = numbers(tmp_path)
    assert is_alive(after["one.pid"])
    assert after["two.pid"] == before["two.pid"]
    wait_until(lambda: not is_alive(before["one.child"]))


def test_sigterm_leaves_nothing_behind(supervisor: subprocess.Popen[str], tmp_path: Path) -> None:
    """Not even grandchildren that have a session of their own and ignore SIGTERM."""
    before = numbers(tmp_path)
    supervisor.send_signal(signal.SIGTERM)
    output, _ = supervisor.communicate(timeout=WAIT_SECONDS)
    assert supervisor.returncode == 0
    assert [name for name, pid in before.items() if is_alive(pid)] == []
    assert "one      | up" in output.splitlines()


def test_a_killed_supervisor_takes_its_processes_along(supervisor: subprocess.Popen[str], tmp_path: Path) -> None:
    before = numbers(tmp_path)
    try:
        supervisor.kill()
        wait_until(lambda: not is_alive(before["one.pid"]) and not is_alive(before["two.pid"]))
    finally:
        # Grandchildren of a killed supervisor end themselves in Hearth (their pipes close); these here do not.
        for name in ("one.child", "two.child"):
            os.kill(before[name], signal.SIGKILL)


def numbers(folder: Path) -> dict[str, int]:
    return {name: int((folder / name).read_text()) for name in NAMES}


def is_alive(pid: int) -> bool:
    """A zombie is dead: it only waits for its parent to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)
