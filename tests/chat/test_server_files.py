"""A large file for a reader, quick or slow, is never held in the web process."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from chat.models import Employee
from tests.chat.running_door import Door
from tests.factories import browser_of, make_document

MIB = 1024 * 1024


@pytest.fixture
def path(door: Door) -> Iterator[str]:
    """Of a file of Alice's with 150 MiB."""
    document = make_document(door.alice)
    kept = document.open_file()
    # The other process has the uploads folder of the environment; this one has a folder for each test.
    served = Path(os.environ["HEARTH_UPLOADS_DIR"], *kept.parts[-2:])
    served.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(kept, served)
    os.truncate(served, 150 * MIB)
    yield f"/documents/{document.pk}/file/"
    served.unlink()


def cookies_of(employee: Employee) -> dict[str, str]:
    return {name: morsel.value for name, morsel in browser_of(employee).cookies.items()}


def slow_reader(door: Door, path: str, cookies: dict[str, str]) -> socket.socket:
    """Somebody who asks for a file and does not read it."""
    reader = socket.create_connection(("127.0.0.1", httpx.URL(door.url).port or 0))
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += ["Cookie: " + "; ".join(f"{name}={value}" for name, value in cookies.items()), "", ""]
    reader.sendall("\r\n".join(lines).encode())
    return reader


def test_slow_readers_leave_the_database_to_others(door: Door, path: str) -> None:
    """More of them than a process has connections, and Bob's page comes at once."""
    cookies = cookies_of(door.alice)
    with ExitStack() as readers:
        for _ in range(12):
            reader = readers.enter_context(slow_reader(door, path, cookies))
            assert reader.recv(15) == b"HTTP/1.1 200 OK"
        answer = httpx.get(door.url + "/threads/", cookies=cookies_of(door.bob), trust_env=False, timeout=60)
    assert answer.status_code == 200


def test_a_download_does_not_grow_the_process(door: Door, path: str) -> None:
    """150 MiB to somebody who reads, and to somebody who does not."""
    cookies = cookies_of(door.alice)
    assert httpx.head(door.url + "/health/", trust_env=False).status_code == 200
    before = peak = door.rss()
    with httpx.stream("GET", door.url + path, cookies=cookies, trust_env=False, timeout=30) as response:
        assert response.status_code == 200
        num_read = 0
        for piece in response.iter_bytes(MIB):
            num_read += len(piece)
            peak = max(peak, door.rss())
    assert num_read == 150 * MIB
    with slow_reader(door, path, cookies):
        time.sleep(1.5)
        peak = max(peak, door.rss())
    assert peak - before < 64 * MIB
