"""How long a model stays loaded, as Ollama's clients say it."""

from __future__ import annotations

import math
import re
from typing import Any

from inference.fields import bad

FOREVER = math.inf
_MOST_SECONDS = 1e12
_UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|ms|s|m|h|d)")


def keep_alive(value: Any, name: str = "keep_alive") -> float | None:
    """Seconds after the last use: a number of them, or "5m", "1h30m"; 0: unload when done; below 0: forever.

    None for none given. Raises BadParameter.
    """
    if value is None:
        return None
    if isinstance(value, str):
        value = _parsed(value.strip())
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        bad(name, f'{name} must be seconds, or a time as "5m" or "1h30m".')
    return float(value) if 0 <= value < _MOST_SECONDS else FOREVER  # 10**400 fits no float


def _parsed(text: str) -> float | None:
    sign, body = (-1.0, text[1:]) if text.startswith("-") else (1.0, text)
    if re.fullmatch(r"\d{1,12}(\.\d+)?", body):
        return sign * float(body)
    if len(body) > 64 or not re.fullmatch(f"(?:{_PART.pattern})+", body):
        return None
    return sign * sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(body))
