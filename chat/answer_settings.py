"""How a model is to answer: instructions, temperature, top_p, the longest answer. Pure, with its limits.

None and "" mean: as Hearth would by itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from django.utils.translation import gettext as _

from chat.errors import BadInput

MAX_INSTRUCTIONS_CHARS = 8_000
MAX_TEMPERATURE = 2.0
MIN_TOP_P = 0.01
MAX_ANSWER_TOKENS = 16_384
FIELDS = ("system_prompt", "temperature", "top_p", "max_tokens")
TYPES: dict[str, tuple[type, ...]] = {
    "system_prompt": (str,),
    "temperature": (int, float, type(None)),
    "top_p": (int, float, type(None)),
    "max_tokens": (int, type(None)),
}


@dataclass(frozen=True)
class AnswerSettings:
    system_prompt: str = ""
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None

    def summary(self) -> dict[str, Any]:
        return asdict(self)


def parse(body: Mapping[str, Any]) -> AnswerSettings:
    """What a person set; a field that is absent is not set. Raises BadInput with a sentence about the field."""
    for name, value in body.items():
        if name not in FIELDS:
            raise BadInput("unknown_field", _("There is no field “%(name)s” here.") % {"name": str(name)[:60]})
        # bool is an int to Python, and never to the person who wrote the form.
        if isinstance(value, bool) or not isinstance(value, TYPES[name]):
            raise BadInput("bad_field", _("The field “%(name)s” has the wrong type.") % {"name": name})
    prompt = str(body.get("system_prompt", "")).strip()
    if "\x00" in prompt or any("\ud800" <= char <= "\udfff" for char in prompt):
        sentence = _("The field “%(name)s” holds a character that cannot be stored.") % {"name": "system_prompt"}
        raise BadInput("bad_field", sentence)
    if len(prompt) > MAX_INSTRUCTIONS_CHARS:
        found = {"limit": MAX_INSTRUCTIONS_CHARS, "found": len(prompt)}
        sentence = _("Instructions have at most %(limit)d characters; these have %(found)d.")
        raise BadInput("instructions_too_long", sentence % found)
    return AnswerSettings(
        prompt,
        _within(body.get("temperature"), 0, MAX_TEMPERATURE, _("The temperature lies between 0 and 2.")),
        _within(body.get("top_p"), MIN_TOP_P, 1, _("Top-p lies between 0.01 and 1.")),
        _whole(body.get("max_tokens")),
    )


def _within(value: float | None, least: float, most: float, sentence: str) -> float | None:
    if value is None:
        return None
    if not math.isfinite(value) or not least <= value <= most:
        raise BadInput("out_of_range", sentence)
    return float(value)


def _whole(value: int | None) -> int | None:
    if value is not None and not 1 <= value <= MAX_ANSWER_TOKENS:
        sentence = _("An answer has between 1 and %(limit)d tokens.") % {"limit": MAX_ANSWER_TOKENS}
        raise BadInput("out_of_range", sentence)
    return value
