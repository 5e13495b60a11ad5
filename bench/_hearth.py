"""A Hearth for benches: started by bin/run with a data folder of its own, on free ports, stopped and removed
afterwards.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench._figures import say
from launch.config import ROOT, load_secrets
from launch.processes import children_of
from launch.stack import answers
from tests.services import MODELS_DIR, free_port

START_SECONDS = 300.0


@dataclass(frozen=True)
class Hearth:
    url: str
    inference_url: str
    inference_secret: str
    admin_email: str
    admin_password: str
    """Both empty from the second start on."""
    pid: int
    start_seconds: float
    """From the command to the sign-in page."""


@dataclass(frozen=True)
class Home:
    folder: Path
    port: int
    inference_port: int


@contextmanager
def home() -> Iterator[Home]:
    folder = Path(tempfile.mkdtemp(prefix="hearth-bench-"))
    folder.chmod(0o711)
    try:
        yield Home(folder, free_port(), free_port())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running(where: Home, *, command: Sequence[str] = (str(ROOT / "bin/run"),), **variables: str) -> Iterator[Hearth]:
    url = f"http://127.0.0.1:{where.port}"
    environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "VALKEY_URL")}
    environment |= {
        "HEARTH_DATA_DIR": str(where.folder),
        "HEARTH_MODELS_DIR": str(MODELS_DIR),
        "HEARTH_PORT": str(where.port),
        "HEARTH_URL": url,
        "HEARTH_INFERENCE_PORT": str(where.inference_port),
        **variables,
    }
    log_path = where.folder / "bench.log"
    with log_path.open("w") as log:
        began = time.monotonic()
        launcher = subprocess.Popen(
            list(command), cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        while not answers(f"{url}/signin/"):
            if launcher.poll() is not None or time.monotonic() - began > START_SECONDS:
                say(log_path.read_text())
                raise SystemExit("Hearth did not start.")
            time.sleep(0.02)
        seconds = time.monotonic() - began
        while "Ctrl-C stops everything" not in log_path.read_text():
            time.sleep(0.05)
        found = re.search(r"First admin: +(\S+)\n +One-time password: +(\S+)", log_path.read_text())
        email, password = found.groups() if found else ("", "")
        secret = load_secrets(where.folder, {})["HEARTH_INFERENCE_SECRET"]
        yield Hearth(
            url, f"http://127.0.0.1:{where.inference_port}", secret, email, password, launcher.pid, seconds
        )  # fmt: skip
    finally:
        launcher.send_signal(signal.SIGTERM)
        launcher.wait(90)


def processes(pid: int) -> dict[int, str]:
    """The launcher and all below it: number -> command line."""
    found: dict[int, str] = {}
    pending = [pid]
    while pending:
        number = pending.pop()
        command_line = Path(f"/proc/{number}/cmdline")
        if command_line.exists():
            found[number] = command_line.read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            pending += children_of(number)
    return found


def rss_mb(pid: int) -> float:
    """Resident memory in MB, pages that it shares with others included."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0
