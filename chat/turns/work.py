"""One turn, from the claim to its end: wait for documents, search, pack, stream, finish.

Whatever ends the work early is a cancellation with a reason: the asker stops it, the process is told to leave, or
another worker has the turn. A model's process that dies is a pause; the answer goes on from its text.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Literal, cast

from django.conf import settings
from django.db import DatabaseError
from django.utils import translation

from chat import events, prompts
from chat.database import in_thread
from chat.logs import current_request_id
from chat.models import Turn
from chat.models.message import COMPLETE
from chat.models.message import FAILED as MESSAGE_FAILED
from chat.models.message import STOPPED as MESSAGE_STOPPED
from chat.models.turn import FAILED, FINISHED, STOPPED
from chat.turns import after, failures, history, queue, sources
from chat.turns.log import Fenced
from chat.turns.writer import AnswerWriter
from inference import errors, wire
from inference.client import AsyncClient

log = logging.getLogger(__name__)

CHECKPOINT_SECONDS = 1.0
HEARTBEAT_SECONDS = 5.0
PROGRESS_SECONDS = 0.2  # reading and queueing are told at most this often
DOCUMENT_POLL_SECONDS = 0.5
LOST_SECONDS = 60.0  # how long a lost engine may take to come back
BUSY_SECONDS = 600.0  # how long a full engine may keep a turn waiting

Stream = AsyncGenerator[wire.StreamEvent, None]
Reason = Literal["", "stop", "leave", "fenced"]


@dataclass
class Outcome:
    reason: str
    usage: wire.Usage
    timings: wire.Timings


class TurnWork:
    """`run` it as a task; `stop` and `leave` end it soon and in order."""

    def __init__(self, turn: Turn, client: AsyncClient) -> None:
        self.turn = turn
        self._client = client
        self._writer = AnswerWriter(turn)
        self._sources = sources.Sources()
        self._main: asyncio.Task[Outcome] | None = None
        self._reason: Reason = ""
        self._told_at = 0.0
        self._told_stage = ""

    async def run(self) -> None:
        current_request_id.set(self.turn.id.hex[:12])
        with translation.override(self.turn.language or settings.LANGUAGE_CODE):
            try:
                await self._run()
            except Fenced:
                log.warning("turn %s went to another worker", self.turn.id)

    def stop(self) -> None:
        """The asker has read enough."""
        self._end("stop")

    def leave(self) -> None:
        """The process ends: the turn goes back to the queue with its text."""
        self._end("leave")

    def _end(self, reason: Reason) -> None:
        if not self._reason:
            self._reason = reason
            if self._main is not None:
                self._main.cancel()

    async def _run(self) -> None:
        await self._writer.open()
        self._main = asyncio.create_task(self._answer())
        if self._reason:
            self._main.cancel()
        beat = asyncio.create_task(self._keep_lease())
        try:
            outcome = await self._main
        except asyncio.CancelledError:
            await self._end_early()
        except failures.TurnFailed as failure:
            await self._fail(failure)
        except errors.CapacityError as error:
            await self._wait_for_room(error)
        except errors.InferenceError as error:
            await self._fail(failures.of_inference(error))
        else:
            await self._finish(FINISHED, COMPLETE, outcome)
        finally:
            beat.cancel()

    async def _answer(self) -> Outcome:
        turn = self.turn
        if turn.stop_requested_at is not None:
            self._end("stop")
            await asyncio.sleep(0)  # the cancellation arrives here
        if turn.num_interruptions >= queue.MAX_INTERRUPTIONS:
            raise failures.interrupted()
        said, context_length, documents = await in_thread(history.load, turn)
        if documents:
            await self._find_sources(said, context_length)
        request = await self._request(said, context_length)
        return await self._stream_until_whole(request)

    async def _find_sources(self, said: list[prompts.Said], context_length: int) -> None:
        deadline = time.monotonic() + settings.DOCUMENT_WAIT_SECONDS
        while True:
            documents = await in_thread(sources.documents_of, self.turn)
            title = await in_thread(sources.first_unread, documents)
            await self._tell(events.Progressed("searching", waiting_for=title))
            if title is None or time.monotonic() > deadline:
                break
            await asyncio.sleep(DOCUMENT_POLL_SECONDS)
        self._sources = await in_thread(sources.find, self.turn, documents, said, context_length)

    async def _request(self, said: list[prompts.Said], context_length: int) -> wire.ChatRequest:
        turn = self.turn
        room = prompts.room_for_prompt(context_length)
        try:
            prompt = await in_thread(
                prompts.pack, said, turn.question.text, self._sources.text, room, history.counter(turn.model_name)
            )
        except prompts.QuestionTooLong as error:
            raise failures.too_long(error) from error
        await self._tell_sources(prompt.num_history_left_out)
        whose = f"employee-{turn.thread.owner_id}"
        return wire.ChatRequest(
            model=turn.model_name,
            messages=prompt.messages,
            max_tokens=prompts.MAX_ANSWER_TOKENS,
            temperature=prompts.SOURCED_TEMPERATURE if self._sources.text else None,
            cache_salt=whose,
            fairness_key=whose,
            return_progress=True,
        )

    async def _tell_sources(self, num_history_left_out: int) -> None:
        found = self._sources.event
        if found is None and not num_history_left_out:
            return
        found = found or events.SourcesFound()
        event = events.SourcesFound(
            sources=found.sources,
            num_left_out=found.num_left_out,
            left_out=found.left_out,
            num_history_left_out=num_history_left_out,
            weak=found.weak,
        )
        frame = event.frame()
        del frame["type"]
        self.turn.answer.sources = frame
        await in_thread(history.keep_sources, self.turn)
        await self._writer.say(event)

    async def _stream_until_whole(self, request: wire.ChatRequest) -> Outcome:
        """The answer, over as many deaths of the engine as a minute without a word allows."""
        lost_at: float | None = None
        while True:
            length = len(self._writer.text)
            try:
                return await self._stream(self._going_on(request))
            except (errors.BackendLost, errors.Unreachable) as error:
                if lost_at is None or len(self._writer.text) > length:
                    lost_at = time.monotonic()
                if time.monotonic() - lost_at > LOST_SECONDS:
                    raise
                log.warning("turn %s: %s, trying again", self.turn.id, error.code)
                await asyncio.sleep(1.0)

    def _going_on(self, request: wire.ChatRequest) -> wire.ChatRequest:
        """With the text so far as the beginning of the answer."""
        if not self._writer.text:
            return request
        begun = {"role": "assistant", "content": self._writer.text}
        return wire.ChatRequest(
            **{name: getattr(request, name) for name in request.__slots__}
            | {"messages": [*request.messages, begun], "continue_final_message": True}
        )

    async def _stream(self, request: wire.ChatRequest) -> Outcome:
        async with contextlib.aclosing(cast(Stream, self._client.stream(request))) as stream:
            async for event in stream:
                match event:
                    case wire.Delta(text=text):
                        await self._writer.extend(text)
                    case wire.Queued(position=position, wait_seconds=seconds):
                        await self._tell(events.Progressed("queued", position=position, wait_seconds=seconds))
                    case wire.Loading(percent=percent):
                        await self._tell(events.Progressed("loading", percent=percent))
                    case wire.Reading(num_prompt_tokens=num_tokens, num_done=num_done):
                        await self._tell(events.Progressed("reading", num_prompt_tokens=num_tokens, num_done=num_done))
                    case wire.Finished(reason=reason, usage=usage, timings=timings):
                        await self._writer.flush()
                        return Outcome(reason, usage, timings)
        raise errors.BackendLost("The stream ended without an end.")

    async def _tell(self, event: events.Progressed) -> None:
        now = time.monotonic()
        if event.stage != self._told_stage or now - self._told_at >= PROGRESS_SECONDS:
            self._told_stage, self._told_at = event.stage, now
            await self._writer.say(event)

    async def _keep_lease(self) -> None:
        while True:
            await asyncio.sleep(CHECKPOINT_SECONDS)
            try:
                if await self._writer.checkpoint(every_seconds=HEARTBEAT_SECONDS):
                    self.stop()
            except Fenced:
                self._end("fenced")
                return
            except DatabaseError as error:
                # The lease may run out meanwhile; then another worker has the turn, and we are told so.
                log.warning("turn %s: no checkpoint: %s", self.turn.id, type(error).__name__)

    async def _end_early(self) -> None:
        if self._reason == "fenced":
            raise Fenced
        await self._writer.flush()
        if self._reason == "stop":
            await self._finish(STOPPED, MESSAGE_STOPPED, Outcome("stopped", wire.Usage(), wire.Timings()))
        elif self._reason == "leave":
            await self._writer.checkpoint()
            await in_thread(queue.release, self.turn)
        else:
            raise asyncio.CancelledError

    async def _wait_for_room(self, error: errors.CapacityError) -> None:
        """Back into the queue for as long as the engine asks, unless that has gone on for too long."""
        waited = time.time() - self.turn.created_at.timestamp()
        if waited > BUSY_SECONDS:
            await self._fail(failures.of_inference(error))
            return
        seconds = min(error.retry_after_seconds or 2.0, 30.0)
        await self._writer.say(events.Progressed("queued", wait_seconds=seconds))
        await self._writer.checkpoint()
        await in_thread(queue.release, self.turn, not_before_seconds=seconds)

    async def _finish(self, status: str, message_status: str, outcome: Outcome) -> None:
        answer = self.turn.answer
        answer.text, answer.status, answer.finish_reason = self._writer.text, message_status, outcome.reason
        if outcome.usage.num_prompt_tokens:
            answer.num_prompt_tokens = outcome.usage.num_prompt_tokens
            answer.num_completion_tokens = outcome.usage.num_completion_tokens
            answer.tokens_per_second = round(outcome.timings.predicted_per_second, 1)
        exact = await in_thread(sources.settle, self.turn, self._sources)
        if exact is not None:
            await self._writer.say(exact)
        await self._store_end(status)
        await self._writer.say(
            events.Finished(
                reason=outcome.reason,
                num_chars=len(answer.text),
                sha256=events.digest(answer.text),
                num_prompt_tokens=answer.num_prompt_tokens,
                num_completion_tokens=answer.num_completion_tokens,
                tokens_per_second=answer.tokens_per_second,
                model=answer.model_name,
                marks=answer.sources.get("marks"),
            )
        )
        await self._close()

    async def _fail(self, failure: failures.TurnFailed) -> None:
        await self._writer.flush()
        answer = self.turn.answer
        answer.text, answer.status = self._writer.text, MESSAGE_FAILED
        answer.error_code, answer.error_sentence = failure.code, failure.sentence
        await self._store_end(FAILED)
        await self._writer.say(events.Failed(failure.code, failure.sentence))
        await self._close()

    async def _store_end(self, status: str) -> None:
        """COMMIT comes before the last event, so that whoever hears it finds the answer."""
        if not await in_thread(
            queue.finish, self.turn, seq=self._writer.seq + 1, status=status, answer=self.turn.answer
        ):
            raise Fenced

    async def _close(self) -> None:
        await self._writer.close()
        await in_thread(after.answered, self.turn)
