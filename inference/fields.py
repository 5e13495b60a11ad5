"""Read one field of a JSON object, or refuse it by name. No field is ever changed into what it might have meant."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

from inference import errors
from inference.request import PRIORITIES

MAX_TEXT_CHARS = 16 * 1024 * 1024
MAX_COUNT = 2**31 - 1


def parse(raw: bytes) -> dict[str, Any]:
    """A JSON object. NaN and Infinity are no JSON, whatever Python thinks."""
    try:
        body = json.loads(raw, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise errors.BadParameter(None, "The body is not JSON.") from None
    if not isinstance(body, dict):
        raise errors.BadParameter(None, "The body must be a JSON object.")
    return body


def refuse_unknown(body: Mapping[str, Any], known: set[str]) -> None:
    for name in body:
        if name not in known:
            bad(name[:64], f"There is no parameter {name[:64]!r}.")


def text(body: Mapping[str, Any], name: str, most: int) -> str:
    value = body.get(name)
    if value is None:
        return ""
    if not is_text(value) or len(value) > most:
        bad(name, f"{name} must be a text of at most {most} characters.")
    return str(value)


def flag(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        bad(name, f"{name} must be true or false.")
    return bool(value)


def number(body: Mapping[str, Any], name: str, default: float, least: float, most: float) -> float:
    value = body.get(name)
    return default if value is None else in_range(name, value, least, most)


def in_range(name: str, value: Any, least: float, most: float) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    # A whole number too large for a float is compared before it is converted.
    if not is_number or not least <= value <= most or not math.isfinite(value):
        bad(name, f"{name} must be a number between {least:g} and {most:g}.")
    return float(value)


def whole(body: Mapping[str, Any], name: str, default: int | None, least: int, most: int) -> int | None:
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        bad(name, f"{name} must be a whole number between {least} and {most}.")
    return value


def is_token(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_COUNT


def is_text(value: Any) -> bool:
    """A string that is Unicode: half of a surrogate pair, which JSON can carry, is not."""
    if not isinstance(value, str) or len(value) > MAX_TEXT_CHARS:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_portable(value: Any, depth: int = 100) -> bool:
    """JSON that every process here can take: not too deep, texts that are Unicode, numbers of at most 64 bits."""
    if isinstance(value, dict):
        return depth > 0 and all(is_text(key) and is_portable(each, depth - 1) for key, each in value.items())
    if isinstance(value, list):
        return depth > 0 and all(is_portable(each, depth - 1) for each in value)
    if isinstance(value, int):
        return -(2**63) <= value < 2**64
    return value is None or (math.isfinite(value) if isinstance(value, float) else is_text(value))


def model_name(body: Mapping[str, Any]) -> str:
    model = body.get("model")
    if not isinstance(model, str) or not model:
        bad("model", "model must name a model.")
    return model


def priority_of(body: Mapping[str, Any], default: str) -> str:
    priority = body.get("priority") or default
    if priority not in PRIORITIES:
        bad("priority", f"priority must be one of {', '.join(PRIORITIES)}.")
    return str(priority)


def texts_or_tokens(body: Mapping[str, Any], name: str, most: int) -> list[str] | list[list[int]]:
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


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def bad(param: str, sentence: str) -> NoReturn:
    raise errors.BadParameter(param, sentence)
