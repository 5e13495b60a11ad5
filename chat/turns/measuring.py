"""How much of the model's context a question would take, before it is asked. By the model's own count.

Left out: sources, which are searched for the question that is really asked and are fitted into what is left.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from chat import prompts
from chat.models import ServedModel, Thread
from chat.turns import history

# Of a long thread only the end can fit; a token is rarely more than this many bytes.
MAX_BYTES_PER_TOKEN = 8


@dataclass(frozen=True)
class Measure:
    """num_tokens: system prompt, history that fits, question. room_tokens: the context less what an answer needs."""

    num_tokens: int
    room_tokens: int
    context_length: int
    fits: bool
    num_history_left_out: int

    def summary(self) -> dict[str, Any]:
        return asdict(self)


def measure(model: ServedModel, thread: Thread | None, text: str, instructions: str) -> Measure:
    """One request to the engine, which may load the model for it. Raises InferenceError."""
    length = model.context_length or history.UNKNOWN_CONTEXT
    room = prompts.room_for_prompt(length)
    said = history.shown(thread) if thread else []
    recent = _newest(said, room * MAX_BYTES_PER_TOKEN)
    system = prompts.system_with(instructions)
    sizes = history.counter(model.name)([system, text, *(one.text for one in recent)])
    fixed, asked, *before = (size + prompts.TOKENS_PER_MESSAGE for size in sizes)
    kept = prompts.num_that_fit(recent, [size - prompts.TOKENS_PER_MESSAGE for size in before], room - fixed - asked)
    num_tokens = fixed + asked + sum(before[len(before) - kept :])
    return Measure(num_tokens, room, length, fixed + asked <= room, len(said) - kept)


def _newest(said: list[prompts.Said], max_bytes: int) -> list[prompts.Said]:
    start = len(said)
    while start and max_bytes > 0 and len(said) - start < prompts.MAX_HISTORY_MESSAGES:
        start -= 1
        max_bytes -= prompts.num_bytes(said[start].text)
    return said[start:]
