"""Nobody can find out what somebody else has asked: not by text, not by counts, and so not by time."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference import wire
from inference.client import Client
from tests.inference.engines import Bench

PUBLIC = "You are careful and kind. " * 6
CANARY = "the code of the safe is 4711, and nobody may know"
words = st.lists(st.sampled_from(["red", "green", "blue", "safe", "4711", "code"]), min_size=1, max_size=40).map(
    " ".join
)


def cost(alices: str, bobs: str, *, system: str = PUBLIC) -> tuple[int, int, str]:
    """(tokens evaluated for Bob's question, cached tokens he is told of, his answer), after Alice has asked hers."""
    bench = Bench()
    bench.ask(f"say: {alices}", system=system, cache_salt="alice")
    bench.run()
    before = bench.backend.num_evaluated
    number = bench.ask(f"say: {bobs}", system=system, cache_salt="bob")
    bench.run()
    usage = bench.of("finished", number)[0][3]
    return (
        bench.backend.num_evaluated - before,
        usage["prompt_tokens_details"]["cached_tokens"],
        bench.text(number),
    )


@settings(max_examples=60, deadline=None)
@given(words, words, st.booleans())
def test_a_right_guess_costs_what_a_wrong_one_costs(secret: str, guess: str, shares_system: bool) -> None:
    """To the token: what Bob's question costs does not depend on what Alice asked, only on what is public."""
    system = PUBLIC if shares_system else ""
    right, wrong = cost(guess, guess, system=system), cost(secret, guess, system=system)
    assert right == wrong


@pytest.mark.parametrize("length", range(0, len(CANARY), 6))
def test_no_beginning_of_the_canary_is_found(length: int) -> None:
    """Guessing it letter by letter shows nothing: the cached tokens are the public ones, always."""
    assert cost(CANARY, CANARY[:length])[1] == cost("x", "y")[1]


def test_the_canary_is_not_found_through_the_service(client: Client) -> None:
    """With real processes between: another salt reads all of it again, and the same salt does not."""

    def cached(salt: str, text: str) -> int:
        messages: Any = [{"role": "user", "content": f"say: {text}"}]
        result = client.chat(wire.ChatRequest("fake-chat", messages, cache_salt=salt))
        assert result.text == text
        return result.usage.num_cached_tokens

    assert cached("alice", CANARY * 3) == 0
    assert cached("bob", CANARY * 3) == 0
    assert cached("", CANARY * 3) == 0
    assert cached("alice", CANARY * 3) > 20
