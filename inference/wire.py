"""Request and response shapes that cross the process border: the OpenAI subset we speak, as dataclasses.

Deliberately light (standard library only), because the web process imports it.
Left out: checking what strangers send. That is `inference.parameters`, on the service's side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Priority = Literal["interactive", "api", "background"]
ModelKind = Literal["chat", "embedding", "rerank"]
ModelState = Literal["unloaded", "loading", "loaded", "failed", "broken"]


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One GGUF file of the models folder and what the service does with it at the moment.

    `error` is a sentence when state is "failed" (may be tried again) or "broken" (until the file changes).
    """

    id: str
    file_name: str
    size_bytes: int
    kind: ModelKind
    state: ModelState
    created: int = 0
    architecture: str = ""
    context_length: int = 0
    embedding_length: int = 0
    pooling: str = ""
    quantization: str = ""
    num_parameters: int | None = None
    has_chat_template: bool = False
    error: str | None = None
    load_percent: int | None = None

    def to_json(self) -> dict[str, Any]:
        meta = {
            "file_name": self.file_name,
            "size_bytes": self.size_bytes,
            "architecture": self.architecture,
            "kind": self.kind,
            "context_length": self.context_length,
            "embedding_length": self.embedding_length,
            "pooling": self.pooling,
            "quantization": self.quantization,
            "num_parameters": self.num_parameters,
            "has_chat_template": self.has_chat_template,
            "state": self.state,
            "error": self.error,
            "load_percent": self.load_percent,
        }
        return {
            "id": self.id,
            "object": "model",
            "created": self.created,
            "owned_by": "hearth",
            "root": self.id,
            "max_model_len": self.context_length,
            "meta": meta,
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> ModelInfo:
        return cls(id=body["id"], created=int(body.get("created", 0)), **body["meta"])


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One question. None means: the service's default. `cache_salt` parts prompt caches (one per user), but the first
    `num_public_messages` hold nothing of anybody's own (a system prompt that all share) and are read once for all;
    `fairness_key` says between whom the engine is fair; `continue_final_message` goes on from the text
    of the last message, which must be an assistant's."""

    model: str
    messages: Sequence[Mapping[str, Any]]
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    stop: Sequence[str] = ()
    seed: int | None = None
    cache_salt: str = ""
    priority: Priority = "interactive"
    fairness_key: str = ""
    continue_final_message: bool = False
    return_progress: bool = False
    num_public_messages: int = 0
    response_format: Mapping[str, Any] | None = None
    tools: Sequence[Mapping[str, Any]] = ()
    tool_choice: str | Mapping[str, Any] | None = None

    def to_payload(self, *, stream: bool) -> dict[str, Any]:
        """The JSON body for POST /v1/chat/completions."""
        payload: dict[str, Any] = {
            "model": self.model,
            "messages": [dict(message) for message in self.messages],
            "priority": self.priority,
            "stream": stream,
        }
        for name in ("max_tokens", "temperature", "top_p", "top_k", "min_p", "seed", "response_format", "tool_choice"):
            value = getattr(self, name)
            if value is not None:
                payload[name] = value
        for name in ("cache_salt", "fairness_key", "continue_final_message", "num_public_messages"):
            if getattr(self, name):
                payload[name] = getattr(self, name)
        if self.tools:
            payload["tools"] = list(self.tools)
        if self.stop:
            payload["stop"] = list(self.stop)
        if stream:
            payload["stream_options"] = {"include_usage": True}
            payload["return_progress"] = self.return_progress
        return payload


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of one request; `num_cached_tokens` of the prompt were not read again."""

    num_prompt_tokens: int = 0
    num_completion_tokens: int = 0
    num_cached_tokens: int = 0

    def to_json(self) -> dict[str, Any]:
        return {
            "prompt_tokens": self.num_prompt_tokens,
            "completion_tokens": self.num_completion_tokens,
            "total_tokens": self.num_prompt_tokens + self.num_completion_tokens,
            "prompt_tokens_details": {"cached_tokens": self.num_cached_tokens},
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Usage:
        details = body.get("prompt_tokens_details") or {}
        return cls(
            int(body.get("prompt_tokens", 0)),
            int(body.get("completion_tokens", 0)),
            int(details.get("cached_tokens", 0)),
        )


@dataclass(frozen=True, slots=True)
class Timings:
    """Where the time of one request went, as the engine saw it."""

    queue_ms: float = 0.0
    prompt_ms: float = 0.0
    predicted_ms: float = 0.0
    predicted_per_second: float = 0.0

    def to_json(self) -> dict[str, float]:
        return {
            "queue_ms": round(self.queue_ms, 2),
            "prompt_ms": round(self.prompt_ms, 2),
            "predicted_ms": round(self.predicted_ms, 2),
            "predicted_per_second": round(self.predicted_per_second, 2),
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Timings:
        names = ("queue_ms", "prompt_ms", "predicted_ms", "predicted_per_second")
        return cls(*(float(body.get(name, 0.0)) for name in names))


@dataclass(frozen=True, slots=True)
class Queued:
    """Waiting for a place in the batch; position 1 is next."""

    position: int
    wait_seconds: float


@dataclass(frozen=True, slots=True)
class Loading:
    """The model is being brought into memory."""

    percent: int


@dataclass(frozen=True, slots=True)
class Reading:
    """The prompt is being read; `num_done` includes the `num_cached` tokens that were known already."""

    num_prompt_tokens: int
    num_done: int
    num_cached: int


@dataclass(frozen=True, slots=True)
class Delta:
    """More of the answer, or of the reasoning before it; with the probabilities of its tokens where they were asked
    for, as OpenAI's objects."""

    text: str
    reasoning: str = ""
    logprobs: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model wants a function called; `arguments` is a JSON object as text."""

    id: str
    name: str
    arguments: str

    def to_json(self) -> dict[str, Any]:
        return {"id": self.id, "type": "function", "function": {"name": self.name, "arguments": self.arguments}}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> ToolCall:
        return cls(body["id"], body["function"]["name"], body["function"]["arguments"])


@dataclass(frozen=True, slots=True)
class Finished:
    """The end; always the last event. `reason` is "stop", "length" or "tool_calls"."""

    reason: str
    usage: Usage = field(default_factory=Usage)
    timings: Timings = field(default_factory=Timings)


Progress = Queued | Loading | Reading
StreamEvent = Queued | Loading | Reading | Delta | ToolCall | Finished


def progress_to_json(event: Progress) -> dict[str, Any]:
    """The "progress" object of a stream chunk."""
    if isinstance(event, Queued):
        return {"stage": "queued", "position": event.position, "wait_seconds": event.wait_seconds}
    if isinstance(event, Loading):
        return {"stage": "loading", "percent": event.percent}
    return {
        "stage": "reading",
        "num_prompt_tokens": event.num_prompt_tokens,
        "num_done": event.num_done,
        "num_cached": event.num_cached,
    }


def progress_from_json(body: Mapping[str, Any]) -> Progress:
    if body["stage"] == "queued":
        return Queued(int(body["position"]), float(body["wait_seconds"]))
    if body["stage"] == "loading":
        return Loading(int(body["percent"]))
    return Reading(int(body["num_prompt_tokens"]), int(body["num_done"]), int(body["num_cached"]))


@dataclass(frozen=True, slots=True)
class ChatResult:
    """A whole answer."""

    text: str
    reason: str
    usage: Usage
    timings: Timings
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
