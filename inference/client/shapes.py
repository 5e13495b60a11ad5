"""What both clients share: bodies out, values in."""

from __future__ import annotations

import array
import base64
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import httpx

from inference import errors, wire

EMBED_BATCH_TEXTS = 64
CONNECT_SECONDS = 5.0


class StreamReader:
    """Turns the lines of one SSE stream into events. Feed it lines; it says when the answer is whole."""

    def __init__(self) -> None:
        self.is_done = False
        self._reason = "stop"
        self._usage = wire.Usage()
        self._timings = wire.Timings()
        self._call: list[str] = []

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
            yield from self._called(delta.get("tool_calls") or ())
            if choice.get("finish_reason"):
                self._reason = choice["finish_reason"]
                yield from self._last_call()
        if chunk.get("usage"):
            self._usage = wire.Usage.from_json(chunk["usage"])
        if chunk.get("timings"):
            self._timings = wire.Timings.from_json(chunk["timings"])

    def _called(self, pieces: Sequence[Mapping[str, Any]]) -> Iterator[wire.ToolCall]:
        """A call is told once it is whole: when the next one begins, or the answer ends."""
        for piece in pieces:
            if piece.get("id"):
                yield from self._last_call()
                self._call = [piece["id"], piece["function"]["name"], ""]
            if self._call:
                self._call[2] += piece["function"].get("arguments") or ""

    def _last_call(self) -> Iterator[wire.ToolCall]:
        if self._call:
            yield wire.ToolCall(*self._call)
            self._call = []

    def check_complete(self) -> None:
        if not self.is_done:
            raise errors.BackendLost("The inference service ended the answer before it was complete.")


class Shapes:
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
