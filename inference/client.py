"""The door to the inference service for the rest of Hearth: `Client` (sync) and `AsyncClient`.

Both speak text, tokens and vectors, and raise `inference.errors`. Leaving a stream early (break, aclose)
closes the connection, and the engine drops the sequence within one step.
Left out: retries. The caller knows whether to wait, to queue again or to tell a person.
"""

from __future__ import annotations

import array
import asyncio
import base64
import json
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, Self

import httpx

from inference import errors, wire

EMBED_BATCH_TEXTS = 64
_CONNECT_SECONDS = 5.0


class _StreamReader:
    """Turns the lines of one SSE stream into events. Feed it lines; it says when the answer is whole."""

    def __init__(self) -> None:
        self.is_done = False
        self._reason = "stop"
        self._usage = wire.Usage()
        self._timings = wire.Timings()

    def feed(self, line: str) -> Iterator[wire.StreamEvent]:
        if not line.startswith("data: "):
            return
        if line == "data: [DONE]":
            self.is_done = True
            yield wire.Finished(self._reason, self._usage, self._timings)
            return
        chunk = json.loads(line[6:])
        if "error" in chunk:
            raise errors.from_wire(chunk["error"])
        if "progress" in chunk:
            yield wire.progress_from_json(chunk["progress"])
        for choice in chunk["choices"]:
            delta = choice["delta"]
            text, reasoning = delta.get("content") or "", delta.get("reasoning_content") or ""
            if text or reasoning:
                yield wire.Delta(text, reasoning)
            for call in delta.get("tool_calls") or ():
                yield wire.ToolCall.from_json(call)
            self._reason = choice.get("finish_reason") or self._reason
        if chunk.get("usage"):
            self._usage = wire.Usage.from_json(chunk["usage"])
        if chunk.get("timings"):
            self._timings = wire.Timings.from_json(chunk["timings"])

    def check_complete(self) -> None:
        if not self.is_done:
            raise errors.BackendLost("The inference service ended the answer before it was complete.")


class _Shapes:
    """What both clients share: bodies out, values in."""

    @staticmethod
    def error_of(status: int, body: bytes) -> errors.InferenceError:
        try:
            parsed = json.loads(body)["error"]
        except (ValueError, KeyError, TypeError):
            return errors.EngineError(f"The inference service answered with status {status}.")
        return errors.from_wire(parsed)

    @staticmethod
    def unreachable(error: httpx.HTTPError) -> errors.Unreachable:
        return errors.Unreachable(f"The inference service cannot be reached ({type(error).__name__}).")

    @staticmethod
    def chat_result(body: Mapping[str, Any]) -> wire.ChatResult:
        choice = body["choices"][0]
        message = choice["message"]
        return wire.ChatResult(
            text=message["content"] or "",
            reasoning=message.get("reasoning_content") or "",
            tool_calls=tuple(map(wire.ToolCall.from_json, message.get("tool_calls") or ())),
            reason=choice["finish_reason"],
            usage=wire.Usage.from_json(body["usage"]),
            timings=wire.Timings.from_json(body.get("timings") or {}),
        )

    @staticmethod
    def embed_payloads(model: str, texts: Sequence[str], priority: str) -> Iterator[dict[str, Any]]:
        for start in range(0, len(texts), EMBED_BATCH_TEXTS):
            yield {
                "model": model,
                "input": list(texts[start : start + EMBED_BATCH_TEXTS]),
                "encoding_format": "base64",
                "priority": priority,
            }

    @staticmethod
    def vectors(body: Mapping[str, Any]) -> list[list[float]]:
        rows = sorted(body["data"], key=lambda row: int(row["index"]))
        return [_floats(row["embedding"]) for row in rows]

    @staticmethod
    def rerank_payloads(model: str, query: str, texts: Sequence[str], priority: str) -> Iterator[dict[str, Any]]:
        for start in range(0, len(texts), EMBED_BATCH_TEXTS):
            documents = list(texts[start : start + EMBED_BATCH_TEXTS])
            yield {"model": model, "query": query, "documents": documents, "priority": priority}

    @staticmethod
    def scores(body: Mapping[str, Any]) -> list[float]:
        rows = sorted(body["results"], key=lambda row: int(row["index"]))
        return [float(row["relevance_score"]) for row in rows]


def _floats(encoded: str) -> list[float]:
    values = array.array("f", base64.b64decode(encoded))
    if sys.byteorder == "big":
        values.byteswap()
    return values.tolist()


class Client:
    """Synchronous; safe to share between threads."""

    def __init__(self, base_url: str, secret: str, timeout_seconds: float = 600.0) -> None:
        self._http = httpx.Client(
            base_url=base_url,
            headers={"Authorization": f"Bearer {secret}"},
            timeout=httpx.Timeout(timeout_seconds, connect=_CONNECT_SECONDS),
            trust_env=False,  # never through a proxy: the service is on our own network
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def models(self) -> list[wire.ModelInfo]:
        """Every file of the models folder, read afresh."""
        return [wire.ModelInfo.from_json(row) for row in self._call("GET", "/v1/models")["data"]]

    def load(self, model: str) -> None:
        """Return when the model is ready to answer."""
        self._call("POST", f"/v1/models/{model}/load")

    def unload(self, model: str) -> None:
        """Return when its running answers have ended and its memory is free."""
        self._call("POST", f"/v1/models/{model}/unload")

    def embed(self, model: str, texts: Sequence[str], *, priority: str = "background") -> list[list[float]]:
        """One unit-length vector per text, in order. One request per 64 texts."""
        vectors: list[list[float]] = []
        for payload in _Shapes.embed_payloads(model, texts, priority):
            vectors += _Shapes.vectors(self._call("POST", "/v1/embeddings", payload))
        return vectors

    def rerank(self, model: str, query: str, texts: Sequence[str], *, priority: str = "interactive") -> list[float]:
        """How well each text answers the query, from 0 to 1, in the order given. One request per 64 texts."""
        scores: list[float] = []
        for payload in _Shapes.rerank_payloads(model, query, texts, priority):
            scores += _Shapes.scores(self._call("POST", "/v1/rerank", payload))
        return scores

    def count_tokens(self, model: str, texts: Sequence[str]) -> list[int]:
        payload = {"model": model, "input": list(texts)}
        counts: list[int] = self._call("POST", "/tokenize", payload)["counts"]
        return counts

    def count_message_tokens(self, model: str, messages: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
        """(tokens of the prompt that the model's template makes of them, context length)."""
        body = self._call("POST", "/tokenize", {"model": model, "messages": [dict(m) for m in messages]})
        return body["count"], body["context_length"]

    def chat(self, request: wire.ChatRequest) -> wire.ChatResult:
        payload = request.to_payload(stream=False)
        return _Shapes.chat_result(self._call("POST", "/v1/chat/completions", payload))

    def stream(self, request: wire.ChatRequest) -> Iterator[wire.StreamEvent]:
        """Events of one answer, ending with Finished. Closing the iterator cancels."""
        payload = request.to_payload(stream=True)
        reader = _StreamReader()
        try:
            with self._http.stream("POST", "/v1/chat/completions", json=payload) as response:
                if response.status_code != 200:
                    raise _Shapes.error_of(response.status_code, response.read())
                for line in response.iter_lines():
                    yield from reader.feed(line)
        except httpx.ConnectError as error:
            raise _Shapes.unreachable(error) from error
        except httpx.HTTPError as error:
            raise errors.BackendLost("The connection to the inference service broke.") from error
        reader.check_complete()

    def _call(self, method: str, path: str, payload: object | None = None) -> Any:
        try:
            response = self._http.request(method, path, json=payload)
        except httpx.HTTPError as error:
            raise _Shapes.unreachable(error) from error
        if response.status_code != 200:
            raise _Shapes.error_of(response.status_code, response.content)
        return response.json()


class AsyncClient:
    """The same as coroutines. May be used from several event loops, one after the other."""

    def __init__(self, base_url: str, secret: str, timeout_seconds: float = 600.0) -> None:
        self._base_url = base_url
        self._headers = {"Authorization": f"Bearer {secret}"}
        self._timeout = httpx.Timeout(timeout_seconds, connect=_CONNECT_SECONDS)
        self._http: httpx.AsyncClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        if self._http is not None and self._loop is asyncio.get_running_loop():
            await self._http.aclose()
        self._http = None

    async def models(self) -> list[wire.ModelInfo]:
        body = await self._call("GET", "/v1/models")
        return [wire.ModelInfo.from_json(row) for row in body["data"]]

    async def load(self, model: str) -> None:
        await self._call("POST", f"/v1/models/{model}/load")

    async def unload(self, model: str) -> None:
        await self._call("POST", f"/v1/models/{model}/unload")

    async def embed(self, model: str, texts: Sequence[str], *, priority: str = "background") -> list[list[float]]:
        vectors: list[list[float]] = []
        for payload in _Shapes.embed_payloads(model, texts, priority):
            vectors += _Shapes.vectors(await self._call("POST", "/v1/embeddings", payload))
        return vectors

    async def rerank(
        self, model: str, query: str, texts: Sequence[str], *, priority: str = "interactive"
    ) -> list[float]:
        scores: list[float] = []
        for payload in _Shapes.rerank_payloads(model, query, texts, priority):
            scores += _Shapes.scores(await self._call("POST", "/v1/rerank", payload))
        return scores

    async def count_tokens(self, model: str, texts: Sequence[str]) -> list[int]:
        body = await self._call("POST", "/tokenize", {"model": model, "input": list(texts)})
        counts: list[int] = body["counts"]
        return counts

    async def count_message_tokens(self, model: str, messages: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
        payload = {"model": model, "messages": [dict(message) for message in messages]}
        body = await self._call("POST", "/tokenize", payload)
        return body["count"], body["context_length"]

    async def chat(self, request: wire.ChatRequest) -> wire.ChatResult:
        payload = request.to_payload(stream=False)
        return _Shapes.chat_result(await self._call("POST", "/v1/chat/completions", payload))

    async def stream(self, request: wire.ChatRequest) -> AsyncIterator[wire.StreamEvent]:
        """Events of one answer, ending with Finished. aclose() cancels within one step."""
        payload = request.to_payload(stream=True)
        reader = _StreamReader()
        response = await self.proxy("/v1/chat/completions", payload)
        try:
            if response.status_code != 200:
                raise _Shapes.error_of(response.status_code, await response.aread())
            async for line in response.aiter_lines():
                for event in reader.feed(line):
                    yield event
        except httpx.HTTPError as error:
            raise errors.BackendLost("The connection to the inference service broke.") from error
        finally:
            await response.aclose()
        reader.check_complete()

    async def proxy(
        self,
        path: str,
        payload: Mapping[str, Any] | None = None,
        *,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """The raw answer, unread (status, headers, `aiter_raw()`); the caller must `aclose()` it."""
        http = self._client()
        request = http.build_request(method, path, json=payload, headers=dict(headers or {}))
        try:
            return await http.send(request, stream=True)
        except httpx.HTTPError as error:
            raise _Shapes.unreachable(error) from error

    async def _call(self, method: str, path: str, payload: Mapping[str, Any] | None = None) -> Any:
        response = await self.proxy(path, payload, method=method)
        try:
            body = await response.aread()
        except httpx.HTTPError as error:
            raise _Shapes.unreachable(error) from error
        finally:
            await response.aclose()
        if response.status_code != 200:
            raise _Shapes.error_of(response.status_code, body)
        return json.loads(body)

    def _client(self) -> httpx.AsyncClient:
        # An httpx client belongs to the loop that made it; async_to_sync makes a new loop per call.
        loop = asyncio.get_running_loop()
        if self._http is None or self._loop is not loop:
            self._loop = loop
            self._http = httpx.AsyncClient(
                base_url=self._base_url,
                headers=self._headers,
                timeout=self._timeout,
                trust_env=False,
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=32),
            )
        return self._http
