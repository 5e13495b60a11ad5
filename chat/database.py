"""Database work from asynchronous code.

Channels runs all of it on one thread of the process, so that ten sockets with a slow query each wait ten times as long
as one. Here it runs on a handful of threads, as many as the connection pool has connections.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, ParamSpec, TypeVar

from django.conf import settings
from django.db import close_old_connections

P = ParamSpec("P")
R = TypeVar("R")

MAX_THREADS = 8
_executor: ThreadPoolExecutor | None = None


async def in_thread(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a synchronous function that may use the database, without holding up the event loop."""
    call: Callable[[], R] = partial(contextvars.copy_context().run, _with_connection, function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(_pool(), call)


def _with_connection(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    close_old_connections()
    try:
        return function(*args, **kwargs)
    finally:
        close_old_connections()  # gives the connection back to the pool


def _pool() -> ThreadPoolExecutor:
    global _executor  # made on first use, after any fork
    if _executor is None:
        num_connections = settings.DATABASES["default"]["OPTIONS"]["pool"]["max_size"]
        _executor = ThreadPoolExecutor(min(MAX_THREADS, num_connections), thread_name_prefix="database")
    return _executor
