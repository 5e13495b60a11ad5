"""The addresses under /v1: whose key, what is asked, may they, and then the inference service's own bytes.

A caller who goes away closes the connection to the service, and the engine drops the answer within one step.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Coroutine
from typing import Any

from asgiref.sync import sync_to_async
from django.db import OperationalError, close_old_connections, connection
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from chat.api import errors, keys, limits, schema, upstream
from chat.errors import HearthError
from chat.models import Employee, ServedModel
from inference.errors import InferenceError

Handler = Callable[..., Coroutine[Any, Any, HttpResponseBase]]


def door(**handlers: Handler) -> Handler:
    """One view out of one handler per method, with the failures of all of them translated.

    No CSRF token is asked for: only the Authorization header counts, and no other site can send that.
    """

    async def dispatch(request: HttpRequest, **arguments: str) -> HttpResponseBase:
        started = time.monotonic()
        response: HttpResponseBase
        try:
            handler = handlers.get(request.method or "")
            if handler is None:
                raise errors.WrongMethod(sorted(handlers))
            response = await handler(request, **arguments)
        except (errors.ApiError, HearthError, InferenceError, OperationalError) as error:
            response = errors.translate(error)
        response["OpenAI-Processing-Ms"] = str(round((time.monotonic() - started) * 1000))
        return response

    dispatch.methods = frozenset(handlers)  # type: ignore[attr-defined]  # read by the rights test
    return csrf_exempt(dispatch)


async def list_models(request: HttpRequest) -> HttpResponse:
    found = await in_thread(_enabled_models, keys.bearer(request))
    return JsonResponse({"object": "list", "data": [_described(each) for each in found]})


async def show_model(request: HttpRequest, name: str) -> HttpResponse:
    for each in await in_thread(_enabled_models, keys.bearer(request)):
        if each.name == name:
            return JsonResponse(_described(each))
    raise errors.ModelNotFound


async def complete_chat(request: HttpRequest) -> HttpResponseBase:
    return await _answer(request, "/v1/chat/completions")


async def complete_text(request: HttpRequest) -> HttpResponseBase:
    return await _answer(request, "/v1/completions")


async def _answer(request: HttpRequest, path: str) -> HttpResponseBase:
    key = keys.bearer(request)
    employee, body = await in_thread(_admit, key, request.read())
    body |= {
        "priority": "api",
        "fairness_key": f"employee-{employee.pk}",
        "cache_salt": keys.cache_salt(employee),
    }
    if body.get("stream") is not True:
        return await _answer_whole(employee, path, body)
    place = limits.places.take(employee)
    try:
        answer = await upstream.start(path, body)
        stream = upstream.relay(answer, place, lambda: _check_key(key))
    except BaseException:
        place.give_back()  # also when the caller has gone away: then it is a CancelledError
        raise
    await anext(stream)
    response = StreamingHttpResponse(stream, content_type="text/event-stream")
    response["X-Accel-Buffering"] = "no"
    return response


async def embed(request: HttpRequest) -> HttpResponse:
    employee, body = await in_thread(_admit, keys.bearer(request), request.read())
    return await _answer_whole(employee, "/v1/embeddings", body | {"priority": "api"})


async def rerank(request: HttpRequest) -> HttpResponse:
    employee, body = await in_thread(_admit, keys.bearer(request), request.read())
    return await _answer_whole(employee, "/v1/rerank", body | {"priority": "api"})


async def say_unknown(request: HttpRequest, rest: str) -> HttpResponse:
    raise errors.ApiError(404, "unknown_url", "There is nothing at this address.")


models = door(GET=list_models)
model = door(GET=show_model)
chat_completions = door(POST=complete_chat)
completions = door(POST=complete_text)
embeddings = door(POST=embed)
reranking = door(POST=rerank)
unknown = door(GET=say_unknown, POST=say_unknown)


async def in_thread(work: Callable[..., Any], *arguments: Any) -> Any:
    """Run what asks the database, and give its connection back: an answer may take minutes, the pool has ten."""

    def run() -> Any:
        try:
            return work(*arguments)
        finally:
            if not connection.in_atomic_block:
                close_old_connections()

    return await sync_to_async(run)()


async def _answer_whole(employee: Employee, path: str, body: dict[str, Any]) -> HttpResponse:
    place = limits.places.take(employee)
    try:
        content = await upstream.whole(await upstream.start(path, body))
    finally:
        place.give_back()
    return HttpResponse(content, content_type="application/json")


def _admit(key: str, content: bytes) -> tuple[Employee, dict[str, Any]]:
    """Who asks for what, once it is known that they may."""
    employee = _known_caller(key)
    body = schema.read(content)
    if not ServedModel.objects.for_employee(employee).filter(name=body["model"]).exists():
        raise errors.ModelNotFound
    if not employee.is_admin:
        body.pop("keep_alive", None)  # how long a model stays in memory concerns everybody
    return employee, body


def _enabled_models(key: str) -> list[ServedModel]:
    return list(ServedModel.objects.for_employee(_known_caller(key)))


def _known_caller(key: str) -> Employee:
    employee = keys.owner_of(key)
    limits.take_turn(employee)
    return employee


async def _check_key(key: str) -> None:
    """Raises NoKey when it was revoked or its owner deactivated. PostgreSQL may be away for a moment."""
    with contextlib.suppress(OperationalError):
        await in_thread(keys.owner_of, key)


def _described(each: ServedModel) -> dict[str, Any]:
    return {
        "id": each.name,
        "object": "model",
        "created": int(each.created_at.timestamp()),
        "owned_by": "hearth",
        "root": each.name,
        "max_model_len": each.context_length,
    }
