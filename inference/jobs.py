"""What callers wait for while a child works: an answer in pieces (`AnswerStream`) or one reply (`Call`).

A job keeps all that a second child needs to go on where the first one died.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from array import array
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from inference import errors, wire

if TYPE_CHECKING:
    from inference.process import Process

MAX_PENDING_CHARS = 1 << 20


class Job(ABC):
    """One frame to a child and what comes back for its number."""

    kind = ""

    def __init__(self, number: int, body: dict[str, Any], on_close: Callable[[Job], None]) -> None:
        self.number = number
        self.body = body
        self.process: Process | None = None  # the one that has it
        self.sent_at: float | None = None
        self.token_at: float | None = None
        self.is_prepared = False  # it became tokens there
        self.is_answered = False
        self.is_done = False
        self.is_closed = False
        self._on_close = on_close
        # For `recovery`.
        self.num_stuck_deaths = 0
        self.num_tokens_at_death = 0
        self.was_prepared = True
        self.is_acquitted = False

    @property
    def is_over(self) -> bool:
        return self.is_done or self.is_closed

    @property
    def num_tokens(self) -> int:
        """How far its answer has come."""
        return 0

    def sent_to(self, process: Process) -> None:
        self.process, self.sent_at = process, time.monotonic()

    def lost_process(self) -> None:
        """It waits again, with what it has."""
        self.was_prepared = self.is_prepared
        self.process = self.sent_at = None
        self.is_prepared = self.is_answered = False

    def frame(self) -> list[Any]:
        return [self.kind, self.number, self.body]

    @abstractmethod
    def deliver(self, event: list[Any]) -> None:
        """An event of the child for this number."""

    def loading(self, percent: int, note: str = "") -> None:  # noqa: B027  # a call has nobody to tell
        """The model is not there yet."""

    @abstractmethod
    def fail(self, error: errors.InferenceError) -> None:
        """Nothing more will come."""

    def close(self) -> None:
        """Nobody wants the rest."""
        self.is_closed = True
        self._on_close(self)


class Call(Job):
    """One reply: token counts, or vectors."""

    def __init__(self, kind: str, number: int, body: dict[str, Any], on_close: Callable[[Job], None]) -> None:
        super().__init__(number, body, on_close)
        self.kind = kind
        self.reply: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()

    def deliver(self, event: list[Any]) -> None:
        if event[0] == "error":
            self.fail(errors.from_wire(event[2]))
            return
        if not self.reply.done():
            self.reply.set_result(event[2:])
        self.is_done = True
        self.close()

    def fail(self, error: errors.InferenceError) -> None:
        self.is_done = True
        if not self.reply.done():
            self.reply.set_exception(error)
        self.close()

    async def result(self) -> list[Any]:
        try:
            return await self.reply
        finally:
            self.close()


class AnswerStream(Job):
    """An answer as an async iterator of wire.StreamEvent. Pieces that a slow reader has not taken are merged, and
    one who leaves a mebibyte of text lying is cut off; nobody else notices."""

    kind = "submit"

    def __init__(self, number: int, body: dict[str, Any], on_close: Callable[[Job], None]) -> None:
        super().__init__(number, body, on_close)
        self.created_at = time.monotonic()
        self.first_text_at: float | None = None
        self.num_prompt_tokens = 0
        self.tokens = array("i")
        self._num_chars = 0
        self._num_pending = 0
        self._num_untold = 0  # tokens of a character that is not whole yet
        self._items: deque[wire.StreamEvent] = deque()
        self._error: errors.InferenceError | None = None
        self._news = asyncio.Event()

    def frame(self) -> list[Any]:
        resume = {"resume_tokens": self.tokens.tolist(), "resume_chars": self._num_chars}
        return [self.kind, self.number, self.body | resume]

    @property
    def num_tokens(self) -> int:
        return len(self.tokens)

    async def accepted(self) -> None:
        """Return at the first sign of life (loading counts, when progress is wanted). Raises what went wrong before."""
        while not (self.is_answered or self._items or self.is_done):
            self._news.clear()
            await self._news.wait()
        if self._error is not None and not self._items:
            raise self._error

    def __aiter__(self) -> AnswerStream:
        return self

    async def __anext__(self) -> wire.StreamEvent:
        while not self._items:
            if self._error is not None:
                raise self._error
            if self.is_done:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        event = self._items.popleft()
        if isinstance(event, wire.Delta):
            self._num_pending -= len(event.text)
        return event

    def deliver(self, event: list[Any]) -> None:
        kind = event[0]
        if kind == "delta":
            self._extend(event[2], event[3], event[4] if len(event) > 4 else [])
        elif kind == "accepted":
            self.num_prompt_tokens = event[2]
        elif kind == "queued":
            self._progress(wire.Queued(event[2], event[3]))
        elif kind == "reading":
            self._progress(wire.Reading(event[2], event[3], event[4]))
        elif kind == "finished":
            usage, timings = wire.Usage.from_json(event[3]), wire.Timings.from_json(event[4])
            self._items.append(wire.Finished(event[2], usage, timings))
            self._end()
        elif kind == "error":
            self.fail(errors.from_wire(event[2]))
        self._news.set()

    def loading(self, percent: int, note: str = "") -> None:
        if self.body["wants_progress"]:
            self._progress(wire.Loading(percent, note))
            self._news.set()

    def fail(self, error: errors.InferenceError) -> None:
        if not self.is_done:
            self._error = error
            self._end()
        self._news.set()

    def _progress(self, event: wire.Progress) -> None:
        """Only before the first word: a reader whose answer is being resumed sees a pause, nothing else."""
        if self.first_text_at is None and not self._num_chars:
            if self._items and isinstance(self._items[-1], type(event)):
                self._items.pop()
            self._items.append(event)

    def _extend(self, text: str, tokens: list[int], logprobs: list[Any]) -> None:
        self.tokens.extend(tokens)
        self._num_untold += len(tokens)
        if not (text or logprobs) or self.is_done:
            return
        self.first_text_at = self.first_text_at or time.monotonic()
        self._num_chars += len(text)
        self._num_pending += len(text)
        if self._num_pending > MAX_PENDING_CHARS:
            self.close()  # before it counts as done, so that the engine is told to stop
            self.fail(errors.BackendLost("The reader was too slow to keep up with the answer."))
            return
        last = self._items[-1] if self._items else None
        told = tuple(map(_logprob, logprobs))
        num_tokens, self._num_untold = self._num_untold, 0
        if isinstance(last, wire.Delta):
            self._items[-1] = wire.Delta(last.text + text, "", last.logprobs + told, last.num_tokens + num_tokens)
        else:
            self._items.append(wire.Delta(text, "", told, num_tokens))

    def _end(self) -> None:
        self.is_done = True
        self.close()


def _logprob(found: list[list[Any]]) -> dict[str, Any]:
    """OpenAI's object: the token, then the likeliest ones."""
    rows = [
        {"token": data.decode("utf-8", errors="replace"), "logprob": round(logprob, 6), "bytes": list(data)}
        for data, logprob in found
    ]
    return rows[0] | {"top_logprobs": rows[1:]}
