"""An engine without process or socket, over the fake backend, on a clock that tests turn themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from inference.backends import Batch, MemoryFull
from inference.cache import Copy, Remove
from inference.config import EngineConfig
from inference.engine import Engine
from inference.fake import FakeBackend
from inference.host_cache import Fetch, Offload
from inference.request import Generation, SamplingParams, token_array
from inference.templates import ChatTemplate, encode
from inference.text import TextAssembler

CONFIG = EngineConfig(
    context_length=2048,
    num_cells=4096,
    max_running=4,
    num_sequences=8,
    batch_tokens=64,
    ubatch_tokens=64,
    num_offloaded=4096,
)


class CountingBackend(FakeBackend):
    """Counts cells as llama.cpp would, and says no when they run out."""

    def __init__(self, config: EngineConfig) -> None:
        super().__init__(config)
        self.num_cells = config.num_cells
        self.num_steps = 0
        self._cells: dict[int, list[int]] = {}
        self._next_cell = 0

    def apply(self, operations: Any) -> None:
        super().apply(operations)
        for operation in operations:
            match operation:
                case Copy(source, target, length):
                    self._cells[target] = self._cells[source][:length] + self._cells.get(target, [])[length:]
                case Remove(sequence, start):
                    del self._cells.setdefault(sequence, [])[start:]
                case Offload(sequence):
                    del self._cells[sequence]
                case Fetch(_, sequence, length):
                    self._cells[sequence] = list(range(self._next_cell, self._next_cell + length))
                    self._next_cell += length

    def evaluate(self, batch: Batch) -> None:
        if self.num_used + len(batch.tokens) > self.num_cells:
            raise MemoryFull
        super().evaluate(batch)
        self.num_steps += 1
        for sequence in batch.sequences:
            self._cells.setdefault(sequence, []).append(self._next_cell)
            self._next_cell += 1

    @property
    def num_used(self) -> int:
        return len({cell for cells in self._cells.values() for cell in cells})


class Bench:
    """Engine, backend, clock and what was delivered."""

    def __init__(self, *, can_mix: bool = True, **settings: Any) -> None:
        self.config = replace(CONFIG, **settings)
        self.backend = CountingBackend(self.config)
        self.backend.can_mix = can_mix
        self.now = 100.0
        self.events: list[list[Any]] = []
        self.engine = Engine(self.backend, self.config, self.events.extend, clock=lambda: self.now)
        self._next_id = 0

    def ask(self, question: str, *, max_tokens: int = 1000, system: str = "", **more: Any) -> int:
        """Submit a question; returns its id."""
        self._next_id += 1
        messages = [{"role": "user", "content": question}]
        if system:
            messages.insert(0, {"role": "system", "content": system})
        prompt = encode(ChatTemplate(None).render(messages, continue_final=False), self.backend.vocab)
        num_public = len(encode(ChatTemplate(None).render(messages[:1], continue_final=True), self.backend.vocab))
        more.setdefault("num_public", num_public if system else 0)
        params = SamplingParams(stop=tuple(more.pop("stop", ())))
        resumed = more.pop("resume_tokens", [])
        generation = Generation(
            self._next_id,
            token_array(prompt + resumed),
            len(prompt),
            max_tokens,
            params,
            text=TextAssembler(params.stop),
            **more,
        )
        self.engine.submit(generation)
        return self._next_id

    def step(self, number: int = 1) -> None:
        for _ in range(number):
            self.engine.step()
            self.now += 0.01

    def run(self, most_steps: int = 5000) -> None:
        """Until nobody waits any more."""
        for _ in range(most_steps):
            if self.engine.is_idle:
                self.engine.flush()
                return
            self.step()
        raise AssertionError("the engine does not come to an end")

    def text(self, number: int) -> str:
        return "".join(event[2] for event in self.events if event[0] == "delta" and event[1] == number)

    def tokens(self, number: int) -> list[int]:
        return [token for event in self.events if event[0] == "delta" and event[1] == number for token in event[3]]

    def of(self, kind: str, number: int) -> list[list[Any]]:
        return [event for event in self.events if event[0] == kind and event[1] == number]

    def order_of_first_words(self) -> list[int]:
        order: list[int] = []
        for event in self.events:
            if event[0] == "delta" and event[1] not in order:
                order.append(event[1])
        return order


def alone(question: str, **more: Any) -> str:
    """What the engine answers when nobody else is there."""
    bench = Bench()
    number = bench.ask(question, **more)
    bench.run()
    return bench.text(number)
