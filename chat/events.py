"""What the server says on a socket: one dataclass per event, the counterpart of static/ts/lib/protocol.ts.

Events of a turn are numbered by its log (`turn`, `seq`); everything else stands alone. Offsets and lengths of text
count code points.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from chat.models import Message, Turn
    from chat.turns.asking import Sent
    from chat.turns.presence import Waiting


@dataclass(frozen=True)
class Event:
    type: ClassVar[str]

    def frame(self) -> dict[str, Any]:
        """As JSON; fields that say nothing are left out."""
        return {"type": self.type} | {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Progressed(Event):
    """Why there is no word yet: queued, loading, searching, reading."""

    type: ClassVar[str] = "turn.progress"

    stage: str
    position: int | None = None
    wait_seconds: float | None = None
    percent: int | None = None
    num_prompt_tokens: int | None = None
    num_done: int | None = None
    num_found: int | None = None
    waiting_for: str | None = None  # title of a document that is still being read


@dataclass(frozen=True)
class SourcesFound(Event):
    """What the model is given to read, and what did not fit.

    Each source: n, document, title, page (from 0), label, place, heading, quote, citation; with the finished answer
    also uses, what each mark with this n rests on: {places, strength, missing}. num_left_out: passages that
    were found and not given, of which num_without_room did not fit; num_same: found and left out because one that was
    given says the same. mode: "passages", "whole" (everything was read) or "spread" (parts from everywhere).
    searched_for: the question as it was searched, where that is not the question's own words.
    by_meaning: False when only words could be searched. reranked: "done", "late" or "unfit"; "" without a model for it.
    """

    type: ClassVar[str] = "sources.found"

    sources: list[dict[str, Any]] = field(default_factory=list)
    num_left_out: int = 0
    num_without_room: int = 0
    num_same: int = 0
    mode: str = "passages"
    searched_for: str = ""
    by_meaning: bool = True
    reranked: str = ""
    left_out: list[dict[str, Any]] = field(default_factory=list)
    num_history_left_out: int = 0
    weak: bool = False


@dataclass(frozen=True)
class Extended(Event):
    """Text to append; start is the length of the text before it."""

    type: ClassVar[str] = "answer.extended"

    text: str
    start: int


@dataclass(frozen=True)
class Thought(Event):
    """Reasoning to append; start is the length of the reasoning before it, seconds how long the model thinks so far."""

    type: ClassVar[str] = "answer.thought"

    text: str
    start: int
    seconds: float


@dataclass(frozen=True)
class Finished(Event):
    """The whole answer is there; length and digest prove it. reason: stop, length or stopped.

    reasoning: {seconds, num_chars, sha256} of what the model thought, if it did.

    marks: [offset, n] of each [n] that the model left out and its sentence deserves; the text itself has none of them.
    """

    type: ClassVar[str] = "answer.finished"

    reason: str
    num_chars: int
    sha256: str
    num_prompt_tokens: int | None = None
    num_completion_tokens: int | None = None
    tokens_per_second: float | None = None
    context_length: int | None = None
    model: str | None = None
    version: str | None = None
    marks: list[list[int]] | None = None
    reasoning: dict[str, Any] | None = None


@dataclass(frozen=True)
class Failed(Event):
    """The answer ends here, as far as it got."""

    type: ClassVar[str] = "answer.failed"

    code: str
    sentence: str


LAST = (Finished.type, Failed.type)

# Why the server closes a socket. After any other code than the first the page comes back.
SIGNED_OUT, TOO_MANY_SOCKETS, TOO_FAST, NOT_READING, RESTART = 4401, 4429, 4408, 4008, 1012


def is_last(text: str) -> bool:
    """Whether the JSON of an event, which begins with its type, ends its turn."""
    return text.startswith(tuple(f'{{"type":"{kind}"' for kind in LAST))


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def proof_of_reasoning(answer: Message) -> dict[str, Any] | None:
    """The same for what the model thought; None when it did not."""
    if not answer.reasoning:
        return None
    proof = {"num_chars": len(answer.reasoning), "sha256": digest(answer.reasoning)}
    return proof | {"seconds": answer.reasoning_seconds or 0.0}


def accepted(ref: str, sent: Sent) -> dict[str, Any]:
    """What was asked for is stored, and its answer is queued. beside: the answers of the other models asked at once."""
    thread, turn = sent.thread, sent.turn
    return {
        "type": "message.accepted",
        "ref": ref,
        "thread": {"id": str(thread.id), "title": thread.title, "created": sent.is_new_thread},
        "question": {"id": str(sent.question.id), "text": sent.question.text},
        **_queued(turn),
        "beside": [_queued(other) for other in sent.others],
    }


def _queued(turn: Turn) -> dict[str, Any]:
    state = {"id": str(turn.id), "status": turn.status, "model": turn.model_name}
    return {"answer": {"id": str(turn.answer_id)}, "turn": state}


def snapshot(turn: str, seq: int, **state: Any) -> dict[str, Any]:
    """A whole turn at once, for a follower whose missing events no log has any more."""
    return {"type": "turn.snapshot", "turn": turn, "seq": seq} | state


def waiting(turn: str, waiting: Waiting) -> dict[str, Any]:
    """What the queued turn called id waits for. Not numbered: it comes from the queue, not from the turn's log."""
    return {"type": "turn.waiting", "id": turn} | asdict(waiting)


def error(ref: str | None, code: str, sentence: str) -> dict[str, Any]:
    return {"type": "error", "ref": ref, "code": code, "sentence": sentence}
