"""The client for code that waits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import httpx

from inference import errors, wire
from inference.client.shapes import CONNECT_SECONDS, Shapes, StreamReader


class Client:
    """Synchronous; safe to share between threads."""

    def __init__(self, base_url: str, secret: str, timeout_seconds: float = 600.0) -> None:
        self._http = httpx.Client(
            base_url=base_url,
            headers={"Authorization": f"Bearer {secret}"},
            timeout=httpx.Timeout(timeout_seconds, connect=CONNECT_SECONDS),
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

    def lift(self, model: str) -> None:
        """Let a model that was put off be tried again."""
        self._call("POST", f"/v1/models/{model}/lift")

    def embed(self, model: str, texts: Sequence[str], *, priority: str = "background") -> list[list[float]]:
        """One unit-length vector per text, in order. One request per 64 texts."""
        vectors: list[list[float]] = []
        for payload in Shapes.embed_payloads(model, texts, priority):
            vectors += Shapes.vectors(self._call("POST", "/v1/embeddings", payload))
        return vectors

    def rerank(self, model: str, query: str, texts: Sequence[str], *, priority: str = "interactive") -> list[float]:
        """How well each text answers the query, from 0 to 1, in the order given. One request per 64 texts."""
        scores: list[float] = []
        for payload in Shapes.rerank_payloads(model, query, texts, priority):
            scores += Shapes.scores(self._call("POST", "/v1/rerank", payload))
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
        return Shapes.chat_result(self._call("POST", "/v1/chat/completions", payload))

    def stream(self, request: wire.ChatRequest) -> Iterator[wire.StreamEvent]:
        """Events of one answer, ending with Finished. Closing the iterator cancels."""
        payload = request.to_payload(stream=True)
        reader = StreamReader()
        try:
            with self._http.stream("POST", "/v1/chat/completions", json=payload) as response:
                if response.status_code != 200:
                    raise Shapes.error_of(response.status_code, response.read())
                for line in response.iter_lines():
                    yield from reader.feed(line)
        except httpx.ConnectError as error:
            raise Shapes.unreachable(error) from error
        except httpx.HTTPError as error:
            raise errors.BackendLost("The connection to the inference service broke.") from error
        reader.check_complete()

    def _call(self, method: str, path: str, payload: object | None = None) -> Any:
        try:
            response = self._http.request(method, path, json=payload)
        except httpx.HTTPError as error:
            raise Shapes.unreachable(error) from error
        if response.status_code != 200:
            raise Shapes.error_of(response.status_code, response.content)
        return response.json()
