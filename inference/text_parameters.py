"""Check requests about texts alone: embeddings, reranking, counting and spelling out tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inference.durations import keep_alive
from inference.fields import (
    MAX_COUNT,
    bad,
    flag,
    is_text,
    is_token,
    model_name,
    priority_of,
    refuse_unknown,
    texts_or_tokens,
    whole,
)
from inference.messages import checked_messages

MAX_COUNTED_CHARS = 4 * 1024 * 1024
MAX_INPUTS = 2048
MAX_SPELT_TOKENS = 1 << 20
_SPELT = {"content", "prompt", "add_special", "add_special_tokens", "parse_special"}


@dataclass(frozen=True, slots=True)
class EmbeddingJob:
    """A checked embedding request: texts, or lists of tokens."""

    model: str
    inputs: list[str] | list[list[int]]
    as_base64: bool
    dimensions: int | None
    priority: str
    keep_alive: float | None = None


@dataclass(frozen=True, slots=True)
class RerankJob:
    """A checked reranking request."""

    model: str
    query: str
    documents: list[str]
    top_n: int
    return_documents: bool
    priority: str
    keep_alive: float | None = None


def embedding_job(body: Mapping[str, Any]) -> EmbeddingJob:
    refuse_unknown(body, {"model", "input", "encoding_format", "dimensions", "user", "priority", "keep_alive"})
    encoding = body.get("encoding_format") or "float"
    if encoding not in ("float", "base64"):
        bad("encoding_format", "encoding_format must be float or base64.")
    return EmbeddingJob(
        model=model_name(body),
        inputs=_inputs(body),
        as_base64=encoding == "base64",
        dimensions=whole(body, "dimensions", None, 1, 1 << 20),
        priority=priority_of(body, "api"),
        keep_alive=keep_alive(body.get("keep_alive")),
    )


def rerank_job(body: Mapping[str, Any]) -> RerankJob:
    refuse_unknown(body, {"model", "query", "documents", "top_n", "return_documents", "user", "priority", "keep_alive"})
    query = body.get("query")
    if not is_text(query) or not query:
        bad("query", "query must be a text.")
    documents = body.get("documents")
    if not isinstance(documents, list) or not 1 <= len(documents) <= MAX_INPUTS:
        bad("documents", f"documents must be a list of 1 to {MAX_INPUTS} texts.")
    return RerankJob(
        model=model_name(body),
        query=query,
        documents=[_document(each) for each in documents],
        top_n=whole(body, "top_n", len(documents), 1, MAX_COUNT) or len(documents),
        return_documents=flag(body, "return_documents"),
        priority=priority_of(body, "api"),
        keep_alive=keep_alive(body.get("keep_alive")),
    )


def _document(value: Any) -> str:
    if isinstance(value, dict) and set(value) == {"text"}:
        value = value["text"]
    if not is_text(value):
        bad("documents", 'Each document must be a text, or {"text": …}.')
    return str(value)


def tokenize_job(body: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """(model, what the child gets): texts to count one by one, messages to count as a prompt, or one text whose tokens
    are wanted, under the name that llama-server (content) or vLLM (prompt) has for it."""
    known = {"model", "input", "messages", "continue_final_message"} | _SPELT
    refuse_unknown(body, known)
    given = [name for name in ("input", "messages", "content", "prompt") if name in body]
    if len(given) != 1:
        bad("input", "One of input, messages, content and prompt must be given.")
    if "messages" in body:
        continue_final = flag(body, "continue_final_message")
        return model_name(body), {"messages": checked_messages(body["messages"]), "continue_final": continue_final}
    if given[0] in ("content", "prompt"):
        return model_name(body), _spelt(body, given[0])
    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    if not isinstance(texts, list) or not all(is_text(text) for text in texts):
        bad("input", "input must be a list of texts.")
    if sum(map(len, texts)) > MAX_COUNTED_CHARS:
        bad("input", f"At most {MAX_COUNTED_CHARS:,} characters are counted at once.")
    return model_name(body), {"input": texts}


def _spelt(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = body[name]
    if not is_text(value) or len(value) > MAX_COUNTED_CHARS:
        bad(name, f"{name} must be a text of at most {MAX_COUNTED_CHARS:,} characters.")
    if flag(body, "parse_special"):
        bad("parse_special", "A text never becomes control tokens here.")
    # What each of the two does when nothing is said.
    default = name == "prompt"
    wishes = [flag(body, each) for each in ("add_special", "add_special_tokens") if body.get(each) is not None]
    return {"content": value, "add_special": wishes[0] if wishes else default}


def detokenize_job(body: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """(model, what the child gets): the numbers of tokens whose text is wanted."""
    refuse_unknown(body, {"model", "tokens"})
    tokens = body.get("tokens")
    if not isinstance(tokens, list) or len(tokens) > MAX_SPELT_TOKENS or not all(is_token(token) for token in tokens):
        bad("tokens", f"tokens must be a list of at most {MAX_SPELT_TOKENS:,} numbers of tokens.")
    return model_name(body), {"tokens": tokens}


def _inputs(body: Mapping[str, Any]) -> list[str] | list[list[int]]:
    inputs = texts_or_tokens(body, "input", MAX_INPUTS)
    if isinstance(inputs[0], str) and not all(inputs):
        bad("input", "An empty text has no vector.")
    return inputs
