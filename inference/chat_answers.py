"""OpenAI's shapes of a chat answer: words, reasoning and calls of tools, parted while they come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from inference import wire
from inference.answers import Answer
from inference.jobs import AnswerStream
from inference.metrics import Metrics
from inference.parameters import ChatJob
from inference.parsing import AnswerParser, Style

Piece = wire.Delta | wire.CallPiece


class ChatAnswer(Answer):
    prefix, object_name, chunk_name = "chatcmpl", "chat.completion", "chat.completion.chunk"

    def __init__(
        self, job: ChatJob, streams: Sequence[AnswerStream], style: Style, metrics: Metrics, request_id: str
    ) -> None:
        super().__init__(job, streams, metrics, request_id)
        self._wants_logprobs = job.wants_logprobs
        self._is_parallel = job.is_parallel
        self._parsers = [AnswerParser(style) for _ in streams]
        self._num_reasoning = [0.0] * len(streams)

    async def choice(self, index: int) -> dict[str, Any]:
        said: list[Piece] = []
        logprobs: list[Mapping[str, Any]] = []
        reason = "stop"
        async for event in self._streams[index]:
            if isinstance(event, wire.Delta):
                said += self._parted(index, event)
                logprobs += event.logprobs
            elif isinstance(event, wire.Finished):
                said += self._rest(index)
                reason = self._reason(index, event)
                self.note_end(index, event, round(self._num_reasoning[index]))
        message = {"role": "assistant", "refusal": None} | _whole_message(said)
        told = {"content": logprobs, "refusal": None} if self._wants_logprobs else None
        return {"index": index, "message": message, "logprobs": told, "finish_reason": reason}

    def begin(self) -> Iterator[dict[str, Any]]:
        for index in range(len(self._streams)):
            yield _delta(index, {"role": "assistant", "content": ""})

    def extend(self, index: int, event: wire.Delta) -> Iterator[dict[str, Any]]:
        """Its probabilities go with the first piece."""
        deltas = list(map(_told, self._parted(index, event)))
        if event.logprobs and not deltas:
            deltas.append({"content": ""})
        for place, delta in enumerate(deltas):
            choice = _delta(index, delta)
            if event.logprobs and place == 0:
                choice["logprobs"] = {"content": list(event.logprobs), "refusal": None}
            yield choice

    def finish(self, index: int, event: wire.Finished) -> Iterable[dict[str, Any]]:
        pieces = [_delta(index, _told(piece)) for piece in self._rest(index)]
        reason = self._reason(index, event)
        self.note_end(index, event, round(self._num_reasoning[index]))
        return [*pieces, _delta(index, {}, reason)]

    def _parted(self, index: int, event: wire.Delta) -> list[Piece]:
        """What the text means. Tokens of reasoning are counted by their share of the characters, where a slow reader
        gets words and reasoning at once; else exactly."""
        pieces = self._allowed(self._parsers[index].feed(event.text))
        reasoning = sum(len(piece.reasoning) for piece in pieces if isinstance(piece, wire.Delta))
        if reasoning:
            self._num_reasoning[index] += event.num_tokens * min(1.0, reasoning / max(1, len(event.text)))
        return pieces

    def _rest(self, index: int) -> list[Piece]:
        return self._allowed(self._parsers[index].finish())

    def _allowed(self, pieces: Iterable[Piece]) -> list[Piece]:
        """Where only one call was asked for, a model without a grammar may still write two."""
        return [p for p in pieces if self._is_parallel or not isinstance(p, wire.CallPiece) or p.number == 0]

    def _reason(self, index: int, event: wire.Finished) -> str:
        return "tool_calls" if self._parsers[index].num_calls and event.reason == "stop" else event.reason


def _told(piece: Piece) -> dict[str, Any]:
    if isinstance(piece, wire.CallPiece):
        return {"tool_calls": [piece.to_json()]}
    return {"reasoning_content": piece.reasoning} if piece.reasoning else {"content": piece.text}


def _whole_message(said: Sequence[Piece]) -> dict[str, Any]:
    deltas = [piece for piece in said if isinstance(piece, wire.Delta)]
    calls = _whole_calls([piece for piece in said if isinstance(piece, wire.CallPiece)])
    content, reasoning = "".join(d.text for d in deltas), "".join(d.reasoning for d in deltas)
    message: dict[str, Any] = {"content": content if content.strip() or not calls else None}
    if reasoning:
        message["reasoning_content"] = reasoning
    if calls:
        message["tool_calls"] = [call.to_json() for call in calls]
    return message


def _whole_calls(pieces: Sequence[wire.CallPiece]) -> list[wire.ToolCall]:
    arguments: dict[int, list[str]] = {}
    for piece in pieces:
        arguments.setdefault(piece.number, []).append(piece.arguments)
    firsts = {piece.number: piece for piece in pieces if piece.id}
    return [wire.ToolCall(each.id, each.name, "".join(arguments[number])) for number, each in firsts.items()]


def _delta(index: int, delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
    return {"index": index, "delta": delta, "logprobs": None, "finish_reason": reason}
