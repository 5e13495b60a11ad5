"""The OpenAI shapes of answers: whole, or as server-sent events. Closing the connection cancels within one step."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Any

from starlette.types import Receive, Scope, Send

from inference import errors, wire
from inference.jobs import AnswerStream
from inference.metrics import Metrics
from inference.parameters import ChatJob
from inference.parsing import AnswerParser, Style

log = logging.getLogger(__name__)

PING_SECONDS = 15.0
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


class ChatAnswer:
    """An ASGI response for one chat request with one stream per choice."""

    def __init__(
        self, job: ChatJob, streams: Sequence[AnswerStream], style: Style, metrics: Metrics, request_id: str
    ) -> None:
        self._job = job
        self._streams = streams
        self._parsers = [AnswerParser(style) for _ in streams]
        self._metrics = metrics
        self._request_id = request_id
        self._common = {
            "id": f"chatcmpl-{request_id}",
            "created": int(time.time()),
            "model": job.model,
            "system_fingerprint": "hearth",
        }
        self._usage = [wire.Usage()] * len(streams)
        self._timings = wire.Timings()
        self._num_told = [0] * len(streams)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs until the answer is whole or the caller is gone, whichever is first; frees the sequences either way."""
        answer = asyncio.ensure_future(self._stream(send) if self._job.stream else self._whole(send))
        gone = asyncio.ensure_future(_until_gone(receive))
        try:
            await asyncio.wait((answer, gone), return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                answer.result()
            else:
                self._metrics.stopped(self._job.model)
        finally:
            for stream in self._streams:
                stream.close()
            for task in (answer, gone):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, OSError, errors.InferenceError):
                    await task

    async def _whole(self, send: Send) -> None:
        try:
            choices = await asyncio.gather(*(self._choice(i) for i in range(len(self._streams))))
        except errors.InferenceError as error:
            await self._send_json(send, error.status, {"error": self._failed(error)})
            return
        body = self._common | {
            "object": "chat.completion",
            "choices": choices,
            "usage": self._total().to_json(),
            "timings": self._timings.to_json(),
        }
        await self._send_json(send, 200, body)

    async def _choice(self, index: int) -> dict[str, Any]:
        said: list[wire.Delta | wire.ToolCall] = []
        logprobs: list[Mapping[str, Any]] = []
        parser, reason = self._parsers[index], "stop"
        async for event in self._streams[index]:
            if isinstance(event, wire.Delta):
                said += parser.feed(event.text)
                logprobs += event.logprobs
            elif isinstance(event, wire.Finished):
                said += parser.finish()
                reason = self._reason(index, event)
                self._finished(index, event)
        message = {"role": "assistant", "refusal": None} | _whole_message(said)
        told = {"content": logprobs, "refusal": None} if self._job.wants_logprobs else None
        return {"index": index, "message": message, "logprobs": told, "finish_reason": reason}

    def _reason(self, index: int, event: wire.Finished) -> str:
        return "tool_calls" if self._parsers[index].num_calls and event.reason == "stop" else event.reason

    async def _stream(self, send: Send) -> None:
        headers = [*_HEADERS, (b"x-request-id", self._request_id.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        async for line in self._lines():
            await send({"type": "http.response.body", "body": line, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _lines(self) -> AsyncIterator[bytes]:
        yield self._chunk([_delta(i, {"role": "assistant", "content": ""}) for i in range(len(self._streams))])
        try:
            async for index, event in _merged(self._streams):
                if event is None:
                    yield b": ping\n\n"
                elif isinstance(event, wire.Delta):
                    for choice in self._pieces(index, self._parsers[index].feed(event.text), event.logprobs):
                        yield self._chunk([choice])
                elif isinstance(event, wire.Finished):
                    for choice in self._pieces(index, self._parsers[index].finish()):
                        yield self._chunk([choice])
                    reason = self._reason(index, event)
                    self._finished(index, event)
                    yield self._chunk([_delta(index, {}, reason)], timings=event.timings.to_json())
                elif not isinstance(event, wire.ToolCall):
                    yield self._chunk([], progress=wire.progress_to_json(event))
        except errors.InferenceError as error:
            yield _data({"error": self._failed(error)})
            return
        if self._job.include_usage:
            yield self._chunk([], usage=self._total().to_json(), timings=self._timings.to_json())
        yield b"data: [DONE]\n\n"

    def _pieces(
        self, index: int, said: Iterable[wire.Delta | wire.ToolCall], logprobs: Sequence[Mapping[str, Any]] = ()
    ) -> Iterator[dict[str, Any]]:
        """The deltas of one event; its probabilities go with the first."""
        deltas: list[dict[str, Any]] = []
        for piece in said:
            if isinstance(piece, wire.ToolCall):
                number = self._num_told[index]
                self._num_told[index] += 1
                deltas.append({"tool_calls": [{"index": number} | piece.to_json()]})
            else:
                deltas.append({"reasoning_content": piece.reasoning} if piece.reasoning else {"content": piece.text})
        if logprobs and not deltas:
            deltas.append({"content": ""})
        for place, delta in enumerate(deltas):
            choice = _delta(index, delta)
            if logprobs and place == 0:
                choice["logprobs"] = {"content": list(logprobs), "refusal": None}
            yield choice

    def _chunk(self, choices: list[dict[str, Any]], **more: Any) -> bytes:
        return _data(self._common | {"object": "chat.completion.chunk", "choices": choices} | more)

    def _finished(self, index: int, event: wire.Finished) -> None:
        stream = self._streams[index]
        now = time.monotonic()
        first = stream.first_text_at - stream.created_at if stream.first_text_at else None
        self._usage[index] = event.usage
        self._timings = event.timings
        self._metrics.finished(self._job.model, event, first, now - stream.created_at)
        fields = {
            "request_id": self._request_id,
            "model": self._job.model,
            "reason": event.reason,
            "num_prompt_tokens": event.usage.num_prompt_tokens,
            "num_completion_tokens": event.usage.num_completion_tokens,
            "ttft_ms": round(first * 1000, 1) if first is not None else None,
            "total_ms": round((now - stream.created_at) * 1000, 1),
        }
        log.info("answered", extra=fields)

    def _failed(self, error: errors.InferenceError) -> dict[str, Any]:
        self._metrics.failed(error.code)
        fields = {"request_id": self._request_id, "model": self._job.model, "reason": error.code}
        log.warning("failed", extra=fields)
        return error.to_wire()

    def _total(self) -> wire.Usage:
        """A prompt that several choices share counts once."""
        first = self._usage[0]
        completion = sum(usage.num_completion_tokens for usage in self._usage)
        return wire.Usage(first.num_prompt_tokens, completion, first.num_cached_tokens)

    async def _send_json(self, send: Send, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body, ensure_ascii=False).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(data)).encode()),
            (b"x-request-id", self._request_id.encode()),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": data})


def _whole_message(said: Sequence[wire.Delta | wire.ToolCall]) -> dict[str, Any]:
    deltas = [piece for piece in said if isinstance(piece, wire.Delta)]
    calls = [piece.to_json() for piece in said if isinstance(piece, wire.ToolCall)]
    content, reasoning = "".join(d.text for d in deltas), "".join(d.reasoning for d in deltas)
    message: dict[str, Any] = {"content": content if content or not calls else None}
    if reasoning:
        message["reasoning_content"] = reasoning
    if calls:
        message["tool_calls"] = calls
    return message


async def _merged(streams: Sequence[AnswerStream]) -> AsyncIterator[tuple[int, wire.StreamEvent | None]]:
    """Events of all choices as they come; (0, None) when nothing came for a while."""
    waiting = {asyncio.ensure_future(anext(stream)): i for i, stream in enumerate(streams)}
    try:
        while waiting:
            done, _ = await asyncio.wait(waiting, timeout=PING_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                yield 0, None
            for task in done:
                index = waiting.pop(task)
                try:
                    event = task.result()
                except StopAsyncIteration:
                    continue
                yield index, event
                waiting[asyncio.ensure_future(anext(streams[index]))] = index
    finally:
        for task in waiting:
            task.cancel()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _delta(index: int, delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
    return {"index": index, "delta": delta, "logprobs": None, "finish_reason": reason}


def _data(body: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\n\n"
