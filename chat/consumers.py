"""One socket a tab: frames in, events out. Owns no query; verbs do the work on database threads.

Rights are looked at again with every frame, and whenever the employee's doorbell says that they changed. Frames are
taken one at a time, rings beside them: the answer itself is written by another process. Written for ASGI directly,
because Channels' consumers cost two tasks and a queue a tab and a thread's turn a message.
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from django.db import DatabaseError
from django.utils import translation
from django.utils.translation import gettext as _

from chat import bells, doorbell, events, frames, limits, sessions
from chat.database import in_thread
from chat.errors import HearthError
from chat.events import RESTART, SIGNED_OUT, TOO_FAST, TOO_MANY_SOCKETS
from chat.hearing import Hearing
from chat.languages import of_headers
from chat.logs import current_request_id
from chat.socket_rights import Rights, SignedOut
from chat.turns import asking, queue
from chat.turns.following import Following

log = logging.getLogger(__name__)

MAX_BAD_FRAMES = 200


async def socket(scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Any) -> None:
    """The ASGI application of `/socket/`."""
    current_request_id.set(uuid.uuid4().hex[:12])
    tab = SocketConsumer(scope, send)
    await receive()  # websocket.connect
    if not await tab.connect():
        return
    try:
        while (message := await receive())["type"] == "websocket.receive":
            await tab.receive(message.get("text"))
    finally:
        tab.disconnect()


class SocketConsumer:
    def __init__(self, scope: dict[str, Any], send: Any) -> None:
        self._scope = scope
        self._asgi_send = send
        self._budget = limits.FrameBudget()
        self._num_bad_frames = 0
        self._opened_at = time.monotonic()
        self._renewal_at: float | None = None
        self._is_closed = False

    async def connect(self) -> bool:
        session_key = self._scope["cookies"].get(sessions.cookie_name())
        try:
            employee = await in_thread(sessions.employee_of, session_key)
        except DatabaseError as error:
            log.warning("socket refused: %s", type(error).__name__)
            employee = None
        if employee is None:
            await self.close()  # before accept: the handshake is refused
            return False
        self.language = employee.language or of_headers(self._scope["headers"])
        await self._asgi_send({"type": "websocket.accept"})
        if not limits.socket_places.take(employee.pk):
            await self.close(TOO_MANY_SOCKETS)
            return False
        self.rights = Rights(session_key, employee.pk)
        self.following = Following(self.send, self.rights, self.close)
        self._hearing = Hearing(self, employee.pk)
        self._hearing.begin()
        # Whoever sees that the socket is open may count on rings.
        await bells.of_loop().ready()
        return True

    def disconnect(self) -> None:
        self._is_closed = True
        limits.socket_places.give_back(self.rights.employee_id)
        self._hearing.end()
        self.following.end()

    async def receive(self, text: str | None) -> None:
        frame: frames.Frame | None = None
        with translation.override(self.language):
            try:
                frame = frames.parse(text)
                if self._budget.take(frames.ACKNOWLEDGE_COST if isinstance(frame, frames.Acknowledge) else 1.0):
                    await self._handle(frame)
                else:
                    await self._bad_frame(getattr(frame, "ref", None), *_too_fast())
            except frames.BadFrame as error:
                said = (error.code, error.sentence) if self._budget.take() else _too_fast()
                await self._bad_frame(error.ref, *said)
            except SignedOut:
                await self.close(SIGNED_OUT)
            except HearthError as error:
                await self.say(events.error(_name_of(frame), error.code, error.sentence))
            except DatabaseError as error:
                log.warning("frame not handled: %s", type(error).__name__)
                # An acknowledgement or a ping comes again by itself; whatever else was asked is told.
                if not isinstance(frame, frames.Acknowledge | frames.Ping):
                    sentence = _("The database does not answer. Try again in a moment.")
                    await self.say(events.error(getattr(frame, "ref", None), "unavailable", sentence))
            except Exception:  # one broken frame must not end the tab's other answers
                log.exception("frame failed")
                await self.say(events.error(None, "server_error", _("Something broke on our side.")))

    async def _handle(self, frame: frames.Frame) -> None:
        match frame:
            case frames.SendMessage() | frames.RegenerateAnswer() | frames.ContinueAnswer():
                await self._ask(frame)
            case frames.FollowTurn():
                await self._follow(frame)
            case frames.StopTurn():
                await self.rights.as_employee(queue.request_stop, frame.turn)
            case frames.UnfollowTurn():
                await self.rights.check()
                self.following.leave(frame.turn)
            case frames.Acknowledge():
                await self.rights.check()
                await self.following.acknowledge(frame.turn, frame.seq)
            case frames.Ping():
                await self.rights.check()
                await self.say({"type": "pong"})
                await self._renew_if_old()

    async def _ask(self, frame: frames.SendMessage | frames.RegenerateAnswer | frames.ContinueAnswer) -> None:
        sent = await self.rights.as_employee(*_wish_of(frame, self.language))
        await self.say(events.accepted(frame.ref, sent))
        # Who asks will follow: beginning now spares the first word a round trip.
        for turn in (sent.turn, *sent.others):
            await self.following.begin_for_asker(turn.id, is_new=turn.attempt == 0)
        group = doorbell.employee_group(sent.thread.owner_id)
        branch = {"type": "branch.changed", "thread": str(sent.thread.id), "ref": frame.ref}
        await doorbell.ring_soon(group, {"type": "thread.changed", "thread": sent.thread.summary()}, branch)

    async def _follow(self, frame: frames.FollowTurn) -> None:
        if self.following.was_begun_for(frame.turn, frame.after_seq):
            await self.rights.check()
            return
        if not await self.following.begin(frame.turn, frame.after_seq):
            sentence = _("This tab follows too many answers at once.")
            await self.say(events.error(str(frame.turn), "too_many_turns", sentence))

    async def _renew_if_old(self) -> None:
        """A tab may stay open for weeks; its socket does not."""
        now = time.monotonic()
        if now - self._opened_at < limits.SOCKET_SECONDS:
            return
        if self._renewal_at is None:
            self._renewal_at = now
            await self.say({"type": "reconnect"})
        elif now - self._renewal_at > limits.RENEWAL_SECONDS:
            await self.close(RESTART)

    # Saying

    async def say(self, frame: dict[str, Any]) -> None:
        await self.send(json.dumps(frame, separators=(",", ":"), ensure_ascii=False))

    async def send(self, text: str) -> None:
        if not self._is_closed:
            await self._asgi_send({"type": "websocket.send", "text": text})

    async def close(self, code: int | None = None) -> None:
        if not self._is_closed:
            self._is_closed = True
            await self._asgi_send({"type": "websocket.close"} | ({"code": code} if code else {}))

    async def _bad_frame(self, ref: str | None, code: str, sentence: str) -> None:
        self._num_bad_frames += 1
        if self._num_bad_frames > MAX_BAD_FRAMES:
            await self.close(TOO_FAST)
            return
        await self.say(events.error(ref, code, sentence))


def _too_fast() -> tuple[str, str]:
    return "too_fast", _("That was too fast. Wait a moment and try again.")


def _name_of(frame: frames.Frame | None) -> str | None:
    """What the page calls the thing that it asked for."""
    match frame:
        case frames.FollowTurn(turn=turn) | frames.StopTurn(turn=turn):
            return str(turn)
    return getattr(frame, "ref", None)


def _wish_of(frame: frames.Frame, language: str) -> tuple[Callable[..., asking.Sent], Any]:
    """The verb of a frame that asks for an answer, and what it is given."""
    match frame:
        case frames.ContinueAnswer(id=id, answer=answer):
            return asking.go_on, asking.Rest(id, answer, language)
        case frames.RegenerateAnswer(id=id, answer=answer, model=model):
            return asking.regenerate, asking.Again(id, answer, model, language)
        case frames.SendMessage(id=id, text=text, documents=documents, model=model):
            place = frame.thread, text, model, documents, language, frame.parent, frame.edits
            begins = asking.Beginning(frame.folder, frame.temporary, frame.assistant, frame.settings)
            asks = frame.collections, frame.everything, frame.compare
            return asking.send, asking.Question(id, *place, begins, frame.model_once, *asks)
    raise TypeError(frame)
