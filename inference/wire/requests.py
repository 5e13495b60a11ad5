"""What is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

_SAMPLING = ("max_tokens", "temperature", "top_p", "top_k", "min_p", "seed")

Priority = Literal["interactive", "api", "background"]


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One question. None means: the service's default. `cache_salt` parts prompt caches (one per user), but the first
    `num_public_messages` hold nothing of anybody's own (a system prompt that all share) and are read once for all;
    `fairness_key` says between whom the engine is fair; `continue_final_message` goes on from the text
    of the last message, which must be an assistant's, and from its `reasoning_content`;
    `reasoning_effort` "none" asks a model that thinks not to."""

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
    reasoning_effort: str | None = None

    def to_payload(self, *, stream: bool) -> dict[str, Any]:
        """The JSON body for POST /v1/chat/completions."""
        payload: dict[str, Any] = {
            "model": self.model,
            "messages": [dict(message) for message in self.messages],
            "priority": self.priority,
            "stream": stream,
        }
        for name in (*_SAMPLING, "response_format", "tool_choice", "reasoning_effort"):
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
