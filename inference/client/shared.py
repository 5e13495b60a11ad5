"""One synchronous client of a process for each service that it talks to."""

from __future__ import annotations

import atexit
import threading

from inference.client.synchronous import Client

_clients: dict[tuple[str, str, float], Client] = {}
_lock = threading.Lock()


def shared_client(base_url: str, secret: str, timeout_seconds: float = 600.0) -> Client:
    """The same client for the same arguments, with its pool of connections; closed when the process ends."""
    key = (base_url, secret, timeout_seconds)
    with _lock:
        if key not in _clients:
            _clients[key] = Client(*key)
        return _clients[key]


@atexit.register
def _close_all() -> None:
    # Left to the garbage collector, open connections complain.
    while _clients:
        _clients.popitem()[1].close()
