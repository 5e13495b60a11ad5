"""Every failure at this door becomes a status and OpenAI's error body here, and nowhere else.

What the caller can fix is said in full. What only we can fix is said without addresses, paths or internals; the
log has them, under the request id that the caller sees.
"""

from __future__ import annotations

import json
import logging
import math
from typing import Any

from django.db import OperationalError
from django.http import HttpResponse, JsonResponse

from chat.errors import HearthError
from inference import errors as inference_errors

log = logging.getLogger(__name__)

KINDS = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}


class ApiError(Exception):
    """A refusal of our own. `param` names the field that is to blame."""

    def __init__(self, status: int, code: str, sentence: str, param: str | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code
        self.sentence = sentence
        self.param = param
        self.retry_after_seconds: float | None = None


class NoKey(ApiError):
    """The same answer for no key, a wrong one, and one whose owner may no longer work here."""

    def __init__(self) -> None:
        super().__init__(401, "invalid_api_key", "Send a valid API key as “Authorization: Bearer hearth_…”.")


class BadField(ApiError):
    def __init__(self, param: str | None, sentence: str, code: str = "bad_parameter") -> None:
        super().__init__(400, code, sentence, param)


class ModelNotFound(ApiError):
    """The same answer for a model that is unknown, disabled, or gone from the folder."""

    def __init__(self) -> None:
        super().__init__(404, "model_not_found", "There is no model of this name, or it is not enabled.", "model")


class WrongMethod(ApiError):
    def __init__(self, allowed: list[str]) -> None:
        super().__init__(405, "method_not_allowed", f"This address takes {' and '.join(allowed)} only.")
        self.allowed = allowed


class TooManyAtOnce(ApiError):
    def __init__(self, max_running: int) -> None:
        sentence = f"At most {max_running} requests of one employee run at a time. Wait for one of them to end."
        super().__init__(429, "too_many_running", sentence)
        self.retry_after_seconds = 1.0


Failure = ApiError | HearthError | inference_errors.InferenceError | OperationalError


def translate(error: Failure) -> HttpResponse:
    """The whole HTTP answer to a failure."""
    known = _of_ours(error)
    body = _body(known)
    if isinstance(error, inference_errors.ContextTooLong):
        body |= {"num_prompt_tokens": error.num_prompt_tokens, "context_length": error.context_length}
    response = JsonResponse({"error": body}, status=known.status)
    if known.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    if isinstance(error, WrongMethod):
        response["Allow"] = ", ".join(error.allowed)
    if known.retry_after_seconds is not None:
        response["Retry-After"] = str(max(1, math.ceil(known.retry_after_seconds)))
        response["Retry-After-Ms"] = str(max(1, math.ceil(known.retry_after_seconds * 1000)))
    return response


def event(error: Failure) -> bytes:
    """The same for a stream that has begun: its status is sent, so the error is its last event."""
    return b"data: " + json.dumps({"error": _body(_of_ours(error))}).encode() + b"\n\n"


def _body(known: ApiError) -> dict[str, Any]:
    kind = KINDS.get(known.status) or ("invalid_request_error" if known.status < 500 else "server_error")
    return {"message": known.sentence, "type": kind, "param": known.param, "code": known.code}


def _of_ours(error: Failure) -> ApiError:
    """What the caller is told of somebody else's failure."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, HearthError):
        told = ApiError(error.status, error.code, error.sentence)
        told.retry_after_seconds = error.retry_after_seconds
        return told
    if isinstance(error, OperationalError):
        log.error("The database does not answer", exc_info=error)
        told = ApiError(503, "unavailable", "Hearth is not available at the moment. Try again shortly.")
        told.retry_after_seconds = 5.0
        return told
    return _of_inference(error)


def _of_inference(error: inference_errors.InferenceError) -> ApiError:
    if isinstance(error, inference_errors.UnknownModel):
        return ModelNotFound()
    told = ApiError(error.status, error.code, error.sentence, error.param)
    told.retry_after_seconds = error.retry_after_seconds
    # Unauthorized is between us and the service: the caller's key was good.
    if isinstance(error, inference_errors.EngineError | inference_errors.Unauthorized):
        log.error("The inference service failed: %s: %s", type(error).__name__, error.sentence)
        told.status, told.code = _OUR_FAULT.get(type(error), (500, "server_error"))
        told.sentence = "The model cannot answer at the moment. Try again shortly."
        told.param = None
        if told.status == 503 and told.retry_after_seconds is None:
            told.retry_after_seconds = 5.0
    return told


_OUR_FAULT: dict[type[inference_errors.InferenceError], tuple[int, str]] = {
    inference_errors.Unreachable: (503, "unreachable"),
    inference_errors.ModelBroken: (503, "model_broken"),
    inference_errors.OutOfMemory: (503, "out_of_memory"),
    inference_errors.BackendLost: (500, "backend_lost"),
}
