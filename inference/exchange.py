"""What routes do with every request: read its body within a bound, notice that its caller has gone, answer in JSON."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from inference import errors, fields


async def body_of(request: Request, most_bytes: int) -> dict[str, Any]:
    """The JSON body, refused as soon as it is larger than allowed."""
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > most_bytes:
            raise errors.BodyTooLarge(f"The request is larger than {most_bytes:,} bytes.")
    return fields.parse(bytes(data))


async def unless_gone(request: Request, work: Awaitable[Any]) -> Any:
    """The work's result; given up when the caller hangs up, so that nothing is computed for nobody."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnect(request))
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise errors.RequestError("The caller went away.")
        return task.result()
    finally:
        task.cancel()
        gone.cancel()


async def _disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def as_json(request: Request, body: dict[str, Any]) -> Response:
    data = json.dumps(body, ensure_ascii=False)
    headers = {"x-request-id": request.state.id}
    return Response(data, media_type="application/json", headers=headers)
