"""Can Bob find out by the clock what Alice has asked?

Alice asks a secret. Bob asks the same text, and as often another one of the same length, in random order, on the real
engine. If his own cache were shared with hers, a right guess would be faster by the reading of the prompt; the figure
is the difference of the medians, with the share of random relabellings that differ as much (p), and beside it what
the same person saves on asking again.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import time
from collections.abc import Sequence

from bench._figures import commit, machine
from inference import wire
from inference.client import Client
from tests.inference.serve import running_inference
from tests.services import MODELS_DIR

CHAT = "SmolLM2-135M-Instruct.Q4_1"
NUM_RELABELLINGS = 10_000
WORDS = ("red", "blue", "safe", "code", "north", "tree", "seven", "glass")


def main() -> None:
    parser = argparse.ArgumentParser(prog="bin/bench guess", description=__doc__)
    parser.add_argument("--pairs", type=int, default=20)
    given = parser.parse_args()
    luck = random.Random(7)
    right: list[float] = []
    wrong: list[float] = []
    again: list[float] = []
    with (
        running_inference("llama", models_dir=MODELS_DIR, HEARTH_THREADS="1", GOMP_SPINCOUNT="0") as running,
        Client(running.url, running.secret) as client,
    ):
        client.load(CHAT)
        for number in range(given.pairs):
            secret, other = (" ".join(luck.choices(WORDS, k=60)) for _ in range(2))
            seconds_of(client, secret, "alice")
            attempts = [(secret, right), (other, wrong)]
            luck.shuffle(attempts)
            for place, (text, times) in enumerate(attempts):
                # A new salt each time: Bob's own cache must not help him.
                times.append(seconds_of(client, text, f"bob {number} {place}"))
            again.append(seconds_of(client, secret, "alice"))
    told = {
        "figure": "guess.right_minus_wrong_ms",
        "value": round(1000 * (statistics.median(right) - statistics.median(wrong)), 2),
        "p": round(share_as_far_apart(right, wrong, luck), 3),
        "right_ms": round(1000 * statistics.median(right), 1),
        "wrong_ms": round(1000 * statistics.median(wrong), 1),
        "same_person_again_ms": round(1000 * statistics.median(again), 1),
        "pairs": given.pairs,
    }
    print(json.dumps(told | {"machine": machine(), "commit": commit(), "load_1m": round(os.getloadavg()[0], 1)}))


def seconds_of(client: Client, text: str, salt: str) -> float:
    request = wire.ChatRequest(
        CHAT, [{"role": "user", "content": text}], max_tokens=1, temperature=0.0, cache_salt=salt
    )
    started = time.perf_counter()
    client.chat(request)
    return time.perf_counter() - started


def share_as_far_apart(right: Sequence[float], wrong: Sequence[float], luck: random.Random) -> float:
    """Permutation test of the difference of means, each pair's labels exchanged at random."""
    seen = abs(sum(right) - sum(wrong))
    differences = [a - b for a, b in zip(right, wrong, strict=True)]
    as_far = sum(
        abs(sum(each if luck.random() < 0.5 else -each for each in differences)) >= seen
        for _ in range(NUM_RELABELLINGS)
    )
    return as_far / NUM_RELABELLINGS


if __name__ == "__main__":
    main()
