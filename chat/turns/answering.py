"""From a claimed turn to the last word of its answer: wait for documents, search, pack, stream.

A model's process that dies is a pause: the text so far is sent back as the beginning of the answer. Left out: leases,
stopping and the end of the turn. Those are `chat.turns.work`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

from django.conf import settings

from chat import events, prompts
from chat.database import in_thread
from chat.models import Turn
from chat.turns import failures, followups, history, shared_search, sources
from chat.turns.stopped_usage import Meter
from chat.turns.writer import AnswerWriter
from inference import errors, wire
from inference.client import AsyncClient

log = logging.getLogger(__name__)

PROGRESS_SECONDS = 0.2  # reading and queueing are told at most this often
DOCUMENT_POLL_SECONDS = 0.5
LOST_SECONDS = 60.0  # how long a lost engine may take to come back, from its last sign of life
SILENCE_SECONDS = 45.0  # an engine that reads or writes and says nothing for so long hangs
PROBE_SECONDS = 5.0

Stream = AsyncGenerator[wire.StreamEvent, None]


@dataclass
class Outcome:
    """How the answer ended: stop, length or stopped."""

    reason: str
    usage: wire.Usage
    timings: wire.Timings


class Answering:
    """One attempt. `sources` is what the answer was given to read, once that is known; `meter` what it has used."""

    def __init__(self, turn: Turn, client: AsyncClient, writer: AnswerWriter) -> None:
        self.turn = turn
        self.sources = sources.Sources()
        self.meter = Meter()
        self._client = client
        self._writer = writer
        self._told_at = 0.0
        self._told_stage = ""
        self._heard_at = time.monotonic()
        self._may_be_silent = True  # while a model waits for room or is being loaded

    async def run(self) -> Outcome:
        """The whole answer into the writer. Raises TurnFailed and inference errors."""
        said, context_length, documents = await in_thread(history.load, self.turn)
        self.turn.answer.context_length = context_length
        asks_more = await in_thread(sources.asks_more, self.turn)
        if documents or asks_more:
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
        look = partial(followups.rewritten, self.turn, said, self._client)
        rewritten = await shared_search.once_async(self.turn, "question", look)
        self.sources = await in_thread(sources.find, self.turn, documents, said, context_length, rewritten)

    async def _request(self, said: list[prompts.Said], context_length: int) -> wire.ChatRequest:
        turn = self.turn
        room = prompts.room_for_prompt(context_length)
        try:
            count = history.counter(turn.model_name)
            prompt = await in_thread(
                prompts.pack,
                said,
                turn.question.text,
                self.sources.text,
                room,
                count,
                self._writer.reasoning + self._writer.text,
                turn.thread.instructions,
            )
        except prompts.QuestionTooLong as error:
            failure = (
                failures.answer_too_long() if self._writer.text or self._writer.reasoning else failures.too_long(error)
            )
            raise failure from error
        await self._tell_sources(prompt.num_history_left_out)
        whose = f"employee-{turn.thread.owner_id}"
        # What a temporary thread made the engine read is of no use to any other thread.
        salt = f"thread-{turn.thread_id.hex}" if turn.thread.is_temporary else whose
        wanted = turn.thread.answer_settings
        return wire.ChatRequest(
            model=turn.model_name,
            messages=prompt.messages,
            max_tokens=wanted.max_tokens or prompts.MAX_ANSWER_TOKENS,
            temperature=prompts.temperature(wanted.temperature, is_sourced=bool(self.sources.text)),
            top_p=wanted.top_p,
            cache_salt=salt,
            fairness_key=whose,
            return_progress=True,
            num_public_messages=prompt.num_public_messages,
        )

    async def _tell_sources(self, num_history_left_out: int) -> None:
        found = self.sources.event
        if found is None and not num_history_left_out:
            return
        event = replace(found or events.SourcesFound(), num_history_left_out=num_history_left_out)
        frame = event.frame()
        del frame["type"]
        self.turn.answer.sources = frame
        await in_thread(history.keep_sources, self.turn)
        await self._writer.say(event)

    async def _stream_until_whole(self, request: wire.ChatRequest) -> Outcome:
        """The answer, over as many deaths of the engine as a minute without a sign of life allows."""
        self._heard_at = time.monotonic()
        while True:
            try:
                return await self._stream(self._going_on(request))
            except (errors.BackendLost, errors.Unreachable) as error:
                if time.monotonic() - self._heard_at > LOST_SECONDS:
                    raise
                log.warning("turn %s: %s, trying again", self.turn.id, error.code)
                self._may_be_silent = False
                await asyncio.sleep(1.0)

    def _going_on(self, request: wire.ChatRequest) -> wire.ChatRequest:
        """With the text so far as the beginning of the answer, or in the middle of its reasoning."""
        writer = self._writer
        if not (writer.text or writer.reasoning):
            return request
        begun = {"role": "assistant", "content": writer.text}
        if writer.reasoning:
            begun["reasoning_content"] = writer.reasoning
        return wire.ChatRequest(
            **{name: getattr(request, name) for name in request.__slots__}
            | {"messages": [*request.messages, begun], "continue_final_message": True}
        )

    async def _stream(self, request: wire.ChatRequest) -> Outcome:
        async with contextlib.aclosing(cast(Stream, self._client.stream(request))) as stream:
            while (event := await self._next(stream)) is not None:
                match event:
                    case wire.Delta(text=text, reasoning=reasoning):
                        self.meter.wrote(reasoning + text)
                        if reasoning:
                            await self._writer.think(reasoning)
                        if text:
                            await self._writer.extend(text)
                    case wire.Queued(position=position, wait_seconds=seconds):
                        await self._tell(events.Progressed("queued", position=position, wait_seconds=seconds))
                    case wire.Loading(percent=percent):
                        await self._tell(events.Progressed("loading", percent=percent))
                    case wire.Reading(num_prompt_tokens=num_tokens, num_done=num_done):
                        self.meter.reading(num_tokens)
                        await self._tell(events.Progressed("reading", num_prompt_tokens=num_tokens, num_done=num_done))
                    case wire.Finished(reason=reason, usage=usage, timings=timings):
                        await self._writer.flush()
                        return Outcome(reason, usage, timings)
        raise errors.BackendLost("The stream ended without an end.")

    async def _next(self, stream: Stream) -> wire.StreamEvent | None:
        """The next event, None at the end. Raises BackendLost when the engine hangs."""
        if self._may_be_silent:
            event = await self._next_while_alive(stream)
        else:
            left = max(1.0, min(SILENCE_SECONDS, self._heard_at + LOST_SECONDS - time.monotonic()))
            try:
                async with asyncio.timeout(left):
                    event = await anext(stream, None)
            except TimeoutError:
                raise errors.BackendLost("The engine says nothing any more.") from None
        if event is not None:
            self._heard_at = time.monotonic()
            self._may_be_silent = isinstance(event, wire.Loading)
        return event

    async def _next_while_alive(self, stream: Stream) -> wire.StreamEvent | None:
        """The next event, however long that takes, as long as the service answers to something else."""
        coming = asyncio.ensure_future(anext(stream, None))
        try:
            while not (await asyncio.wait({coming}, timeout=SILENCE_SECONDS))[0]:
                async with asyncio.timeout(PROBE_SECONDS):
                    await self._client.models()
            return await coming
        except TimeoutError:
            raise errors.BackendLost("The service does not answer any more.") from None
        finally:
            coming.cancel()
            await asyncio.wait({coming})

    async def _tell(self, event: events.Progressed) -> None:
        now = time.monotonic()
        if event.stage != self._told_stage or now - self._told_at >= PROGRESS_SECONDS:
            self._told_stage, self._told_at = event.stage, now
            await self._writer.say(event)
