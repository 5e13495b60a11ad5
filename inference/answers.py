"""An answer on its way to the caller: whole, or as server-sent events. Closing the connection cancels within one step.

What the two doors share; the shapes are in `chat_answers` and `completions`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

from starlette.types import Receive, Scope, Send

from inference import errors, sse, wire
from inference.jobs import AnswerStream
from inference.metrics import Metrics
from inference.parameters import ChatJob, CompletionJob

log = logging.getLogger(__name__)


class Answer(ABC):
    """An ASGI response for one request with one stream per choice."""

    prefix = object_name = chunk_name = ""

    def __init__(
        self, job: ChatJob | CompletionJob, streams: Sequence[AnswerStream], metrics: Metrics, request_id: str
    ) -> None:
        self._model = job.model
        self._is_streamed = job.stream
        self._include_usage = job.include_usage
        self._streams = streams
        self._metrics = metrics
        self._request_id = request_id
        self._common = {
            "id": f"{self.prefix}-{request_id}",
            "created": int(time.time()),
            "model": job.model,
            "system_fingerprint": "hearth",
        }
        self._usage = [wire.Usage()] * len(streams)
        self._timings = wire.Timings()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs until the answer is whole or the caller is gone, whichever is first; frees the sequences either way."""
        answer = asyncio.ensure_future(self._stream(send) if self._is_streamed else self._whole(send))
        gone = asyncio.ensure_future(sse.until_gone(receive))
        try:
            await asyncio.wait((answer, gone), return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                answer.result()
            else:
                self._metrics.stopped(self._model)
        finally:
            for stream in self._streams:
                stream.close()
            for task in (answer, gone):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, OSError, errors.InferenceError):
                    await task

    @abstractmethod
    async def choice(self, index: int) -> dict[str, Any]:
        """One choice, when it is whole."""

    @abstractmethod
    def begin(self) -> Iterable[dict[str, Any]]:
        """Choices that are told before anything was written."""

    @abstractmethod
    def extend(self, index: int, event: wire.Delta) -> Iterable[dict[str, Any]]:
        """Choices, as pieces, for more of one answer."""

    @abstractmethod
    def finish(self, index: int, event: wire.Finished) -> Iterable[dict[str, Any]]:
        """The last pieces of one answer, its reason last."""

    @property
    def num_per_prompt(self) -> int:
        """Choices that share one prompt, which counts once."""
        return len(self._streams)

    async def _whole(self, send: Send) -> None:
        try:
            choices = await asyncio.gather(*map(self.choice, range(len(self._streams))))
        except errors.InferenceError as error:
            await self._send_json(send, error.status, {"error": self._failed(error)}, _retry_headers(error))
            return
        body = self._common | {
            "object": self.object_name,
            "choices": choices,
            "usage": self._total().to_json(),
            "timings": self._timings.to_json(),
        }
        await self._send_json(send, 200, body)

    async def _stream(self, send: Send) -> None:
        headers = [*sse.HEADERS, (b"x-request-id", self._request_id.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        async for line in self._lines():
            await send({"type": "http.response.body", "body": line, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _lines(self) -> AsyncIterator[bytes]:
        for choice in self.begin():
            yield self._chunk([choice])
        try:
            async for index, event in sse.merged(self._streams):
                if event is None:
                    yield sse.PING
                elif isinstance(event, wire.Delta):
                    for choice in self.extend(index, event):
                        yield self._chunk([choice])
                elif isinstance(event, wire.Finished):
                    *pieces, last = self.finish(index, event)
                    for choice in pieces:
                        yield self._chunk([choice])
                    yield self._chunk([last], timings=event.timings.to_json())
                elif isinstance(event, wire.Progress):
                    yield self._chunk([], progress=wire.progress_to_json(event))
        except errors.InferenceError as error:
            yield sse.data({"error": self._failed(error)})
            return
        if self._include_usage:
            yield self._chunk([], usage=self._total().to_json(), timings=self._timings.to_json())
        yield sse.DONE

    def _chunk(self, choices: list[dict[str, Any]], **more: Any) -> bytes:
        return sse.data(self._common | {"object": self.chunk_name, "choices": choices} | more)

    def note_end(self, index: int, event: wire.Finished, num_reasoning_tokens: int = 0) -> None:
        """Into usage, metrics and log."""
        stream = self._streams[index]
        now = time.monotonic()
        first = stream.first_text_at - stream.created_at if stream.first_text_at else None
        usage = event.usage
        self._usage[index] = wire.Usage(
            usage.num_prompt_tokens, usage.num_completion_tokens, usage.num_cached_tokens, num_reasoning_tokens
        )
        self._timings = event.timings
        self._metrics.finished(self._model, event, first, now - stream.created_at)
        fields = {
            "request_id": self._request_id,
            "model": self._model,
            "reason": event.reason,
            "num_prompt_tokens": event.usage.num_prompt_tokens,
            "num_completion_tokens": event.usage.num_completion_tokens,
            "ttft_ms": round(first * 1000, 1) if first is not None else None,
            "total_ms": round((now - stream.created_at) * 1000, 1),
        }
        log.info("answered", extra=fields)

    def _failed(self, error: errors.InferenceError) -> dict[str, Any]:
        self._metrics.failed(error.code)
        fields = {"request_id": self._request_id, "model": self._model, "reason": error.code}
        log.warning("failed", extra=fields)
        return error.to_wire()

    def _total(self) -> wire.Usage:
        """A prompt that several choices share counts once."""
        firsts = self._usage[:: self.num_per_prompt]
        return wire.Usage(
            sum(usage.num_prompt_tokens for usage in firsts),
            sum(usage.num_completion_tokens for usage in self._usage),
            sum(usage.num_cached_tokens for usage in firsts),
            sum(usage.num_reasoning_tokens for usage in self._usage),
        )

    async def _send_json(
        self, send: Send, status: int, body: Mapping[str, Any], more: Sequence[tuple[bytes, bytes]] = ()
    ) -> None:
        data = json.dumps(body, ensure_ascii=False).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(data)).encode()),
            (b"x-request-id", self._request_id.encode()),
            *more,
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": data})


def _retry_headers(error: errors.InferenceError) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in error.retry_headers().items()]
