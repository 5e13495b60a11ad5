"""The inference service as this door sees it: bytes in, bytes out, and failures as its own errors.

A stream is passed on as it comes and never parsed, so a token costs this process one read and one write.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import cache
from typing import Any

import httpx
from django.conf import settings

from chat.api import errors, limits
from inference.client import AsyncClient
from inference.errors import BackendLost, BadParameter, EngineError, InferenceError, from_wire

CHECK_SECONDS = 1.0
_BROKEN = "The connection to the inference service broke."


@cache
def client() -> AsyncClient:
    return AsyncClient(settings.HEARTH_INFERENCE_URL, settings.HEARTH_INFERENCE_SECRET)


async def start(path: str, payload: Mapping[str, Any]) -> httpx.Response:
    """The answer, not yet read, once the service has agreed to give one; raises an InferenceError otherwise."""
    try:
        response = await client().proxy(path, payload)
    except UnicodeEncodeError:
        # JSON can carry half of a surrogate pair; no text has one.
        raise BadParameter(None, "The body holds a text that is not Unicode.") from None
    if response.status_code != 200:
        raise _failure(response.status_code, await whole(response))
    return response


async def whole(response: httpx.Response) -> bytes:
    try:
        return await response.aread()
    except httpx.HTTPError as error:
        raise BackendLost(_BROKEN) from error
    finally:
        await response.aclose()


async def relay(
    response: httpx.Response, place: limits.Place, check: Callable[[], Awaitable[None]]
) -> AsyncIterator[bytes]:
    """One empty piece, then the stream's bytes. Closing it cancels the answer and gives the place back.

    The empty piece lets the caller start it at once: a generator that was never started never cleans up. check is
    called every second and raises an ApiError when the caller's right to the rest has ended.
    """
    checked_at = time.monotonic()
    try:
        yield b""
        async for piece in response.aiter_raw():
            if time.monotonic() - checked_at > CHECK_SECONDS:
                await check()
                checked_at = time.monotonic()
            yield piece
    except errors.ApiError as error:
        yield errors.event(error)
    except httpx.HTTPError:
        yield errors.event(BackendLost(_BROKEN))
    finally:
        place.give_back()
        await response.aclose()


def _failure(status: int, content: bytes) -> InferenceError:
    try:
        return from_wire(json.loads(content)["error"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return EngineError(f"The inference service answered with status {status}.")
