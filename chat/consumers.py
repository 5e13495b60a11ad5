"""One socket a tab: frames in, events out. Owns no query; verbs do the work on database threads.

Rights are looked at again with every frame, and whenever the employee's doorbell says that they changed. Handlers
return quickly, because Channels runs one at a time: the answer itself is written by another process.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import DatabaseError
from django.utils import translation
from django.utils.translation import gettext as _

from chat import doorbell, events, frames, limits, sessions
from chat.database import in_thread
from chat.errors import HearthError
from chat.languages import of_headers
from chat.logs import current_request_id
from chat.models import Employee
from chat.turns import asking, follow, queue
from chat.views.documents import state_or_deletion
from chat.views.frame import models_of

log = logging.getLogger(__name__)
R = TypeVar("R")

SIGNED_OUT, TOO_MANY_SOCKETS, TOO_FAST = 4401, 4429, 4408
CHECK_EVERY_SECONDS = 1.0  # for frames that reach no verb
MAX_BAD_FRAMES = 200


class SignedOut(Exception):
    """The session behind the socket has ended."""


class SocketConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    async def connect(self) -> None:
        self.employee_id: int | None = None
        self.followers: dict[uuid.UUID, follow.Follower] = {}
        self.window = follow.Window()
        self.budget = limits.FrameBudget()
        self.num_bad_frames = 0
        self.checked_at = time.monotonic()
        self.looking: asyncio.Task[None] | None = None
        self.checking: asyncio.Task[bool] | None = None
        current_request_id.set(uuid.uuid4().hex[:12])
        self.session_key = self.scope["cookies"].get(sessions.cookie_name())
        employee = await in_thread(sessions.employee_of, self.session_key)
        if employee is None:
            await self.close()  # before accept: the handshake is refused
            return
        self.language = employee.language or of_headers(self.scope["headers"])
        if not limits.socket_places.take(employee.pk):
            await self.accept()
            await self.close(TOO_MANY_SOCKETS)
            return
        self.employee_id = employee.pk
        await self.channel_layer.group_add(doorbell.employee_group(employee.pk), self.channel_name)
        await self.channel_layer.group_add(doorbell.EVERYONE, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        for task in (self.looking, self.checking):
            if task is not None:
                task.cancel()
        if self.employee_id is None:
            return
        limits.socket_places.give_back(self.employee_id)
        await self.channel_layer.group_discard(doorbell.employee_group(self.employee_id), self.channel_name)
        await self.channel_layer.group_discard(doorbell.EVERYONE, self.channel_name)
        for turn_id in list(self.followers):
            await self._leave(turn_id)
        self.employee_id = None

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.employee_id is None:
            return
        with translation.override(self.language):
            try:
                frame = frames.parse(text_data)
                if self.budget.take(frames.ACKNOWLEDGE_COST if isinstance(frame, frames.Acknowledge) else 1.0):
                    await self._handle(frame)
                else:
                    await self._bad_frame(getattr(frame, "ref", None), *_too_fast())
            except frames.BadFrame as error:
                said = (error.code, error.sentence) if self.budget.take() else _too_fast()
                await self._bad_frame(error.ref, *said)
            except SignedOut:
                await self.close(SIGNED_OUT)
            except DatabaseError as error:
                log.warning("frame not handled: %s", type(error).__name__)
                # An acknowledgement or a ping comes again by itself; whatever else was asked is told.
                if not isinstance(frame, frames.Acknowledge | frames.Ping):
                    sentence = _("The database does not answer. Try again in a moment.")
                    await self._say(events.error(getattr(frame, "ref", None), "unavailable", sentence))
            except Exception:  # one broken frame must not end the tab's other answers
                log.exception("frame failed")
                await self._say(events.error(None, "server_error", _("Something broke on our side.")))

    async def _handle(self, frame: frames.Frame) -> None:
        match frame:
            case frames.SendMessage() | frames.RegenerateAnswer() | frames.ContinueAnswer():
                await self._ask(frame)
            case frames.FollowTurn():
                await self._follow(frame)
            case frames.StopTurn():
                await self._stop(frame)
            case frames.UnfollowTurn():
                await self._check()
                await self._leave(frame.turn)
            case frames.Acknowledge():
                await self._check()
                await self._acknowledge(frame)
            case frames.Ping():
                await self._check()
                await self._say({"type": "pong"})

    # What a browser may ask for

    async def _ask(self, frame: frames.SendMessage | frames.RegenerateAnswer | frames.ContinueAnswer) -> None:
        ref = frame.ref
        try:
            sent = await self._as_employee(*_wish_of(frame, self.language))
        except HearthError as error:
            await self._say(events.error(ref, error.code, error.sentence))
            return
        turn = sent.turn
        await self._say(events.accepted(ref, sent))
        if turn.id not in self.followers:
            # Who asks will follow: beginning now spares the first word a round trip.
            follower = await self._begin_following(turn.id, 0, is_new=turn.attempt == 0)
            follower.is_automatic = True
        group = doorbell.employee_group(sent.thread.owner_id)
        await doorbell.ring_soon(group, {"type": "thread.changed", "thread": sent.thread.summary()})
        await doorbell.ring_soon(group, {"type": "branch.changed", "thread": str(sent.thread.id), "ref": ref})

    async def _follow(self, frame: frames.FollowTurn) -> None:
        known = self.followers.get(frame.turn)
        if known is not None and known.is_automatic and known.after_seq == frame.after_seq:
            known.is_automatic = False
            await self._check()
            return
        try:
            await self._as_employee(follow.state_of, frame.turn)
        except HearthError as error:
            await self._say(events.error(str(frame.turn), error.code, error.sentence))
            return
        await self._leave(frame.turn)
        if len(self.followers) >= limits.MAX_FOLLOWED_TURNS:
            sentence = _("This tab follows too many answers at once.")
            await self._say(events.error(str(frame.turn), "too_many_turns", sentence))
            return
        await self._begin_following(frame.turn, frame.after_seq)

    async def _stop(self, frame: frames.StopTurn) -> None:
        try:
            await self._as_employee(queue.request_stop, frame.turn)
        except HearthError as error:
            await self._say(events.error(str(frame.turn), error.code, error.sentence))

    async def _acknowledge(self, frame: frames.Acknowledge) -> None:
        follower = self.followers.get(frame.turn)
        if follower is None:
            return
        await follower.acknowledge(frame.seq)
        for other in list(self.followers.values()):
            await other.go_on()

    # What doorbells say

    async def turn_event(self, message: dict[str, Any]) -> None:
        follower = self.followers.get(uuid.UUID(message["frame"]["turn"]))
        if follower is not None:
            if self.checking is None or self.checking.done():
                self.checking = asyncio.create_task(self._may_hear())  # the words do not wait for it
            await follower.hear(message["id"], message["seq"], message["frame"])

    async def rights_changed(self, message: dict[str, Any]) -> None:
        if message["session_key"] in ("", self.session_key):
            self.checked_at = 0.0
            try:
                await self._check()
            except SignedOut:
                await self.close(SIGNED_OUT)

    async def thread_changed(self, message: dict[str, Any]) -> None:
        if await self._may_hear():
            await self._say({"type": "thread.changed", "thread": message["thread"]})

    async def branch_changed(self, message: dict[str, Any]) -> None:
        """Somebody asked in another tab, or in this one: which it was, the page knows by ref."""
        if await self._may_hear():
            await self._say({"type": "branch.changed", "thread": message["thread"], "ref": message["ref"]})

    async def models_changed(self, message: dict[str, Any]) -> None:
        try:
            models = await self._as_employee(models_of, note_seen=False)
        except SignedOut:
            await self.close(SIGNED_OUT)
            return
        await self._say({"type": "models.changed", "models": models})

    async def document_changed(self, message: dict[str, Any]) -> None:
        try:
            with translation.override(self.language):
                state = await self._as_employee(state_or_deletion, uuid.UUID(message["document_id"]), note_seen=False)
        except SignedOut:
            await self.close(SIGNED_OUT)
            return
        await self._say({"type": "document.changed", "document": state})

    # Followers

    async def _begin_following(self, turn_id: uuid.UUID, after_seq: int, *, is_new: bool = False) -> follow.Follower:
        follower = follow.Follower(
            turn_id,
            after_seq,
            self.window,
            send=lambda text: self.send(text_data=text),
            load=partial(self._as_employee, follow.state_of, turn_id, note_seen=False),
        )
        self.followers[turn_id] = follower
        # First the doorbell, then the log: what happens in between is in both, and is sent once.
        await self.channel_layer.group_add(doorbell.turn_group(turn_id), self.channel_name)
        await follower.look(ask_database=not is_new)
        if self.looking is None or self.looking.done():
            self.looking = asyncio.create_task(self._look_after_followers())
        return follower

    async def _leave(self, turn_id: uuid.UUID) -> None:
        follower = self.followers.pop(turn_id, None)
        if follower is not None:
            follower.leave()
            await self.channel_layer.group_discard(doorbell.turn_group(turn_id), self.channel_name)

    async def _look_after_followers(self) -> None:
        """A doorbell may be lost: while answers are open, look for news that it did not bring."""
        while any(not follower.is_over for follower in self.followers.values()):
            await asyncio.sleep(follow.QUIET_SECONDS / 2)
            try:
                for follower in list(self.followers.values()):
                    if follower.is_quiet:
                        await follower.look()
            except SignedOut:
                await self.close(SIGNED_OUT)
                return

    # Rights

    async def _as_employee(self, verb: Callable[..., R], *args: Any, note_seen: bool = True) -> R:
        """Call verb(employee, …) for whoever the session belongs to now. Raises SignedOut."""
        result: R = await in_thread(_guarded, self.session_key, self.employee_id, note_seen, verb, *args)
        self.checked_at = time.monotonic()
        return result

    async def _check(self) -> None:
        if time.monotonic() - self.checked_at > CHECK_EVERY_SECONDS:
            await self._as_employee(lambda employee: None, note_seen=False)

    async def _may_hear(self) -> bool:
        """Sessions also end by themselves, and nobody rings for that: who only listens must not go on hearing."""
        try:
            await self._check()
        except SignedOut:
            await self.close(SIGNED_OUT)
            return False
        except DatabaseError as error:
            log.warning("rights not checked: %s", type(error).__name__)
        return True

    # Saying

    async def _say(self, frame: dict[str, Any]) -> None:
        await self.send(text_data=json.dumps(frame, separators=(",", ":"), ensure_ascii=False))

    async def _bad_frame(self, ref: str | None, code: str, sentence: str) -> None:
        self.num_bad_frames += 1
        if self.num_bad_frames > MAX_BAD_FRAMES:
            await self.close(TOO_FAST)
            return
        await self._say(events.error(ref, code, sentence))


def _too_fast() -> tuple[str, str]:
    return "too_fast", _("That was too fast. Wait a moment and try again.")


def _wish_of(frame: frames.Frame, language: str) -> tuple[Callable[..., asking.Sent], Any]:
    """The verb of a frame that asks for an answer, and what it is given."""
    match frame:
        case frames.ContinueAnswer(id=id, answer=answer):
            return asking.go_on, asking.Rest(id, answer, language)
        case frames.RegenerateAnswer(id=id, answer=answer, model=model):
            return asking.regenerate, asking.Again(id, answer, model, language)
        case frames.SendMessage(id=id, text=text, documents=documents, model=model):
            place = frame.thread, text, model, documents, language, frame.parent, frame.edits
            return asking.send, asking.Question(id, *place)
    raise TypeError(frame)


def _guarded(
    session_key: str | None, employee_id: int | None, note_seen: bool, verb: Callable[..., Any], *args: Any
) -> Any:
    employee: Employee | None = sessions.employee_of(session_key, note_seen=note_seen)
    if employee is None or employee.pk != employee_id:
        raise SignedOut
    return verb(employee, *args)
