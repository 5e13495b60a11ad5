"""One turn, from the claim to its end: its lease, what may cut it short, and how it is stored.

Whatever ends the work early is a cancellation with a reason: the asker stops it, the process is told to leave, or
another worker has the turn. The answering itself is `chat.turns.answering`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Literal

from django.conf import settings
from django.db import DatabaseError
from django.utils import translation

from chat import events
from chat.database import in_thread
from chat.logs import current_request_id
from chat.models import Turn
from chat.models.message import COMPLETE
from chat.models.message import FAILED as MESSAGE_FAILED
from chat.models.message import STOPPED as MESSAGE_STOPPED
from chat.models.turn import FAILED, FINISHED, STOPPED
from chat.turns import after, failures, queue, sources
from chat.turns.answering import Answering, Outcome
from chat.turns.log import Fenced
from chat.turns.writer import AnswerWriter
from inference import errors
from inference.client import AsyncClient

log = logging.getLogger(__name__)

CHECKPOINT_SECONDS = 1.0
HEARTBEAT_SECONDS = 5.0
LOST_SECONDS = 60.0  # how long PostgreSQL may take to come back at the end
BUSY_SECONDS = 600.0  # how long a full engine may keep a turn waiting

Reason = Literal["", "stop", "leave", "fenced"]


class TurnWork:
    """`run` it as a task; `stop` and `leave` end it soon and in order."""

    def __init__(self, turn: Turn, client: AsyncClient) -> None:
        self.turn = turn
        self._client = client
        self._writer = AnswerWriter(turn)
        self._answering = Answering(turn, client, self._writer)
        self._main: asyncio.Task[Outcome] | None = None
        self._reason: Reason = ""

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
        return await self._answering.run()

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
            used = await self._answering.meter.usage(self._client, self.turn.model_name)
            await self._finish(STOPPED, MESSAGE_STOPPED, Outcome("stopped", *used))
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
        self._take_texts()
        answer.status, answer.finish_reason = message_status, outcome.reason
        if outcome.usage.num_prompt_tokens or outcome.usage.num_completion_tokens:
            # Of an answer that went on, the engine read the first part as prompt.
            before = answer.num_completion_tokens or 0
            answer.num_prompt_tokens = max(0, outcome.usage.num_prompt_tokens - before) or None
            answer.num_completion_tokens = outcome.usage.num_completion_tokens + before
            answer.tokens_per_second = round(outcome.timings.predicted_per_second, 1) or None
        exact = await in_thread(sources.settle, self.turn, self._answering.sources)
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
                context_length=answer.context_length,
                model=answer.model_name,
                version=answer.model_version,
                marks=answer.sources.get("marks"),
                reasoning=events.proof_of_reasoning(answer),
            )
        )
        await self._close()

    async def _fail(self, failure: failures.TurnFailed) -> None:
        await self._writer.flush()
        answer = self.turn.answer
        self._take_texts()
        answer.status = MESSAGE_FAILED
        answer.error_code, answer.error_sentence = failure.code, failure.sentence
        await self._store_end(FAILED)
        await self._writer.say(events.Failed(failure.code, failure.sentence))
        await self._close()

    def _take_texts(self) -> None:
        answer, writer = self.turn.answer, self._writer
        answer.text, answer.reasoning = writer.text, writer.reasoning
        answer.reasoning_seconds = round(writer.reasoning_seconds, 1) if writer.reasoning else None

    async def _store_end(self, status: str) -> None:
        """COMMIT comes before the last event, so that whoever hears it finds the answer."""
        deadline = time.monotonic() + LOST_SECONDS
        while True:
            try:
                done = await in_thread(
                    queue.finish, self.turn, seq=self._writer.seq + 1, status=status, answer=self.turn.answer
                )
            except DatabaseError:
                # A whole answer must not be written on by the next worker because PostgreSQL restarts.
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.5)
                continue
            if not done:
                raise Fenced
            return

    async def _close(self) -> None:
        await self._writer.close()
        await in_thread(after.answered, self.turn)
