"""How a request wants its next words chosen: the fields that become SamplingParams, checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inference.fields import MAX_COUNT, bad, flag, in_range, is_text, number, whole
from inference.request import SamplingParams

MAX_STOPS, MAX_STOP_CHARS = 16, 1024
MAX_BIASES = 1024
MAX_LOGPROBS = 20
FIELDS = {
    "temperature", "top_p", "top_k", "min_p", "typical_p", "repeat_penalty", "repetition_penalty", "presence_penalty",
    "frequency_penalty", "logit_bias", "seed", "stop", "ignore_eos",
}  # fmt: skip


def sampling_params(body: Mapping[str, Any], num_logprobs: int | None) -> SamplingParams:
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


def num_logprobs(body: Mapping[str, Any]) -> int | None:
    most = whole(body, "top_logprobs", 0, 0, MAX_LOGPROBS)
    if not flag(body, "logprobs"):
        if most:
            bad("top_logprobs", "top_logprobs needs logprobs.")
        return None
    return most


def max_tokens(body: Mapping[str, Any]) -> int | None:
    newer = whole(body, "max_completion_tokens", None, 1, MAX_COUNT)
    older = whole(body, "max_tokens", None, 1, MAX_COUNT)
    return newer if newer is not None else older


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
