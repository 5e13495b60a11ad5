"""Check requests for answers, before they reach a queue. Every refusal is a BadParameter that names the field.

Fields of OpenAI's protocol that change nothing here are accepted and ignored; fields that nobody knows are refused,
because a misspelt one silently ignored is worse. How words are chosen is read by `sampling`, requests about texts alone
by `text_parameters`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inference import sampling
from inference.durations import keep_alive
from inference.fields import MAX_COUNT, bad, flag, model_name, priority_of, refuse_unknown, text, texts_or_tokens, whole
from inference.messages import MAX_MESSAGES, checked_messages
from inference.sampling import MAX_LOGPROBS, max_tokens, num_logprobs, sampling_params
from inference.text_parameters import MAX_COUNTED_CHARS
from inference.tools import answer_form, checked_tools

MAX_CHOICES = 8
MAX_TEMPLATE_VALUES = 16
MAX_PROMPTS, MAX_COMPLETIONS = 64, 64
DEFAULT_COMPLETION_TOKENS = 16  # OpenAI's
_TEMPLATE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_TEMPLATE_WORD = re.compile(r"[A-Za-z0-9 .,_-]{0,64}")
_TEMPLATE_OWN = {
    "messages", "tools", "add_generation_prompt", "bos_token", "eos_token", "raise_exception", "strftime_now", "range",
    "dict", "lipsum", "cycler", "joiner", "namespace", "documents", "functions", "datetime",
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


def chat_job(body: Mapping[str, Any]) -> ChatJob:
    refuse_unknown(body, _SHAPE | sampling.FIELDS | _EXTRAS | _FORM | _TEMPLATE | _IGNORED | set(_LATER))
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
        model=model_name(body),
        stream=stream,
        include_usage=bool(options.get("include_usage")),
        num_choices=whole(body, "n", 1, 1, MAX_CHOICES) or 1,
        body={
            "messages": messages,
            "continue_final": continue_final,
            "max_tokens": max_tokens(body),
            "params": sampling_params(body, num_logprobs(body)).to_wire(),
            "tools": tools,
            "form": form.to_wire(),
            "template": _template_values(body),
            "priority": priority_of(body, "api"),
            "fairness_key": text(body, "fairness_key", 256),
            "cache_salt": text(body, "cache_salt", 256),
            "num_public_messages": whole(body, "num_public_messages", 0, 0, MAX_MESSAGES),
            "wants_progress": flag(body, "return_progress") and stream,
        },
        keep_alive=keep_alive(body.get("keep_alive")),
    )


def completion_job(body: Mapping[str, Any]) -> CompletionJob:
    known = {"model", "prompt", "stream", "stream_options", "max_tokens", "n", "best_of", "echo", "logprobs", "suffix"}
    refuse_unknown(body, known | sampling.FIELDS | _ROUTING | _IGNORED)
    if text(body, "suffix", MAX_COUNTED_CHARS):
        bad("suffix", "Filling a gap before a suffix is not supported.")
    num_choices = whole(body, "n", 1, 1, MAX_CHOICES) or 1
    if whole(body, "best_of", num_choices, 1, MAX_CHOICES) != num_choices:
        bad("best_of", "best_of must be the same as n: answers are not ranked.")
    num_best, echo = whole(body, "logprobs", None, 0, MAX_LOGPROBS), flag(body, "echo")
    prompts = texts_or_tokens(body, "prompt", MAX_PROMPTS)
    if echo and (num_best is not None or not isinstance(prompts[0], str)):
        bad("echo", "echo repeats prompts that are texts, without logprobs of their tokens.")
    stream = flag(body, "stream")
    shared = {
        "max_tokens": max_tokens(body) or DEFAULT_COMPLETION_TOKENS,
        "params": sampling_params(body, num_best).to_wire(),
        "priority": priority_of(body, "api"),
        "fairness_key": text(body, "fairness_key", 256),
        "cache_salt": text(body, "cache_salt", 256),
        "wants_progress": flag(body, "return_progress") and stream,
    }
    bodies = [each for prompt in prompts for each in _seeded(shared | {"prompt": prompt}, num_choices)]
    if len(bodies) > MAX_COMPLETIONS:
        bad("prompt", f"At most {MAX_COMPLETIONS} answers are written at once.")
    return CompletionJob(
        model=model_name(body),
        stream=stream,
        include_usage=bool(_stream_options(body).get("include_usage")),
        num_choices=num_choices,
        prompts=prompts,
        echo=echo,
        bodies=bodies,
        keep_alive=keep_alive(body.get("keep_alive")),
    )


def _refuse_later(body: Mapping[str, Any]) -> None:
    for name, sentence in _LATER.items():
        if body.get(name):
            bad(name, sentence)
    if body.get("modalities") not in (None, [], ["text"]):
        bad("modalities", "Answers are text.")


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
