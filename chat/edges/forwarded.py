"""Whose word about the client's address and scheme is believed.

Every proxy appends to X-Forwarded-For, so with one proxy in front of us the right-most entry is the client it
saw, with two the one before it, and everything further left was written by the client. Without a proxy every
forwarding header is dropped, so that nothing behind can be fooled by one.
"""

from __future__ import annotations

import ipaddress
from typing import Any

FOR = b"x-forwarded-for"
PROTO = b"x-forwarded-proto"
_DROPPED = frozenset(
    {
        FOR,
        PROTO,
        b"daphne-root-path",
        b"forwarded",
        b"x-forwarded-host",
        b"x-forwarded-port",
        b"x-forwarded-server",
        b"x-original-url",
        b"x-real-ip",
        b"x-rewrite-url",
    }
)


class TrustedProxies:
    """The `num_proxies` machines in front of us; 0 believes nobody."""

    def __init__(self, num_proxies: int) -> None:
        self._num_proxies = num_proxies

    def apply(self, scope: dict[str, Any]) -> None:
        """Settle client, scheme, root path and headers of an ASGI scope, in place."""
        told = [pair for pair in scope["headers"] if pair[0] in (FOR, PROTO)]
        scope["headers"] = [pair for pair in scope["headers"] if pair[0] not in _DROPPED]
        scope["root_path"] = ""
        is_secure = False
        if self._num_proxies:
            addresses = _entries(told, FOR)
            if len(addresses) >= self._num_proxies and _is_address(addresses[-self._num_proxies]):
                scope["client"] = [addresses[-self._num_proxies], 0]
            is_secure = _entries(told, PROTO)[-1:] == ["https"]
            # Django believes the left-most entry of this header, so it gets exactly one.
            scope["headers"].append((PROTO, b"https" if is_secure else b"http"))
        names = ("wss", "ws") if scope["type"] == "websocket" else ("https", "http")
        scope["scheme"] = names[0] if is_secure else names[1]


def _entries(headers: list[tuple[bytes, bytes]], name: bytes) -> list[str]:
    """All values of a list header, in order, whether it came as one line or several."""
    joined = b",".join(value for key, value in headers if key == name)
    return [entry.strip() for entry in joined.decode("latin-1").split(",") if entry.strip()]


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
