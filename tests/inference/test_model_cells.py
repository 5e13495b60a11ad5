"""Cells of a real model, in one pool or in parts: beginnings that are shared, set aside and fetched back stay what they
were."""

from __future__ import annotations

from typing import Any

import pytest

from inference.config import EngineConfig
from inference.engine import Engine
from inference.request import Generation, SamplingParams, token_array
from inference.text import TextAssembler
from tests.inference.serve import default_models_dir

pytestmark = pytest.mark.model
SYSTEM = (
    "Go on with what was begun, always in the same way, one step after the other, and never say anything else. " * 3
)


@pytest.mark.parametrize("is_unified", [True, False], ids=["one pool", "parts of their own"])
def test_a_beginning_is_the_same_wherever_it_lies(is_unified: bool) -> None:
    """Shared with somebody who is being answered, fetched back whole, and fetched back in part."""
    from inference import backend

    config = EngineConfig(
        context_length=512, num_cells=1024, max_running=2, num_sequences=2, num_offloaded=2048, kv_unified=is_unified
    )
    backend.start_library()
    path = default_models_dir() / "SmolLM2-135M-Instruct.Q4_1.gguf"
    model = backend.LlamaModel(path, config, lambda _: None)
    chat = backend.LlamaBackend(model, config)
    events: list[Any] = []
    engine = Engine(chat, config, events.extend)
    asked = 0

    def ask(question: str, salt: str) -> int:
        nonlocal asked
        asked += 1
        tokens = model.vocab.tokenize(SYSTEM + question)
        engine.submit(
            Generation(
                id=asked, tokens=token_array(tokens), num_prompt=len(tokens), max_tokens=8, cache_salt=salt,
                params=SamplingParams(temperature=0, ignore_eos=True), text=TextAssembler(()),
            )
        )  # fmt: skip
        return asked

    def result(number: int) -> tuple[list[int], int]:
        """(tokens, how many of the prompt's came from a cache)."""
        written = [token for event in events if event[:2] == ["delta", number] for token in event[3]]
        usage = next(event[3] for event in events if event[:2] == ["finished", number])
        return written, usage["prompt_tokens_details"]["cached_tokens"]

    def run() -> None:
        while not engine.is_idle:
            engine.step()

    alone = [ask("1 2 3 4 5 6 7 8 9 10 11", "a")]
    run()
    alone.append(ask("Monday Tuesday Wednesday Thursday Friday Saturday Sunday Monday", "b"))
    run()
    first = ask("1 2 3 4 5 6 7 8 9 10 11", "c")
    while not any(event[:2] == ["delta", first] for event in events):
        engine.step()
    beside = ask(
        "Monday Tuesday Wednesday Thursday Friday Saturday Sunday Monday", "c"
    )  # copied from somebody who is being answered
    run()
    again = ask("1 2 3 4 5 6 7 8 9 10 11", "a")
    run()
    part = ask("Monday Tuesday Wednesday Thursday Friday Saturday Sunday Monday", "a")
    run()
    num_system = len(model.vocab.tokenize(SYSTEM))
    # In a pool the order of cells moves logits by up to 0.7, in parts of their own it stays.
    num_same = 3 if is_unified else 6
    for number, like in ((first, 0), (beside, 1), (again, 0), (part, 1)):
        assert result(number)[0][:num_same] == result(alone[like])[0][:num_same]
    assert result(first)[1] == 0
    assert all(result(number)[1] >= num_system - 2 for number in (beside, again, part))
    chat.close()
