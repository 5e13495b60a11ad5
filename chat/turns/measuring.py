"""How much of the model's context a question would take, before it is asked. By the model's own count.

Sources are searched for the question that is really asked, so of them only the most that they may take is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from chat import prompts
from chat.models import Employee, ServedModel, Thread
from chat.turns import history
from rag import whole
from rag.models import Document

# Of a long thread only the end can fit; a token is rarely more than this many bytes.
MAX_BYTES_PER_TOKEN = 8


@dataclass(frozen=True)
class Measure:
    """num_tokens: system prompt, history that fits, question. room_tokens: the context less what an answer needs.

    most_source_tokens: what the documents that are asked may take besides; it is cut to what is left.
    """

    num_tokens: int
    room_tokens: int
    context_length: int
    fits: bool
    num_history_left_out: int
    most_source_tokens: int = 0

    def summary(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Asked:
    """What the question is asked of besides the model: documents, and whether of collections or everything."""

    employee: Employee
    documents: Sequence[Document] = field(default_factory=list)
    asks_more: bool = False


def measure(model: ServedModel, thread: Thread | None, text: str, instructions: str, asked_of: Asked) -> Measure:
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
    most = min(_most_for_sources(text, length, asked_of), max(0, room - fixed - asked))
    return Measure(num_tokens, room, length, fixed + asked <= room, len(said) - kept, most)


def _most_for_sources(text: str, context_length: int, asked_of: Asked) -> int:
    some = prompts.room_for_sources(context_length, text)
    if asked_of.asks_more:
        return some
    most = prompts.room_for_sources(context_length, text, prompts.MAX_WHOLE_TOKENS)
    documents = asked_of.documents
    return whole.most_tokens(text, employee=asked_of.employee, documents=documents, max_tokens=most, some_tokens=some)


def _newest(said: list[prompts.Said], max_bytes: int) -> list[prompts.Said]:
    start = len(said)
    while start and max_bytes > 0 and len(said) - start < prompts.MAX_HISTORY_MESSAGES:
        start -= 1
        max_bytes -= prompts.num_bytes(said[start].text)
    return said[start:]
