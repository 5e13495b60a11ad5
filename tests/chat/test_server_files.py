"""A large file for a reader, quick or slow, is never held in the web process."""

from __future__ import annotations

import os
import shutil
import socket
import time
from pathlib import Path

import httpx

from tests.chat.running_door import Door
from tests.factories import browser_of, make_document

MIB = 1024 * 1024


def test_a_download_does_not_grow_the_process(door: Door) -> None:
    """150 MiB to somebody who reads, and to somebody who does not."""
    document = make_document(door.alice)
    kept = document.open_file()
    # The other process has the uploads folder of the environment; this one has a folder for each test.
    served = Path(os.environ["HEARTH_UPLOADS_DIR"], *kept.parts[-2:])
    served.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(kept, served)
    os.truncate(served, 150 * MIB)
    cookies = {name: morsel.value for name, morsel in browser_of(door.alice).cookies.items()}
    path = f"/documents/{document.pk}/file/"
    assert httpx.head(door.url + "/health/", trust_env=False).status_code == 200
    before = peak = door.rss()
    with httpx.stream("GET", door.url + path, cookies=cookies, trust_env=False, timeout=30) as response:
        assert response.status_code == 200
        num_read = 0
        for piece in response.iter_bytes(MIB):
            num_read += len(piece)
            peak = max(peak, door.rss())
    assert num_read == 150 * MIB
    with socket.create_connection(("127.0.0.1", httpx.URL(door.url).port or 0)) as slow:
        lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1"]
        lines += ["Cookie: " + "; ".join(f"{name}={value}" for name, value in cookies.items()), "", ""]
        slow.sendall("\r\n".join(lines).encode())
        time.sleep(1.5)
        peak = max(peak, door.rss())
    assert peak - before < 64 * MIB
    served.unlink()
