"""Who uses the shared test services: each user holds a shared lock, and the keeper leaves when it can have the lock
alone.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

LOCK_NAME = "users.lock"
# Long enough that the next test run finds everything warm, short enough that nothing lingers.
UNUSED_SECONDS = 20.0


@contextmanager
def using(folder: Path) -> Iterator[None]:
    """Waits while a keeper is going down."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK_NAME).open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield


@dataclass
class Watcher:
    _handle: IO[str]
    _unused_since: float | None = None

    def is_unused(self) -> bool:
        """True once nobody has used them for a while; the lock then stays held, so that newcomers wait until we are
        gone.
        """
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._unused_since = None
            return False
        now = time.monotonic()
        if self._unused_since is None:
            self._unused_since = now
        if now - self._unused_since >= UNUSED_SECONDS:
            return True
        fcntl.flock(self._handle, fcntl.LOCK_UN)
        return False


@contextmanager
def watch(folder: Path) -> Iterator[Watcher]:
    with (folder / LOCK_NAME).open("a") as handle:
        yield Watcher(handle)
