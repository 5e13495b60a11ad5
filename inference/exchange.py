"""What routes do with every request: read its body within a bound, notice that its caller has gone, answer in JSON."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from inference import errors, fields


async def body_of(request: Request, most_bytes: int) -> dict[str, Any]:
    """The JSON body, refused as soon as it is, or says that it will be, larger than allowed."""
    announced = request.headers.get("content-length", "")
    too_large = errors.BodyTooLarge(f"The request is larger than {most_bytes:,} bytes.")
    if announced.isdecimal() and int(announced[:18]) > most_bytes:
        raise too_large
    data = bytearray()
    try:
        async for piece in request.stream():
            data += piece
            if len(data) > most_bytes:
                raise too_large
    except ClientDisconnect:
        raise errors.RequestError("The caller went away.") from None
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
