"""The real web process over the real database and the fake inference service, for the tests of /v1."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import psutil
import pytest
from django.db import connection

from chat.models import ApiKey, Employee, ServedModel
from tests.children import ENDS_WITH_US
from tests.inference.serve import RunningInference, running_inference
from tests.services import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
CHAT, EMBED, RERANK = "fake-chat", "fake-embed", "fake-rerank"
DISABLED = "fake-disabled"


@dataclass
class Processes:
    """The web process and the inference service behind it."""

    url: str
    web: subprocess.Popen[bytes]
    inference: RunningInference


@dataclass
class Door:
    """Where /v1 is, and keys of two employees for it."""

    processes: Processes
    alice: Employee
    bob: Employee
    keys: dict[str, str]
    http: httpx.Client

    @property
    def url(self) -> str:
        return self.processes.url

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    def rss(self) -> int:
        return int(psutil.Process(self.processes.web.pid).memory_info().rss)

    def post(self, path: str, body: Any) -> httpx.Response:
        """A raw request with Alice's key, for what the official client would not send."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.keys['alice']}"}
        return self.http.post(self.base_url + path, content=content, headers=headers)

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.http.get(self.url + path, headers=headers)

    def num_running(self) -> float:
        """Answers that the inference service is working on, or will."""
        inference = self.processes.inference
        headers = {"Authorization": f"Bearer {inference.secret}"}
        lines = self.http.get(f"{inference.url}/metrics", headers=headers).text.splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("vllm:num_requests_"))


@contextlib.contextmanager
def running_processes(**variables: str) -> Iterator[Processes]:
    """Both processes over the test database, which must exist; variables are for the inference service."""
    with running_inference(**variables) as inference, running_web(inference) as processes:
        yield processes


@contextlib.contextmanager
def running_web(inference: RunningInference) -> Iterator[Processes]:
    port = free_port()
    with _web(port, inference) as web:
        yield Processes(f"http://127.0.0.1:{port}", web, inference)


@contextlib.contextmanager
def open_door(processes: Processes) -> Iterator[Door]:
    """People, keys and models, committed: the test needs transactional_db."""
    alice, bob = (Employee.objects.create_employee(f"{name}@example.com", None, name=name) for name in ("alice", "bob"))
    models = ((CHAT, "chat", True), (EMBED, "embedding", True), (RERANK, "rerank", True), (DISABLED, "chat", False))
    for name, kind, is_enabled in models:
        ServedModel.objects.create(name=name, title=name, kind=kind, is_enabled=is_enabled, context_length=4096)
    keys = {employee.name: ApiKey.objects.issue(employee, "test")[1] for employee in (alice, bob)}
    with httpx.Client(trust_env=False, timeout=60) as http:
        yield Door(processes, alice, bob, keys, http)


@pytest.fixture(scope="session")
def door_processes(slow_fake_inference: RunningInference, django_db_setup: None) -> Iterator[Processes]:
    """Started once, slow enough that an answer can be interrupted."""
    with running_web(slow_fake_inference) as running:
        yield running


@pytest.fixture
def door(door_processes: Processes, transactional_db: None) -> Iterator[Door]:
    with open_door(door_processes) as opened:
        yield opened


@contextlib.contextmanager
def _web(port: int, inference: RunningInference) -> Iterator[subprocess.Popen[bytes]]:
    database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
    variables = dict(os.environ) | {
        "DATABASE_URL": urlunsplit(database),
        "HEARTH_URL": f"http://127.0.0.1:{port}",
        "HEARTH_INFERENCE_URL": inference.url,
        "HEARTH_INFERENCE_SECRET": inference.secret,
    }
    command = [*ENDS_WITH_US, sys.executable, "-m", "chat.server", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env=variables)
    try:
        deadline = time.monotonic() + 90
        while True:
            assert process.poll() is None, "the web process ended at start-up"
            assert time.monotonic() < deadline, "the web process does not listen"
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
