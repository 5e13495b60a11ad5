"""Words chosen inside of the evaluation are the words that the processor would have chosen. Here the device is the
processor itself, which llama.cpp allows."""

from __future__ import annotations

from typing import Any

import pytest

from inference.config import EngineConfig
from inference.engine import Engine
from inference.request import Generation, SamplingParams, token_array
from inference.text import TextAssembler
from tests.inference.serve import default_models_dir

pytestmark = [pytest.mark.model, pytest.mark.thorough]
CHAINS = {
    "greedy": SamplingParams(temperature=0),
    "seeded": SamplingParams(temperature=1.0, seed=5),
    "hot and uncut": SamplingParams(temperature=1.3, seed=2, top_k=0, top_p=1.0, min_p=0.0),
    "cut by top_p": SamplingParams(temperature=0.9, seed=9, top_p=0.6, min_p=0.0),
    "penalties": SamplingParams(temperature=0, repeat_penalty=1.3, presence_penalty=0.5),
    "bias": SamplingParams(temperature=0, logit_bias=((28, 3.0), (42, -50.0))),
    "never ends": SamplingParams(temperature=0.8, seed=1, ignore_eos=True),
    "log probabilities": SamplingParams(temperature=0, num_logprobs=2),
    "grammar": SamplingParams(temperature=0, grammar='root ::= "yes" | "no"'),
}


def answers(is_on_device: bool, parts: int) -> tuple[list[list[int]], int]:
    """(the tokens of each answer, how many were chosen on the device). Requests come and go in a crowd of three, in
    cells so few that some are set back; each is answered from `parts` equal halves, as after a crash."""
    from inference import backend

    config = EngineConfig(
        context_length=256,
        num_cells=256,
        max_running=3,
        num_sequences=4,
        backend_sampling=is_on_device,
        num_offloaded=512,
    )
    backend.start_library()
    model = backend.LlamaModel(default_models_dir() / "SmolLM2-135M-Instruct.Q4_1.gguf", config, lambda _: None)
    chat = backend.LlamaBackend(model, config)
    chat.warm_up()
    events: list[Any] = []
    engine = Engine(chat, config, events.extend)
    num_chosen = 0
    assert (chat._device is not None) == is_on_device
    if chat._device is not None:
        taken = chat._device.taken

        def counted(*given: Any) -> int | None:
            nonlocal num_chosen
            token = taken(*given)
            num_chosen += token is not None
            return token

        chat._device.taken = counted  # type: ignore[method-assign]  # only to count
    written: list[list[int]] = [[] for _ in CHAINS]
    for part in range(1, parts + 1):
        events.clear()
        for number, params in enumerate(CHAINS.values()):
            prompt = model.vocab.tokenize(f"{number}. The history of the city of Ulm begins with")
            tokens = token_array([*prompt, *written[number]])
            engine.submit(
                Generation(
                    id=number, tokens=tokens, num_prompt=len(prompt), max_tokens=24 * part // parts, params=params,
                    cache_salt=str(number), text=TextAssembler(()),
                )
            )  # fmt: skip
        while not engine.is_idle:
            engine.step()
        assert not [event for event in events if event[0] == "error"]
        for event in events:
            if event[0] == "delta":
                written[event[1]] += event[3]
    assert chat._device is None or not chat._device._attached
    chat.close()
    return written, num_chosen


def num_same(found: list[int], wanted: list[int]) -> int:
    return next((n for n, (a, b) in enumerate(zip(found, wanted, strict=False)) if a != b), len(wanted))


@pytest.mark.parametrize("parts", [1, 2])
def test_the_device_chooses_the_same_words(parts: int) -> None:
    """For every kind of chain, in a crowd, and when another process takes over in the middle. Sums are in single
    precision there and in double here, and the order of cells moves logits, so a near tie may fall otherwise."""
    wanted, _ = answers(False, parts)
    found, num_chosen = answers(True, parts)
    same = dict(zip(CHAINS, map(num_same, found, wanted), strict=True))
    parted = [kind for kind, answer in zip(CHAINS, wanted, strict=True) if same[kind] < len(answer)]
    print(parted)
    assert len(parted) <= 2
    assert all(same[kind] >= 5 for kind in parted)
    assert num_chosen > 100
