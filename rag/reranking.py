"""Read the best candidates once more, each together with the question, where an admin has enabled a model for that.

It is a help and never a condition: what takes longer than a person should wait, fails, or cannot tell a fitting
passage from any other leaves the order as it was, and the answer says so. Left out: ranking on a processor in time
with a large model; 30 passages of one would take tens of seconds there.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from django.conf import settings

from inference.client import Client, shared_client
from inference.errors import InferenceError, ModelBroken

log = logging.getLogger(__name__)

SECONDS = 1.5
NUM_RANKED = 30
# What the first ranking thought stays a part of it: names and codes are found by words, not by reading.
WEIGHT = 0.8
DONE, LATE, UNFIT = "done", "late", "unfit"


def rerank(model: str, question: str, texts: Sequence[str]) -> tuple[Sequence[float] | None, str]:
    """(a score from 0 to 1 for each text, "done"), or (None, why not): "late" or "unfit".

    The service itself refuses a model that cannot tell a fitting text from another.
    """
    try:
        return client().rerank(model, question, list(texts)), DONE
    except ModelBroken as error:
        log.warning("not reranked: %s", error)
        return None, UNFIT
    except InferenceError as error:
        log.info("not reranked: %s", error)
        return None, LATE


def blended(ordered: Mapping[int, float], scores: Mapping[int, float]) -> dict[int, float]:
    """The ranked ones by both, before all others; best first, between 0 and 1."""
    found = {pk: WEIGHT * scores[pk] + (1 - WEIGHT) * min(ordered[pk], 1.0) for pk in ordered if pk in scores}
    least = min(found.values(), default=1.0)
    found |= {pk: least * min(score, 1.0) for pk, score in ordered.items() if pk not in scores}
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def client() -> Client:
    """One that gives up in time, which also takes the work off the engine."""
    return shared_client(settings.HEARTH_INFERENCE_URL, settings.HEARTH_INFERENCE_SECRET, SECONDS)
