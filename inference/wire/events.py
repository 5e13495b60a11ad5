"""What comes back: progress, words, calls, an end with its counts; or all of it at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of one request; `num_cached_tokens` of the prompt were not read again, and `num_reasoning_tokens`
    of the answer came before its first word."""

    num_prompt_tokens: int = 0
    num_completion_tokens: int = 0
    num_cached_tokens: int = 0
    num_reasoning_tokens: int = 0

    def to_json(self) -> dict[str, Any]:
        return {
            "prompt_tokens": self.num_prompt_tokens,
            "completion_tokens": self.num_completion_tokens,
            "total_tokens": self.num_prompt_tokens + self.num_completion_tokens,
            "prompt_tokens_details": {"cached_tokens": self.num_cached_tokens},
            "completion_tokens_details": {"reasoning_tokens": self.num_reasoning_tokens},
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Usage:
        details = body.get("prompt_tokens_details") or {}
        answer_details = body.get("completion_tokens_details") or {}
        return cls(
            int(body.get("prompt_tokens", 0)),
            int(body.get("completion_tokens", 0)),
            int(details.get("cached_tokens", 0)),
            int(answer_details.get("reasoning_tokens", 0)),
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
    """The model is being brought into memory; `note` says what had to be made smaller for it, or nothing."""

    percent: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """The prompt is being read; `num_done` includes the `num_cached` tokens that were known already."""

    num_prompt_tokens: int
    num_done: int
    num_cached: int


@dataclass(frozen=True, slots=True)
class Delta:
    """More of the answer, or of the reasoning before it; with the probabilities of its tokens where they were asked
    for, as OpenAI's objects. `num_tokens` is known where the engine's own text comes, not after it was parted."""

    text: str
    reasoning: str = ""
    logprobs: tuple[Mapping[str, Any], ...] = ()
    num_tokens: int = 0


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
class CallPiece:
    """A part of a call while it is written: the first of each number has its id and name, all have more of its
    arguments. Put together they are a ToolCall."""

    number: int
    arguments: str = ""
    id: str = ""
    name: str = ""

    def to_json(self) -> dict[str, Any]:
        """OpenAI's piece of tool_calls in a stream."""
        if not self.id:
            return {"index": self.number, "function": {"arguments": self.arguments}}
        function = {"name": self.name, "arguments": self.arguments}
        return {"index": self.number, "id": self.id, "type": "function", "function": function}


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
        return {"stage": "loading", "percent": event.percent} | ({"note": event.note} if event.note else {})
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
        return Loading(int(body["percent"]), str(body.get("note", "")))
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
