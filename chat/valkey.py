"""Connections to Valkey, one client per process (sync) or per event loop (async).

Valkey may be lost at any time: nothing that is kept here is the only copy of anything.
"""

from __future__ import annotations

import asyncio
from functools import cache
from weakref import WeakKeyDictionary

import redis
import redis.asyncio
from django.conf import settings

AWAY_SECONDS = 2.0  # a Valkey that takes longer counts as away
_of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, redis.asyncio.Redis] = WeakKeyDictionary()


@cache
def client() -> redis.Redis:
    """The sync client: views, tasks, commands."""
    return redis.Redis.from_url(settings.VALKEY_URL, socket_timeout=AWAY_SECONDS, socket_connect_timeout=AWAY_SECONDS)


def loop_client() -> redis.asyncio.Redis:
    """The async client of the running loop: sockets and turn workers."""
    loop = asyncio.get_running_loop()
    if loop not in _of_loop:
        _of_loop[loop] = redis.asyncio.Redis.from_url(
            settings.VALKEY_URL, socket_connect_timeout=5, max_connections=1000
        )
    return _of_loop[loop]


async def close_loop_client() -> None:
    """Give the running loop's connections back, when a loop ends before its process does."""
    found = _of_loop.pop(asyncio.get_running_loop(), None)
    if found is not None:
        await found.aclose()
