"""Check what strangers send, before it reaches a queue. Every refusal is a BadParameter that names the field.

Fields of OpenAI's protocol that change nothing here are accepted and ignored; fields that nobody knows are refused,
because a misspelt one silently ignored is worse.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inference.durations import keep_alive
from inference.fields import MAX_COUNT, bad, flag, in_range, is_text, is_token, number, refuse_unknown, text, whole
from inference.messages import MAX_MESSAGES, checked_messages
from inference.request import PRIORITIES, SamplingParams
from inference.tools import answer_form, checked_tools

MAX_COUNTED_CHARS = 4 * 1024 * 1024
MAX_STOPS, MAX_STOP_CHARS = 16, 1024
MAX_CHOICES = 8
MAX_BIASES = 1024
MAX_INPUTS = 2048
MAX_LOGPROBS = 20
MAX_TEMPLATE_VALUES = 16
MAX_PROMPTS, MAX_COMPLETIONS = 64, 64
DEFAULT_COMPLETION_TOKENS = 16  # OpenAI's
_TEMPLATE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_TEMPLATE_WORD = re.compile(r"[A-Za-z0-9 .,_-]{0,64}")
_TEMPLATE_OWN = {
    "messages", "tools", "add_generation_prompt", "bos_token", "eos_token", "raise_exception", "strftime_now", "range",
    "dict", "lipsum", "cycler", "joiner", "namespace", "documents",
}  # fmt: skip

_IGNORED = {
    "store", "metadata", "user", "service_tier", "prediction", "modalities", "verbosity", "safety_identifier",
    "prompt_cache_key", "prompt_cache_retention", "prompt_cache_options", "timings_per_token",
    "moderation",
}  # fmt: skip
_LATER = {
    "functions": "functions were replaced by tools.",
    "function_call": "function_call was replaced by tool_choice.",
    "audio": "Audio is not supported.",
    "web_search_options": "Searching the web is not supported.",
    "grammar": "Grammars come from response_format only.",
}
_SAMPLING = {
    "temperature", "top_p", "top_k", "min_p", "typical_p", "repeat_penalty", "repetition_penalty", "presence_penalty",
    "frequency_penalty", "logit_bias", "seed", "stop", "ignore_eos",
}  # fmt: skip
_SHAPE = {"model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens", "n"}
_ROUTING = {"cache_salt", "priority", "fairness_key", "return_progress", "keep_alive"}
_EXTRAS = {"num_public_messages", "continue_final_message", "add_generation_prompt"} | _ROUTING
_FORM = {"response_format", "logprobs", "top_logprobs", "tools", "tool_choice", "parallel_tool_calls"}
_TEMPLATE = {"chat_template_kwargs", "enable_thinking", "reasoning_effort"}
_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh")


@dataclass(frozen=True, slots=True)
class ChatJob:
    """A checked chat request. `body` is what the child gets."""

    model: str
    stream: bool
    include_usage: bool
    num_choices: int
    body: dict[str, Any]
    keep_alive: float | None = None

    @property
    def tools(self) -> list[dict[str, Any]]:
        tools: list[dict[str, Any]] = self.body["tools"]
        return tools

    @property
    def is_parallel(self) -> bool:
        return bool(self.body["form"]["parallel"])

    @property
    def wants_logprobs(self) -> bool:
        return self.body["params"]["num_logprobs"] is not None


@dataclass(frozen=True, slots=True)
class CompletionJob:
    """A checked request to go on from texts. `bodies` has one for each choice, those of a prompt side by side."""

    model: str
    stream: bool
    include_usage: bool
    num_choices: int  # of each prompt
    prompts: list[str] | list[list[int]]
    echo: bool
    bodies: list[dict[str, Any]]
    keep_alive: float | None = None


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


def chat_job(body: Mapping[str, Any]) -> ChatJob:
    refuse_unknown(body, _SHAPE | _SAMPLING | _EXTRAS | _FORM | _TEMPLATE | _IGNORED | set(_LATER))
    _refuse_later(body)
    stream = flag(body, "stream")
    continue_final = flag(body, "continue_final_message")
    messages = checked_messages(body.get("messages"))
    if continue_final and messages[-1]["role"] != "assistant":
        bad("continue_final_message", "The last message must be the assistant's to go on from it.")
    if body.get("add_generation_prompt") is False and not continue_final:
        bad("add_generation_prompt", "Only continue_final_message goes without the beginning of an answer.")
    if continue_final and flag(body, "add_generation_prompt"):
        bad("add_generation_prompt", "An answer that goes on has its beginning already.")
    tools = checked_tools(body)
    form = answer_form(body, tools)
    options = _stream_options(body)
    return ChatJob(
        model=_model(body),
        stream=stream,
        include_usage=bool(options.get("include_usage")),
        num_choices=whole(body, "n", 1, 1, MAX_CHOICES) or 1,
        body={
            "messages": messages,
            "continue_final": continue_final,
            "max_tokens": _max_tokens(body),
            "params": _sampling(body, _num_logprobs(body)).to_wire(),
            "tools": tools,
            "form": form.to_wire(),
            "template": _template_values(body),
            "priority": _priority(body, "api"),
            "fairness_key": text(body, "fairness_key", 256),
            "cache_salt": text(body, "cache_salt", 256),
            "num_public_messages": whole(body, "num_public_messages", 0, 0, MAX_MESSAGES),
            "wants_progress": flag(body, "return_progress") and stream,
        },
        keep_alive=keep_alive(body.get("keep_alive")),
    )


def completion_job(body: Mapping[str, Any]) -> CompletionJob:
    known = {"model", "prompt", "stream", "stream_options", "max_tokens", "n", "best_of", "echo", "logprobs", "suffix"}
    refuse_unknown(body, known | _SAMPLING | _ROUTING | _IGNORED)
    if text(body, "suffix", MAX_COUNTED_CHARS):
        bad("suffix", "Filling a gap before a suffix is not supported.")
    num_choices = whole(body, "n", 1, 1, MAX_CHOICES) or 1
    if whole(body, "best_of", num_choices, 1, MAX_CHOICES) != num_choices:
        bad("best_of", "best_of must be the same as n: answers are not ranked.")
    num_logprobs, echo = whole(body, "logprobs", None, 0, MAX_LOGPROBS), flag(body, "echo")
    prompts = _texts_or_tokens(body, "prompt", MAX_PROMPTS)
    if echo and (num_logprobs is not None or not isinstance(prompts[0], str)):
        bad("echo", "echo repeats prompts that are texts, without logprobs of their tokens.")
    stream = flag(body, "stream")
    shared = {
        "max_tokens": _max_tokens(body) or DEFAULT_COMPLETION_TOKENS,
        "params": _sampling(body, num_logprobs).to_wire(),
        "priority": _priority(body, "api"),
        "fairness_key": text(body, "fairness_key", 256),
        "cache_salt": text(body, "cache_salt", 256),
        "wants_progress": flag(body, "return_progress") and stream,
    }
    bodies = [each for prompt in prompts for each in _seeded(shared | {"prompt": prompt}, num_choices)]
    if len(bodies) > MAX_COMPLETIONS:
        bad("prompt", f"At most {MAX_COMPLETIONS} answers are written at once.")
    return CompletionJob(
        model=_model(body),
        stream=stream,
        include_usage=bool(_stream_options(body).get("include_usage")),
        num_choices=num_choices,
        prompts=prompts,
        echo=echo,
        bodies=bodies,
        keep_alive=keep_alive(body.get("keep_alive")),
    )


def _stream_options(body: Mapping[str, Any]) -> Mapping[str, Any]:
    options = body.get("stream_options") or {}
    if not isinstance(options, dict):
        bad("stream_options", "stream_options must be an object.")
    for name in options:
        if name not in ("include_usage", "include_obfuscation", "continuous_usage_stats"):
            bad(f"stream_options.{name[:64]}", f"There is no stream option {name[:64]!r}.")
    flag(options, "include_usage")
    return options


def _template_values(body: Mapping[str, Any]) -> dict[str, Any]:
    """What the template is told besides messages and tools: flags and short words, never anything it could run."""
    given = body.get("chat_template_kwargs") or {}
    if not isinstance(given, dict) or len(given) > MAX_TEMPLATE_VALUES:
        bad("chat_template_kwargs", f"chat_template_kwargs must be an object of at most {MAX_TEMPLATE_VALUES} values.")
    values: dict[str, Any] = {}
    for name, value in given.items():
        # The template's output becomes control tokens, so no value may be able to spell one.
        is_word = isinstance(value, str) and _TEMPLATE_WORD.fullmatch(value)
        is_number = isinstance(value, int | float) and -MAX_COUNT <= value <= MAX_COUNT
        if not _TEMPLATE_NAME.fullmatch(name) or name in _TEMPLATE_OWN or not (value is None or is_number or is_word):
            bad("chat_template_kwargs", "chat_template_kwargs may hold flags, numbers and short words, by plain names.")
        values[name] = value
    effort = body.get("reasoning_effort")
    if effort is not None:
        if effort not in _EFFORTS:
            bad("reasoning_effort", f"reasoning_effort must be one of {', '.join(_EFFORTS)}.")
        values.setdefault("enable_thinking", effort != "none")
        values.setdefault("thinking", effort != "none")
        if effort != "none":
            values.setdefault("reasoning_effort", {"minimal": "low", "xhigh": "high"}.get(effort, effort))
    if body.get("enable_thinking") is not None:
        values["enable_thinking"] = values["thinking"] = flag(body, "enable_thinking")
    return values


def embedding_job(body: Mapping[str, Any]) -> EmbeddingJob:
    refuse_unknown(body, {"model", "input", "encoding_format", "dimensions", "user", "priority", "keep_alive"})
    encoding = body.get("encoding_format") or "float"
    if encoding not in ("float", "base64"):
        bad("encoding_format", "encoding_format must be float or base64.")
    return EmbeddingJob(
        model=_model(body),
        inputs=_inputs(body),
        as_base64=encoding == "base64",
        dimensions=whole(body, "dimensions", None, 1, 1 << 20),
        priority=_priority(body, "api"),
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
        model=_model(body),
        query=query,
        documents=[_document(each) for each in documents],
        top_n=whole(body, "top_n", len(documents), 1, MAX_COUNT) or len(documents),
        return_documents=flag(body, "return_documents"),
        priority=_priority(body, "api"),
        keep_alive=keep_alive(body.get("keep_alive")),
    )


def _document(value: Any) -> str:
    if isinstance(value, dict) and set(value) == {"text"}:
        value = value["text"]
    if not is_text(value):
        bad("documents", 'Each document must be a text, or {"text": …}.')
    return str(value)


def tokenize_job(body: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """(model, what the child gets): either texts to count one by one, or messages to count as a prompt."""
    refuse_unknown(body, {"model", "input", "messages", "continue_final_message"})
    if ("input" in body) == ("messages" in body):
        bad("input", "Either input or messages must be given.")
    if "messages" in body:
        continue_final = flag(body, "continue_final_message")
        return _model(body), {"messages": checked_messages(body["messages"]), "continue_final": continue_final}
    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    if not isinstance(texts, list) or not all(is_text(text) for text in texts):
        bad("input", "input must be a list of texts.")
    if sum(map(len, texts)) > MAX_COUNTED_CHARS:
        bad("input", f"At most {MAX_COUNTED_CHARS:,} characters are counted at once.")
    return _model(body), {"input": texts}


def _sampling(body: Mapping[str, Any], num_logprobs: int | None) -> SamplingParams:
    default = SamplingParams()
    repeat = number(body, "repetition_penalty", default.repeat_penalty, 0.01, 10)
    return SamplingParams(
        temperature=number(body, "temperature", default.temperature, 0, 5),
        top_p=number(body, "top_p", default.top_p, 0, 1),
        top_k=whole(body, "top_k", default.top_k, 0, MAX_COUNT) or 0,
        min_p=number(body, "min_p", default.min_p, 0, 1),
        typical_p=number(body, "typical_p", default.typical_p, 0.01, 1),
        repeat_penalty=number(body, "repeat_penalty", repeat, 0.01, 10),
        presence_penalty=number(body, "presence_penalty", 0.0, -2, 2),
        frequency_penalty=number(body, "frequency_penalty", 0.0, -2, 2),
        logit_bias=_logit_bias(body.get("logit_bias")),
        seed=whole(body, "seed", None, -(2**63), 2**64 - 1),
        stop=_stop(body.get("stop")),
        ignore_eos=flag(body, "ignore_eos"),
        num_logprobs=num_logprobs,
    )


def _refuse_later(body: Mapping[str, Any]) -> None:
    for name, sentence in _LATER.items():
        if body.get(name):
            bad(name, sentence)


def _num_logprobs(body: Mapping[str, Any]) -> int | None:
    most = whole(body, "top_logprobs", 0, 0, MAX_LOGPROBS)
    if not flag(body, "logprobs"):
        if most:
            bad("top_logprobs", "top_logprobs needs logprobs.")
        return None
    return most


def _inputs(body: Mapping[str, Any]) -> list[str] | list[list[int]]:
    inputs = _texts_or_tokens(body, "input", MAX_INPUTS)
    if isinstance(inputs[0], str) and not all(inputs):
        bad("input", "An empty text has no vector.")
    return inputs


def _texts_or_tokens(body: Mapping[str, Any], name: str, most: int) -> list[str] | list[list[int]]:
    """A text, a list of texts, a list of tokens, or a list of such lists."""
    value = body.get(name)
    if isinstance(value, str):
        value = [value]
    if isinstance(value, list) and value and all(is_token(item) for item in value):
        value = [value]
    if not isinstance(value, list) or not 1 <= len(value) <= most:
        bad(name, f"{name} must be a text, or a list of 1 to {most} of them.")
    if all(is_text(item) for item in value):
        return value
    if all(isinstance(item, list) and item and all(is_token(token) for token in item) for item in value):
        return value
    bad(name, f"{name} must be texts, or lists of tokens.")


def _logit_bias(value: Any) -> tuple[tuple[int, float], ...]:
    if value is None:
        return ()
    if not isinstance(value, dict) or len(value) > MAX_BIASES:
        bad("logit_bias", f"logit_bias must be an object of at most {MAX_BIASES} tokens.")
    biases = []
    for token, bias in value.items():
        if not (token.isascii() and token.isdigit() and len(token) < 10):
            bad("logit_bias", "logit_bias needs token numbers as keys.")
        biases.append((int(token), in_range("logit_bias", bias, -100, 100)))
    return tuple(biases)


def _stop(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or len(texts) > MAX_STOPS:
        bad("stop", f"stop must be a text or a list of at most {MAX_STOPS}.")
    for each in texts:
        if not is_text(each) or not 1 <= len(each) <= MAX_STOP_CHARS:
            bad("stop", f"Each stop text needs 1 to {MAX_STOP_CHARS} characters.")
    return tuple(texts)


def _max_tokens(body: Mapping[str, Any]) -> int | None:
    newer = whole(body, "max_completion_tokens", None, 1, MAX_COUNT)
    older = whole(body, "max_tokens", None, 1, MAX_COUNT)
    return newer if newer is not None else older


def _model(body: Mapping[str, Any]) -> str:
    model = body.get("model")
    if not isinstance(model, str) or not model:
        bad("model", "model must name a model.")
    return model


def _priority(body: Mapping[str, Any], default: str) -> str:
    priority = body.get("priority") or default
    if priority not in PRIORITIES:
        bad("priority", f"priority must be one of {', '.join(PRIORITIES)}.")
    return str(priority)


def choice_bodies(job: ChatJob) -> Sequence[dict[str, Any]]:
    """One body per choice; with a seed, each choice gets the next one."""
    return _seeded(job.body, job.num_choices)


def _seeded(body: dict[str, Any], num_choices: int) -> list[dict[str, Any]]:
    bodies = []
    for index in range(num_choices):
        params = dict(body["params"])
        if params["seed"] is not None:
            # The engine takes 32 bits; llama.cpp reads the highest value as "random".
            params["seed"] = (params["seed"] + index) % 0xFFFFFFFE
        bodies.append(body | {"params": params})
    return bodies
