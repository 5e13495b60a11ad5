"""OpenAI's older shapes: a text that goes on from a text, without a template around it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from inference import wire
from inference.answers import Answer
from inference.jobs import AnswerStream
from inference.metrics import Metrics
from inference.parameters import CompletionJob


class CompletionAnswer(Answer):
    prefix, object_name, chunk_name = "cmpl", "text_completion", "text_completion"

    def __init__(self, job: CompletionJob, streams: Sequence[AnswerStream], metrics: Metrics, request_id: str) -> None:
        super().__init__(job, streams, metrics, request_id)
        self._job = job
        self._num_chars = [len(self._echo(index)) for index in range(len(streams))]

    @property
    def num_per_prompt(self) -> int:
        return self._job.num_choices

    async def choice(self, index: int) -> dict[str, Any]:
        parts, logprobs, reason = [self._echo(index)], _Logprobs(self._num_chars[index]), "stop"
        async for event in self._streams[index]:
            if isinstance(event, wire.Delta):
                parts.append(event.text)
                logprobs.add(event.logprobs)
            elif isinstance(event, wire.Finished):
                reason = event.reason
                self.note_end(index, event)
        return _choice(index, "".join(parts), logprobs.to_json(), reason)

    def begin(self) -> Iterator[dict[str, Any]]:
        for index in range(len(self._streams)):
            if self._job.echo:
                yield _choice(index, self._echo(index), None, None)

    def extend(self, index: int, event: wire.Delta) -> Iterator[dict[str, Any]]:
        logprobs = _Logprobs(self._num_chars[index])
        logprobs.add(event.logprobs)
        self._num_chars[index] += len(event.text)
        yield _choice(index, event.text, logprobs.to_json(), None)

    def finish(self, index: int, event: wire.Finished) -> Iterable[dict[str, Any]]:
        self.note_end(index, event)
        return [_choice(index, "", None, event.reason)]

    def _echo(self, index: int) -> str:
        prompt = self._job.prompts[index // self._job.num_choices]
        return prompt if self._job.echo and isinstance(prompt, str) else ""


class _Logprobs:
    """Columns, where chat has rows."""

    def __init__(self, offset: int) -> None:
        self._rows: list[Mapping[str, Any]] = []
        self._offset = offset

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._rows += rows

    def to_json(self) -> dict[str, Any] | None:
        if not self._rows:
            return None
        offsets, offset = [], self._offset
        for row in self._rows:
            offsets.append(offset)
            offset += len(row["token"])
        return {
            "tokens": [row["token"] for row in self._rows],
            "token_logprobs": [row["logprob"] for row in self._rows],
            "top_logprobs": [{each["token"]: each["logprob"] for each in row["top_logprobs"]} for row in self._rows],
            "text_offset": offsets,
        }


def _choice(index: int, text: str, logprobs: dict[str, Any] | None, reason: str | None) -> dict[str, Any]:
    return {"index": index, "text": text, "logprobs": logprobs, "finish_reason": reason}
