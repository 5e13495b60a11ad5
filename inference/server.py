"""HTTP on loopback: the OpenAI protocol over the pool, behind one shared secret.

Keys, people and rights are the web process's business; here is one caller, and it knows the secret.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import secrets
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from inference import errors, fields, parameters, reranking, text_parameters
from inference.chat_answers import ChatAnswer
from inference.completions import CompletionAnswer
from inference.config import ServiceConfig
from inference.jobs import AnswerStream
from inference.metrics import Metrics
from inference.parameters import ChatJob, CompletionJob
from inference.pool import Pool
from inference.vectors import as_base64, as_floats, shortened

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
            route("/v1/embeddings", _embeddings),
            route("/v1/rerank", _rerank),
            route("/tokenize", _tokenize),
            route("/detokenize", _detokenize),
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


async def _health(_request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _metrics(service: Service, _request: Request) -> Response:
    text = service.metrics.render(service.pool.served)
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


async def _models(service: Service, request: Request) -> Response:
    models = await asyncio.to_thread(service.pool.models)
    return _json(request, {"object": "list", "data": [model.to_json() for model in models]})


async def _model(service: Service, request: Request) -> Response:
    name = request.path_params["model"]
    for model in await asyncio.to_thread(service.pool.models):
        if model.id == name:
            return _json(request, model.to_json())
    raise errors.UnknownModel(f"There is no model {name[:128]!r} here.")


async def _load(service: Service, request: Request) -> Response:
    try:
        async with asyncio.timeout(service.config.load_timeout_seconds):
            await service.pool.load(request.path_params["model"])
    except TimeoutError:
        raise errors.ModelLoading("The model is still being loaded.") from None
    return _json(request, {"state": "loaded"})


async def _unload(service: Service, request: Request) -> Response:
    await service.pool.unload(request.path_params["model"])
    return _json(request, {"state": "unloaded"})


async def _lift(service: Service, request: Request) -> Response:
    """A model that was put off for killing its process may be tried again."""
    return _json(request, {"state": service.pool.lift(request.path_params["model"])})


async def _chat(service: Service, request: Request) -> ASGIApp:
    job = parameters.chat_job(await _body(service, request))
    style = service.pool.answer_style(job.model, job.tools)
    streams = await _begun(service, request, job, parameters.choice_bodies(job))
    return ChatAnswer(job, streams, style, service.metrics, request.state.id)


async def _completions(service: Service, request: Request) -> ASGIApp:
    job = parameters.completion_job(await _body(service, request))
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
                await _unless_gone(request, asyncio.gather(*(stream.accepted() for stream in streams)))
    except BaseException as error:
        for stream in streams:
            stream.close()
        if isinstance(error, TimeoutError):
            raise errors.ModelLoading("The model is still being loaded.") from None
        raise
    return streams


async def _embeddings(service: Service, request: Request) -> Response:
    job = text_parameters.embedding_job(await _body(service, request))
    body = {"input": job.inputs, "priority": job.priority}
    vectors, num_tokens = await _unless_gone(request, service.pool.call(job.model, "embed", body, job.keep_alive))
    dimensions = len(vectors[0]) // 4
    if job.dimensions is not None:
        if job.dimensions > dimensions:
            raise errors.BadParameter("dimensions", f"This model's vectors have {dimensions} dimensions.")
        vectors = [shortened(vector, job.dimensions) for vector in vectors]
    service.metrics.embedded(job.model, num_tokens)
    encode = as_base64 if job.as_base64 else as_floats
    rows = [{"object": "embedding", "index": i, "embedding": encode(v)} for i, v in enumerate(vectors)]
    usage = {"prompt_tokens": num_tokens, "total_tokens": num_tokens}
    return _json(request, {"object": "list", "model": job.model, "data": rows, "usage": usage})


async def _rerank(service: Service, request: Request) -> Response:
    job = text_parameters.rerank_job(await _body(service, request))
    body = {"query": job.query, "documents": job.documents, "priority": job.priority}
    vectors, num_tokens = await _unless_gone(request, service.pool.call(job.model, "rerank", body, job.keep_alive))
    service.metrics.reranked(job.model, len(vectors), num_tokens)
    scores = reranking.scores(vectors)
    best = sorted(range(len(scores)), key=lambda place: (-scores[place], place))[: job.top_n]
    rows: list[dict[str, Any]] = [{"index": place, "relevance_score": scores[place]} for place in best]
    if job.return_documents:
        rows = [row | {"document": {"text": job.documents[row["index"]]}} for row in rows]
    usage = {"prompt_tokens": num_tokens, "total_tokens": num_tokens}
    return _json(request, {"object": "list", "model": job.model, "results": rows, "usage": usage})


async def _tokenize(service: Service, request: Request) -> Response:
    model, body = text_parameters.tokenize_job(await _body(service, request))
    (found,) = await _unless_gone(request, service.pool.call(model, "tokenize", body))
    if "content" in body:
        length = service.pool.context_length(model)
        return _json(request, {"tokens": found, "count": len(found), "max_model_len": length})
    counts = found
    if "messages" in body:
        return _json(request, {"count": counts[0], "context_length": service.pool.context_length(model)})
    return _json(request, {"counts": counts})


async def _detokenize(service: Service, request: Request) -> Response:
    """llama-server's name for the text, and vLLM's."""
    model, body = text_parameters.detokenize_job(await _body(service, request))
    (text,) = await _unless_gone(request, service.pool.call(model, "detokenize", body))
    return _json(request, {"content": text, "prompt": text})


async def _body(service: Service, request: Request) -> dict[str, Any]:
    """The JSON body, refused as soon as it is larger than allowed."""
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > service.config.body_max_bytes:
            raise errors.BodyTooLarge(f"The request is larger than {service.config.body_max_bytes:,} bytes.")
    return fields.parse(bytes(data))


async def _unless_gone(request: Request, work: Awaitable[Any]) -> Any:
    """The work's result; given up when the caller hangs up, so that nothing is computed for nobody."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnect(request))
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise errors.RequestError("The caller went away.")
        return task.result()
    finally:
        task.cancel()
        gone.cancel()


async def _disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _json(request: Request, body: dict[str, Any]) -> Response:
    data = json.dumps(body, ensure_ascii=False)
    headers = {"x-request-id": request.state.id}
    return Response(data, media_type="application/json", headers=headers)
