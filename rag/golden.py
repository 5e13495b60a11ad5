"""Is the model behind a space still the one that made its vectors?

A file exchanged under the same name, another pooling or a lost normalisation gives vectors that look right and find
nothing. So each space keeps the vector of one text; every process that embeds asks for it again, at first and then
every ten minutes. A space whose model answers otherwise is not searched and not filled: words go on alone, and the
admins' page says why. Left out: noticing it in the middle of ten minutes.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence

from inference.client import Client
from inference.errors import InferenceError
from rag.models import Space

log = logging.getLogger(__name__)

# Both languages, figures, a ligature and a full-width letter: what tokenizers and normalisation differ about.
TEXT = "Hotel rates above 180 EUR need approval. Die Größe des ﬁle-Servers: Ａ42, naïve № 7."
# Another thread count or batch moves the last bits: measured 0.9999 and more. Another quantization gives 0.99 at most.
MIN_COSINE = 0.998
LENGTH_TOLERANCE = 0.01
CHECK_SECONDS = 600.0
CHANGED = "model_changed"

_checked: dict[int, tuple[float, bool]] = {}


def vector(client: Client, space_model: str, passage_prefix: str) -> list[float]:
    """The model's vector of TEXT, as passages are embedded. Raises inference errors."""
    return client.embed(space_model, [passage_prefix + TEXT], priority="interactive")[0]


def is_unit(values: Sequence[float]) -> bool:
    return abs(math.hypot(*values) - 1.0) <= LENGTH_TOLERANCE


def is_sound(space: Space, client: Client) -> bool:
    """Whether the space may be searched and filled. Asks the model at first and every CHECK_SECONDS.

    A service that is away says nothing about the model: what was known before holds.
    """
    now = time.monotonic()
    checked_at, sound = _checked.get(space.pk, (-math.inf, not space.problem))
    if now - checked_at < CHECK_SECONDS:
        return sound
    try:
        values = vector(client, space.model, space.passage_prefix)
    except InferenceError as error:
        log.info("space %s not checked: %s", space.pk, error.code)
        return not space.problem
    sound = settle(space, values)
    _checked[space.pk] = (now, sound)
    return sound


def settle(space: Space, values: Sequence[float]) -> bool:
    """Compare, and keep what was found in the space's row. A space without a golden vector takes this one."""
    if not space.golden:
        Space.objects.filter(pk=space.pk).update(golden=list(values))
        return True
    sound = len(values) == len(space.golden) and is_unit(values) and _cosine(values, space.golden) >= MIN_COSINE
    problem = "" if sound else CHANGED
    if problem != space.problem:
        log.warning("space %s: %s", space.pk, problem or "its model is what it was again")
        Space.objects.filter(pk=space.pk).update(problem=problem)
        space.problem = problem
    return sound


def forget() -> None:
    """Ask again at the next use."""
    _checked.clear()


def _cosine(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True)) / (math.hypot(*one) * math.hypot(*other) or 1.0)
