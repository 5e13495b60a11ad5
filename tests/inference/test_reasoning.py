"""A model that thinks: its reasoning comes apart from its words, and an answer that was cut off goes on in either."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from inference import wire
from inference.chatting import begun
from inference.client import Client
from inference.dialects import Think
from inference.templates import Segment
from tests.inference.serve import running_inference

THOUGHT = "First this, then that."
QUESTION = f"think: {THOUGHT} say: Forty-two, and 🙂 more."
ANSWER = "Forty-two, and 🙂 more."


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with (
        running_inference("fake", models_dir=tmp_path_factory.mktemp("models")) as running,
        Client(running.url, running.secret) as client,
    ):
        yield client


def asked(client: Client, *begun: dict[str, str]) -> tuple[str, str]:
    """(reasoning, words), joined from what streams."""
    messages: Sequence[dict[str, str]] = [{"role": "user", "content": QUESTION}, *begun]
    request = wire.ChatRequest("fake-think", messages, continue_final_message=bool(begun))
    deltas = [event for event in client.stream(request) if isinstance(event, wire.Delta)]
    return "".join(delta.reasoning for delta in deltas), "".join(delta.text for delta in deltas)


def test_reasoning_comes_apart_from_the_answer(client: Client) -> None:
    reasoning, text = asked(client)
    assert (reasoning.strip(), text) == (THOUGHT, ANSWER)


@pytest.mark.parametrize("length", [1, 8, 20])
def test_reasoning_that_was_cut_off_goes_on_to_the_byte(client: Client, length: int) -> None:
    """What was thought goes back, and what comes is the rest of it and then the answer."""
    whole, text = asked(client)
    rest = asked(client, {"role": "assistant", "content": "", "reasoning_content": whole[:length]})
    assert (whole[:length] + rest[0], rest[1]) == (whole, text)


def test_an_answer_behind_reasoning_goes_on_without_thinking_again(client: Client) -> None:
    whole, text = asked(client)
    rest = asked(client, {"role": "assistant", "content": text[:12], "reasoning_content": whole})
    assert rest == ("", text[12:])


def test_a_template_that_opens_the_reasoning_is_not_opened_twice() -> None:
    """The mark is the template's or ours, never both; the model's own text stays text."""
    think = Think("<think>", "</think>")
    message = {"role": "assistant", "content": "", "reasoning": "So </think>"}
    assert begun(message, 1, [Segment("assistant\n")], think)[0] == Segment("<think>")
    assert begun(message, 1, [Segment("assistant\n<think>\n")], think) == [Segment("So </think>", 1, is_reasoning=True)]
