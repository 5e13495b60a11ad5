"""Routes about texts alone: embeddings, reranking, tokens."""

from __future__ import annotations

from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response

from inference import errors, reranking, text_parameters
from inference.config import ServiceConfig
from inference.exchange import as_json, body_of, unless_gone
from inference.metrics import Metrics
from inference.pool import Pool
from inference.vectors import as_base64, as_floats, shortened


class Service(Protocol):
    """What `server` shares between routes."""

    config: ServiceConfig
    metrics: Metrics
    pool: Pool


async def embeddings(service: Service, request: Request) -> Response:
    job = text_parameters.embedding_job(await body_of(request, service.config.body_max_bytes))
    body = {"input": job.inputs, "priority": job.priority}
    vectors, num_tokens = await unless_gone(request, service.pool.call(job.model, "embed", body, job.keep_alive))
    dimensions = len(vectors[0]) // 4
    if job.dimensions is not None:
        if job.dimensions > dimensions:
            raise errors.BadParameter("dimensions", f"This model's vectors have {dimensions} dimensions.")
        vectors = [shortened(vector, job.dimensions) for vector in vectors]
    service.metrics.embedded(job.model, num_tokens)
    encode = as_base64 if job.as_base64 else as_floats
    rows = [{"object": "embedding", "index": i, "embedding": encode(v)} for i, v in enumerate(vectors)]
    usage = {"prompt_tokens": num_tokens, "total_tokens": num_tokens}
    return as_json(request, {"object": "list", "model": job.model, "data": rows, "usage": usage})


async def rerank(service: Service, request: Request) -> Response:
    job = text_parameters.rerank_job(await body_of(request, service.config.body_max_bytes))
    body = {"query": job.query, "documents": job.documents, "priority": job.priority}
    vectors, num_tokens = await unless_gone(request, service.pool.call(job.model, "rerank", body, job.keep_alive))
    service.metrics.reranked(job.model, len(vectors), num_tokens)
    scores = reranking.scores(vectors)
    best = sorted(range(len(scores)), key=lambda place: (-scores[place], place))[: job.top_n]
    rows: list[dict[str, Any]] = [{"index": place, "relevance_score": scores[place]} for place in best]
    if job.return_documents:
        rows = [row | {"document": {"text": job.documents[row["index"]]}} for row in rows]
    usage = {"prompt_tokens": num_tokens, "total_tokens": num_tokens}
    return as_json(request, {"object": "list", "model": job.model, "results": rows, "usage": usage})


async def tokenize(service: Service, request: Request) -> Response:
    model, body = text_parameters.tokenize_job(await body_of(request, service.config.body_max_bytes))
    (found,) = await unless_gone(request, service.pool.call(model, "tokenize", body))
    if "content" in body:
        length = service.pool.context_length(model)
        return as_json(request, {"tokens": found, "count": len(found), "max_model_len": length})
    counts = found
    if "messages" in body:
        return as_json(request, {"count": counts[0], "context_length": service.pool.context_length(model)})
    return as_json(request, {"counts": counts})


async def detokenize(service: Service, request: Request) -> Response:
    """llama-server's name for the text, and vLLM's."""
    model, body = text_parameters.detokenize_job(await body_of(request, service.config.body_max_bytes))
    (text,) = await unless_gone(request, service.pool.call(model, "detokenize", body))
    return as_json(request, {"content": text, "prompt": text})
