"""The tree of failures, split by who must act.

    InferenceError
    ├── RequestError      the caller can fix it
    │   ├── BadParameter, ContextTooLong, BodyTooLarge, RequestRefused, UnknownModel,
    │   │   NoSuchAddress, Unauthorized
    ├── CapacityError     the caller can try again later
    │   ├── QueueFull, ModelLoading, ShuttingDown
    └── EngineError       ours to fix
        ├── ModelBroken, OutOfMemory, BackendLost, Unreachable

Each class has a `code` that is the same in the HTTP body, in a child's frame and in the client, and an
HTTP status. `to_wire` and `from_wire` carry an error across processes without losing its numbers.
Stopping early is a finish reason, not an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from inference import reasons


class InferenceError(Exception):
    """A failure with a sentence fit for people. `retry_after_seconds` is None where a retry is useless."""

    code: ClassVar[str] = "server_error"
    kind: ClassVar[str] = "server_error"
    status: ClassVar[int] = 500

    def __init__(self, sentence: str, *, param: str | None = None, retry_after_seconds: float | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.param = param
        self.retry_after_seconds = retry_after_seconds

    def retry_headers(self) -> dict[str, str]:
        """When to come back, as clients read it; nothing where a retry is useless."""
        if self.retry_after_seconds is None:
            return {}
        return {
            "retry-after-ms": str(int(self.retry_after_seconds * 1000)),
            "retry-after": str(max(1, round(self.retry_after_seconds))),
        }

    def to_wire(self) -> dict[str, Any]:
        """The OpenAI error object (without its envelope), plus our own numbers."""
        body: dict[str, Any] = {
            "message": self.sentence,
            "type": self.kind,
            "param": self.param,
            "code": self.code,
        }
        if self.retry_after_seconds is not None:
            body["retry_after_seconds"] = self.retry_after_seconds
        if told := reasons.to_json(self.sentence):
            body["reason"] = told
        return body


class RequestError(InferenceError):
    """The caller can fix it."""

    code = "bad_request"
    kind = "invalid_request_error"
    status = 400


class BadParameter(RequestError):
    """A field is missing, of the wrong type, out of range or not supported. `param` names it."""

    code = "bad_parameter"

    def __init__(self, param: str | None, sentence: str) -> None:
        super().__init__(sentence, param=param)


class ContextTooLong(RequestError):
    """The prompt does not fit. Nothing is ever cut silently."""

    code = "context_length_exceeded"

    def __init__(self, num_prompt_tokens: int, context_length: int) -> None:
        super().__init__(
            f"The prompt has {num_prompt_tokens} tokens, and this model reads at most {context_length}.",
            param="messages",
        )
        self.num_prompt_tokens = num_prompt_tokens
        self.context_length = context_length

    def to_wire(self) -> dict[str, Any]:
        return super().to_wire() | {
            "num_prompt_tokens": self.num_prompt_tokens,
            "context_length": self.context_length,
        }


class BodyTooLarge(RequestError):
    """Refused while it is being read."""

    code = "body_too_large"
    status = 413


class RequestRefused(RequestError):
    """It was well formed, and still the model's process ended each time it was tried."""

    code = "request_refused"


class UnknownModel(RequestError):
    """No file of that name in the models folder, or not of the kind that the request needs."""

    code = "model_not_found"
    kind = "not_found_error"
    status = 404

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, param="model")


class NoSuchAddress(RequestError):
    """Nothing is served under this path, or not by this method."""

    code = "unknown_url"
    kind = "not_found_error"
    status = 404


class Unauthorized(RequestError):
    """The shared secret is missing or wrong."""

    code = "invalid_api_key"
    kind = "authentication_error"
    status = 401


class CapacityError(InferenceError):
    """The caller can try again later."""

    kind = "unavailable_error"
    status = 503


class QueueFull(CapacityError):
    """Too many requests are waiting."""

    code = "queue_full"
    kind = "rate_limit_error"
    status = 429

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__(
            f"Too many requests are waiting. Try again in {max(1, round(retry_after_seconds))} seconds.",
            retry_after_seconds=retry_after_seconds,
        )


class ModelLoading(CapacityError):
    """The model did not become ready in the time we are willing to hold a request."""

    code = "model_loading"

    def __init__(self, sentence: str, retry_after_seconds: float = 5.0) -> None:
        super().__init__(sentence, retry_after_seconds=retry_after_seconds)


class ShuttingDown(CapacityError):
    """The service, or this model, is being stopped: running answers end, new ones are refused."""

    code = "shutting_down"


class EngineError(InferenceError):
    """Ours to fix."""


class ModelBroken(EngineError):
    """The file is damaged, has vanished, or has killed its process too often. Not retried by itself."""

    code = "model_broken"
    status = 503


class OutOfMemory(EngineError):
    """Not enough free memory to load the model."""

    code = "out_of_memory"
    status = 503


class BackendLost(EngineError):
    """The engine went away in the middle and could not be brought back."""

    code = "backend_lost"
    status = 502


class Unreachable(EngineError):
    """Raised by the client alone: nobody answers at the service's address."""

    code = "unreachable"
    status = 503


_SENTENCE_ONLY: tuple[type[InferenceError], ...] = (
    RequestError,
    BodyTooLarge,
    RequestRefused,
    UnknownModel,
    Unauthorized,
    ModelLoading,
    ShuttingDown,
    ModelBroken,
    OutOfMemory,
    BackendLost,
    Unreachable,
)
_BY_CODE = {cls.code: cls for cls in _SENTENCE_ONLY}


def from_wire(body: Mapping[str, Any]) -> InferenceError:
    """The exception behind an error object; an unknown code becomes an EngineError with its sentence."""
    sentence = reasons.from_json(body.get("reason"), str(body.get("message") or "The inference service failed."))
    code = body.get("code")
    retry_after = body.get("retry_after_seconds")
    if code == ContextTooLong.code and "context_length" in body:
        return ContextTooLong(int(body["num_prompt_tokens"]), int(body["context_length"]))
    if code == QueueFull.code:
        return QueueFull(float(retry_after or 1.0))
    if code == BadParameter.code:
        return BadParameter(body.get("param"), sentence)
    error = _BY_CODE.get(str(code), EngineError)(sentence)
    if retry_after is not None:
        error.retry_after_seconds = float(retry_after)
    return error
