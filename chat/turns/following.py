"""The answers that one socket follows: beginning, leaving, hearing, and looking when nothing is heard."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from django.db import DatabaseError

from chat import bells, doorbell, limits, visible
from chat.events import NOT_READING, SIGNED_OUT
from chat.socket_rights import Rights, SignedOut
from chat.turns import follow

log = logging.getLogger(__name__)


class Following:
    """`close` ends the socket with a code."""

    def __init__(self, send: follow.Send, rights: Rights, close: Callable[[int], Awaitable[None]]) -> None:
        self._send = send
        self._rights = rights
        self._close = close
        self._window = follow.Window()
        self._followers: dict[uuid.UUID, _Followed] = {}
        self._looking: asyncio.Task[None] | None = None
        self._checking: asyncio.Task[None] | None = None

    async def begin_for_asker(self, turn_id: uuid.UUID, *, is_new: bool) -> None:
        if turn_id not in self._followers:
            followed = await self._begin(turn_id, 0, is_new=is_new)
            followed.is_automatic = True

    def was_begun_for(self, turn_id: uuid.UUID, after_seq: int) -> bool:
        """Whether the page asks for what its question has begun already. True once."""
        known = self._followers.get(turn_id)
        if known is None or not known.is_automatic or known.follower.after_seq != after_seq:
            return False
        known.is_automatic = False
        return True

    async def begin(self, turn_id: uuid.UUID, after_seq: int) -> bool:
        """False when the socket follows too many already. Raises Missing."""
        state = await self._rights.as_employee(follow.state_of, turn_id)
        self.leave(turn_id)
        if len(self._followers) >= limits.MAX_FOLLOWED_TURNS:
            return False
        await self._begin(turn_id, after_seq, state=state)
        return True

    def leave(self, turn_id: uuid.UUID) -> None:
        followed = self._followers.pop(turn_id, None)
        if followed is not None:
            followed.leave()

    def end(self) -> None:
        for task in (self._looking, self._checking):
            if task is not None:
                task.cancel()
        for turn_id in list(self._followers):
            self.leave(turn_id)

    async def acknowledge(self, turn_id: uuid.UUID, seq: int) -> None:
        known = self._followers.get(turn_id)
        if known is None:
            return
        await known.follower.acknowledge(seq)
        for other in list(self._followers.values()):
            await other.follower.go_on()

    async def _begin(
        self, turn_id: uuid.UUID, after_seq: int, *, is_new: bool = False, state: dict[str, Any] | None = None
    ) -> _Followed:
        load = partial(self._rights.as_employee, follow.state_of, turn_id, note_seen=False)
        follower = follow.Follower(turn_id, after_seq, self._window, self._send_visible, load)
        followed = self._followers[turn_id] = _Followed(follower, self._heard, self._signed_out)
        # First the doorbell, then the log: what happens in between is in both, and is sent once.
        followed.listen()
        await follower.look(ask_database=not is_new, known=state)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_after_followers())
        return followed

    async def _send_visible(self, text: str) -> None:
        """Sources are shown as far as they may be seen now, however long ago they were found."""
        if text.startswith(visible.WITH_SOURCES):
            try:
                text = await self._rights.as_employee(visible.visible_event, text, note_seen=False)
            except DatabaseError:
                text = visible.blank_event(text)  # nobody can say what may be seen; the settled sources come anew
        await self._send(text)

    async def _look_after_followers(self) -> None:
        """A doorbell may be lost: while answers are open, look for news that it did not bring."""
        while any(not followed.follower.is_over for followed in self._followers.values()):
            await asyncio.sleep(follow.QUIET_SECONDS / 2)
            if self._window.is_given_up:
                await self._close(NOT_READING)
                return
            try:
                for followed in list(self._followers.values()):
                    if followed.follower.is_quiet:
                        await followed.follower.look()
            except SignedOut:
                await self._signed_out()
                return
            except DatabaseError as error:
                log.warning("followers not looked after: %s", type(error).__name__)

    def _heard(self) -> None:
        """Words do not wait for rights to be looked at again."""
        if self._rights.is_due and (self._checking is None or self._checking.done()):
            self._checking = asyncio.create_task(self._check())

    async def _check(self) -> None:
        try:
            await self._rights.check_for_listener()
        except SignedOut:
            await self._signed_out()

    async def _signed_out(self) -> None:
        await self._close(SIGNED_OUT)


class _Followed:
    """A follower and its doorbell. A task lives only while there is something to take."""

    def __init__(
        self, follower: follow.Follower, heard: Callable[[], None], signed_out: Callable[[], Awaitable[None]]
    ) -> None:
        self.follower = follower
        self.is_automatic = False
        self._heard = heard
        self._signed_out = signed_out
        self._rung: deque[str] = deque()
        self._taking: asyncio.Task[None] | None = None

    def listen(self) -> None:
        bells.of_loop().listen(doorbell.turn_group(self.follower.turn_id), self._ring)

    def leave(self) -> None:
        bells.of_loop().leave(doorbell.turn_group(self.follower.turn_id), self._ring)
        self._rung.clear()
        self.follower.leave()

    def _ring(self, text: str) -> None:
        self._rung.append(text)
        if self._taking is None or self._taking.done():
            self._taking = asyncio.create_task(self._take())

    async def _take(self) -> None:
        self._heard()
        try:
            while self._rung:
                await self.follower.hear(self._rung.popleft())
        except SignedOut:
            await self._signed_out()
        except DatabaseError as error:
            log.warning("turn %s: %s while hearing", self.follower.turn_id, type(error).__name__)
