"""History, sources and question into messages that fit the model's context. Pure apart from the counter it is given.

A token is never less than a byte, so whatever fits in bytes fits in tokens, and most prompts need no counting. What
does not fit is left out from the oldest end, and said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

CountTokens = Callable[[Sequence[str]], list[int]]

SYSTEM = "You are a helpful assistant. Answer in the language of the question. Say so when you do not know."
# The system message is the same for everybody, so the engine may read it once for all.
NUM_PUBLIC_MESSAGES = 1
MAX_ANSWER_TOKENS = 2048
# A processor reads a few hundred tokens a second, and reading is the asker's waiting time.
MAX_SOURCES_TOKENS = 2000
# What is asked to be read as a whole may take longer, as far as the context goes.
MAX_WHOLE_TOKENS = 6000
# An answer out of documents is read off, not invented.
SOURCED_TEMPERATURE = 0.0
TOKENS_PER_MESSAGE = 8  # what a chat template puts around one
MAX_HISTORY_MESSAGES = 200


class QuestionTooLong(Exception):
    def __init__(self, num_tokens: int, room_tokens: int) -> None:
        super().__init__(f"{num_tokens} tokens, room for {room_tokens}")
        self.num_tokens, self.room_tokens = num_tokens, room_tokens


@dataclass(frozen=True)
class Said:
    """One message of the history. role: user or assistant."""

    role: str
    text: str


@dataclass(frozen=True)
class Prompt:
    """num_public_messages: how many of the first are the same for everybody."""

    messages: list[dict[str, str]]
    num_history_left_out: int = 0
    num_public_messages: int = NUM_PUBLIC_MESSAGES


def room_for_prompt(context_length: int) -> int:
    """Tokens of the context that a prompt may take; the rest is kept for the answer."""
    return context_length - min(1024, context_length // 4)


def room_for_sources(context_length: int, question: str, most: int = MAX_SOURCES_TOKENS) -> int:
    """Tokens that sources may take: two thirds of what the question leaves, and never more than is read in seconds."""
    left = room_for_prompt(context_length) - min(num_bytes(question), context_length // 3) - num_bytes(SYSTEM)
    return max(0, min(most, left * 2 // 3))


def temperature(wanted: float | None, *, is_sourced: bool) -> float | None:
    """What the person set, else none at all for what is read off, else (None) the model's own."""
    if wanted is not None:
        return wanted
    return SOURCED_TEMPERATURE if is_sourced else None


def pack(
    history: Sequence[Said],
    question: str,
    sources: str,
    room_tokens: int,
    count: CountTokens,
    begun: str = "",
    instructions: str = "",
) -> Prompt:
    """The messages, newest history first to stay. Calls the counter at most once. Raises QuestionTooLong.

    begun is the text of an answer that goes on: not among the messages, but it takes room. instructions go with the
    system message, which is then the asker's own.
    """
    system = system_with(instructions)
    asked = f"{sources}\n\nQuestion: {question}" if sources else question
    recent = list(history[-MAX_HISTORY_MESSAGES:])
    texts = [system, asked, begun, *(said.text for said in recent)]
    if sum(num_bytes(text) for text in texts) + TOKENS_PER_MESSAGE * len(texts) <= room_tokens:
        kept = recent
    else:
        system_tokens, asked_tokens, begun_tokens, *sizes = count(texts)
        left = room_tokens - system_tokens - begun_tokens - 2 * TOKENS_PER_MESSAGE
        if asked_tokens > left:
            raise QuestionTooLong(asked_tokens, left)
        left -= asked_tokens
        kept = _newest_that_fit(recent, sizes, left)
    messages = [Said("system", system), *kept, Said("user", asked)]
    return Prompt(
        [{"role": said.role, "content": said.text} for said in messages],
        num_history_left_out=len(history) - len(kept),
        num_public_messages=0 if instructions else NUM_PUBLIC_MESSAGES,
    )


def system_with(instructions: str) -> str:
    return f"{SYSTEM}\n\n{instructions}" if instructions else SYSTEM


def num_that_fit(history: Sequence[Said], sizes: Sequence[int], left: int) -> int:
    """How many of the newest go along when `left` tokens are left for them."""
    return len(_newest_that_fit(history, sizes, left))


def num_bytes(text: str) -> int:
    return len(text.encode())


def _newest_that_fit(history: Sequence[Said], sizes: Sequence[int], left: int) -> list[Said]:
    start = len(history)
    for index in range(len(history) - 1, -1, -1):
        left -= sizes[index] + TOKENS_PER_MESSAGE
        if left < 0:
            break
        start = index
    # An answer without its question says nothing, and some templates refuse it.
    while start < len(history) and history[start].role != "user":
        start += 1
    return list(history[start:])
