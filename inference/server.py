"""HTTP on loopback: the OpenAI protocol over the pool, behind one shared secret.

Keys, people and rights are the web process's business; here is one caller, and it knows the secret.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import secrets
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from inference import errors, parameters, text_routes
from inference.chat_answers import ChatAnswer
from inference.completions import CompletionAnswer
from inference.config import ServiceConfig
from inference.exchange import as_json, body_of, unless_gone
from inference.jobs import AnswerStream
from inference.metrics import Metrics
from inference.parameters import ChatJob, CompletionJob
from inference.pool import Pool

log = logging.getLogger(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
Handler = Callable[["Service", Request], Awaitable[ASGIApp]]


class Service:
    """What the routes share."""

    def __init__(self, config: ServiceConfig) -> None:
        self.config = config
        self.metrics = Metrics()
        self.pool: Pool  # made when the application starts: it belongs to the running loop

    @contextlib.asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        self.pool = Pool(self.config)
        self.pool.start()
        try:
            yield
        finally:
            await self.pool.close()


def make_app(config: ServiceConfig) -> Starlette:
    service = Service(config)

    def route(path: str, handler: Handler, method: str = "POST") -> Route:
        return Route(path, _Endpoint(service, handler), methods=[method])

    app = Starlette(
        lifespan=service.lifespan,
        exception_handlers={HTTPException: _nothing_there, Exception: _our_fault},
        routes=[
            Route("/health", _health, methods=["GET"]),
            route("/metrics", _metrics, "GET"),
            route("/v1/models", _models, "GET"),
            route("/v1/models/{model}", _model, "GET"),
            route("/v1/models/{model}/load", _load),
            route("/v1/models/{model}/unload", _unload),
            route("/v1/models/{model}/lift", _lift),
            route("/v1/chat/completions", _chat),
            route("/v1/completions", _completions),
            route("/v1/embeddings", text_routes.embeddings),
            route("/v1/rerank", text_routes.rerank),
            route("/tokenize", text_routes.tokenize),
            route("/detokenize", text_routes.detokenize),
        ],
    )
    app.state.service = service
    return app


class _Endpoint:
    """Around every route but /health: the secret, a request id, and the one translation of errors."""

    def __init__(self, service: Service, handler: Handler) -> None:
        self._service = service
        self._handler = handler

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        given_id = request.headers.get("x-request-id", "")
        request.state.id = given_id if _REQUEST_ID.fullmatch(given_id) else uuid.uuid4().hex
        try:
            self._check_secret(request)
            response = await self._handler(self._service, request)
        except errors.InferenceError as error:
            response = self._refusal(request, error)
        await response(scope, receive, send)

    def _check_secret(self, request: Request) -> None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        wanted = self._service.config.secret.encode()
        if scheme.lower() != "bearer" or not secrets.compare_digest(given.strip().encode(), wanted):
            raise errors.Unauthorized("The secret of the inference service is missing or wrong.")

    def _refusal(self, request: Request, error: errors.InferenceError) -> Response:
        self._service.metrics.failed(error.code)
        fields = {"request_id": request.state.id, "status": error.status, "reason": error.code}
        log.info("refused", extra=fields)
        headers = {"x-request-id": request.state.id} | error.retry_headers()
        return JSONResponse({"error": error.to_wire()}, status_code=error.status, headers=headers)


async def _nothing_there(request: Request, error: Exception) -> Response:
    """No such path or method: in the shape that clients read all errors in."""
    status, headers = (error.status_code, error.headers) if isinstance(error, HTTPException) else (404, None)
    refused = errors.NoSuchAddress(f"{request.method} is not served here." if status == 405 else "Nothing is here.")
    return JSONResponse({"error": refused.to_wire()}, status_code=status, headers=headers)


async def _our_fault(_request: Request, _error: Exception) -> Response:
    """Starlette logs it and goes on; nothing of it is told."""
    return JSONResponse({"error": errors.EngineError("The request failed here.").to_wire()}, status_code=500)


async def _health(_request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _metrics(service: Service, _request: Request) -> Response:
    text = service.metrics.render(service.pool.served)
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


async def _models(service: Service, request: Request) -> Response:
    models = await asyncio.to_thread(service.pool.models)
    return as_json(request, {"object": "list", "data": [model.to_json() for model in models]})


async def _model(service: Service, request: Request) -> Response:
    name = request.path_params["model"]
    for model in await asyncio.to_thread(service.pool.models):
        if model.id == name:
            return as_json(request, model.to_json())
    raise errors.UnknownModel(f"There is no model {name[:128]!r} here.")


async def _load(service: Service, request: Request) -> Response:
    try:
        async with asyncio.timeout(service.config.load_timeout_seconds):
            await service.pool.load(request.path_params["model"])
    except TimeoutError:
        raise errors.ModelLoading("The model is still being loaded.") from None
    return as_json(request, {"state": "loaded"})


async def _unload(service: Service, request: Request) -> Response:
    await service.pool.unload(request.path_params["model"])
    return as_json(request, {"state": "unloaded"})


async def _lift(service: Service, request: Request) -> Response:
    """A model that was put off for killing its process may be tried again."""
    return as_json(request, {"state": service.pool.lift(request.path_params["model"])})


async def _chat(service: Service, request: Request) -> ASGIApp:
    job = parameters.chat_job(await body_of(request, service.config.body_max_bytes))
    style = service.pool.answer_style(job.model, job.tools)
    streams = await _begun(service, request, job, parameters.choice_bodies(job))
    return ChatAnswer(job, streams, style, service.metrics, request.state.id)


async def _completions(service: Service, request: Request) -> ASGIApp:
    job = parameters.completion_job(await body_of(request, service.config.body_max_bytes))
    streams = await _begun(service, request, job, job.bodies)
    return CompletionAnswer(job, streams, service.metrics, request.state.id)


async def _begun(
    service: Service, request: Request, job: ChatJob | CompletionJob, bodies: Sequence[dict[str, Any]]
) -> list[AnswerStream]:
    """Until the first sign of life an error still becomes a status, not an event in a stream."""
    streams = [service.pool.answer(job.model, body, job.keep_alive) for body in bodies]
    try:
        async with asyncio.timeout(service.config.load_timeout_seconds):
            if job.stream:
                await unless_gone(request, asyncio.gather(*(stream.accepted() for stream in streams)))
    except BaseException as error:
        for stream in streams:
            stream.close()
        if isinstance(error, TimeoutError):
            raise errors.ModelLoading("The model is still being loaded.") from None
        raise
    return streams
