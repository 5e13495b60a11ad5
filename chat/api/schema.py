"""What this door itself asks of a request, before the inference service checks the rest of it.

The service refuses every wrong, unknown or unsupported field by name before it queues anything; saying the same
twice would mean saying it differently one day. Here a body must be a JSON object that names a model, and may not hold
the fields that say who is asking and how urgent it is: those are ours to set.
"""

from __future__ import annotations

import json
import math
import threading
from typing import Any, NoReturn

from chat.api.errors import BadField

OURS = ("cache_salt", "fairness_key", "priority", "num_public_messages")
MAX_MODEL_CHARS = 200
# Two MiB may hold half a million objects. One body at a time is unfolded, so that many together stay small.
_unfolding = threading.Lock()


def read(content: bytes) -> dict[str, Any]:
    """The body; its "model" is a name. Raises BadField."""
    with _unfolding:
        try:
            body = json.loads(content, parse_constant=_refuse_constant, parse_float=_finite)
        except (ValueError, RecursionError):
            raise BadField(None, "The body is not JSON.", "invalid_json") from None
        if not isinstance(body, dict):
            raise BadField(None, "The body must be a JSON object.")
        for name in OURS:
            if name in body:
                raise BadField(name, f"There is no parameter “{name}” here.")
        model = body.get("model")
        # NUL and halves of surrogate pairs are not printable, and PostgreSQL cannot even look for them.
        if not isinstance(model, str) or not 0 < len(model) <= MAX_MODEL_CHARS or not model.isprintable():
            raise BadField("model", f"“model” must name a model in at most {MAX_MODEL_CHARS} characters.")
        return body


def _finite(text: str) -> float:
    """1e999 is JSON, and no number that anything here can work with."""
    number = float(text)
    if math.isinf(number):
        raise ValueError(text)
    return number


def _refuse_constant(name: str) -> NoReturn:
    """NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError(name)
