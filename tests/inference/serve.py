"""Start the real inference service as a process on a free loopback port, for any test that needs one."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.children import ENDS_WITH_US

REPOSITORY = Path(__file__).resolve().parents[2]
START_SECONDS = 90.0


@dataclass(frozen=True)
class RunningInference:
    """Where it listens, what it wants to hear, and its process id."""

    url: str
    secret: str
    pid: int
    log_path: Path

    def child_pids(self) -> list[int]:
        """Process ids of the model children, in the order they were started."""
        text = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return [int(word) for word in text.split()]

    def kill_child(self, number: signal.Signals, seconds: float = 90.0) -> None:
        """Kill the oldest model child and return once its parent has noticed; a new one may already be there then."""
        pid = self.child_pids()[0]
        os.kill(pid, number)
        deadline = time.monotonic() + seconds
        while pid in self.child_pids():
            assert time.monotonic() < deadline, "nobody noticed the death of a model child"
            time.sleep(0.01)


@contextlib.contextmanager
def running_inference(
    backend: str = "fake", models_dir: Path | str | None = None, **env: str
) -> Iterator[RunningInference]:
    """A service that answers on `.url` with `.secret`. Further variables of its environment by keyword.

    models_dir defaults to HEARTH_MODELS_DIR or .hearth/models below the repository root.
    """
    port, secret = _free_port(), secrets.token_urlsafe(16)
    variables = dict(os.environ) | {
        "HEARTH_BACKEND": backend,
        "HEARTH_INFERENCE_HOST": "127.0.0.1",
        "HEARTH_INFERENCE_PORT": str(port),
        "HEARTH_INFERENCE_SECRET": secret,
        "HEARTH_MODELS_DIR": str(models_dir or default_models_dir()),
        **env,
    }
    with tempfile.TemporaryDirectory(prefix="hearth-inference-") as folder:
        log_path = Path(folder, "inference.log")
        with log_path.open("wb") as log:
            process = subprocess.Popen(
                [*ENDS_WITH_US, sys.executable, "-m", "inference"],
                cwd=REPOSITORY,
                env=variables,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        running = RunningInference(f"http://127.0.0.1:{port}", secret, process.pid, log_path)
        try:
            _wait_until_healthy(running, process)
            yield running
        finally:
            _end(process)


def default_models_dir() -> Path:
    return Path(os.environ.get("HEARTH_MODELS_DIR") or REPOSITORY / ".hearth" / "models")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait_until_healthy(running: RunningInference, process: subprocess.Popen[bytes]) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with opener.open(f"{running.url}/health", timeout=1.0) as response:
                if response.status == 200:
                    return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"inference did not start:\n{running.log_path.read_text()[-4000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
