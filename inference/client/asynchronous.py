"""The client for coroutines."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Self

import httpx

from inference import errors, wire
from inference.client.shapes import CONNECT_SECONDS, Shapes, StreamReader


class AsyncClient:
    """The same as coroutines. May be used from several event loops, one after the other."""

    def __init__(self, base_url: str, secret: str, timeout_seconds: float = 600.0) -> None:
        self._base_url = base_url
        self._headers = {"Authorization": f"Bearer {secret}"}
        self._timeout = httpx.Timeout(timeout_seconds, connect=CONNECT_SECONDS)
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

    async def lift(self, model: str) -> None:
        await self._call("POST", f"/v1/models/{model}/lift")

    async def embed(self, model: str, texts: Sequence[str], *, priority: str = "background") -> list[list[float]]:
        vectors: list[list[float]] = []
        for payload in Shapes.embed_payloads(model, texts, priority):
            vectors += Shapes.vectors(await self._call("POST", "/v1/embeddings", payload))
        return vectors

    async def rerank(
        self, model: str, query: str, texts: Sequence[str], *, priority: str = "interactive"
    ) -> list[float]:
        scores: list[float] = []
        for payload in Shapes.rerank_payloads(model, query, texts, priority):
            scores += Shapes.scores(await self._call("POST", "/v1/rerank", payload))
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
        return Shapes.chat_result(await self._call("POST", "/v1/chat/completions", payload))

    async def stream(self, request: wire.ChatRequest) -> AsyncIterator[wire.StreamEvent]:
        """Events of one answer, ending with Finished. aclose() cancels within one step."""
        payload = request.to_payload(stream=True)
        reader = StreamReader()
        response = await self.proxy("/v1/chat/completions", payload)
        try:
            if response.status_code != 200:
                raise Shapes.error_of(response.status_code, await response.aread())
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
            raise Shapes.unreachable(error) from error

    async def _call(self, method: str, path: str, payload: Mapping[str, Any] | None = None) -> Any:
        response = await self.proxy(path, payload, method=method)
        try:
            body = await response.aread()
        except httpx.HTTPError as error:
            raise Shapes.unreachable(error) from error
        finally:
            await response.aclose()
        if response.status_code != 200:
            raise Shapes.error_of(response.status_code, body)
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
