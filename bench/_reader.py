"""Somebody who asks and reads as the page does: sends until it is acknowledged, comes back when the line breaks, and
counts what was lost or came twice.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import time
import uuid
from collections.abc import Callable
from typing import Any

from bench._tab import Refused, Tab

LAST = ("answer.finished", "answer.failed")
ACK_EVENTS = 32
ACK_SECONDS = 0.4


class Answer:
    """One turn's text, put together from its events. num_faults: gaps, repeats and texts that do not fit."""

    def __init__(self, turn: str) -> None:
        self.turn = turn
        self.text = ""
        self.seq = 0
        self.num_faults = 0
        self.status = ""  # finished, stopped or failed
        self.error = ""
        self.over = asyncio.Event()

    def take(self, frame: dict[str, Any]) -> None:
        kind, seq = frame["type"], frame["seq"]
        if kind == "turn.snapshot":
            self._restore(frame)
            return
        if seq != self.seq + 1:
            self.num_faults += 1
        self.seq = max(seq, self.seq)
        if kind == "answer.extended":
            if frame["start"] > len(self.text):
                self.num_faults += 1
            self.text = self.text[: frame["start"]] + frame["text"]
        elif kind == "answer.finished":
            self._end(frame, "finished")
        elif kind == "answer.failed":
            self.status, self.error = "failed", frame["code"]
            self.over.set()

    def _restore(self, frame: dict[str, Any]) -> None:
        if frame["seq"] < self.seq:
            self.num_faults += 1
        self.seq, self.text = frame["seq"], frame["text"]
        if frame.get("finish"):
            self._end(frame["finish"], frame["status"])
        elif frame["status"] == "failed":
            self.status, self.error = "failed", frame["error"]["code"]
            self.over.set()

    def _end(self, finish: dict[str, Any], status: str) -> None:
        self.status = status
        if finish["sha256"] != hashlib.sha256(self.text.encode()).hexdigest():
            self.num_faults += 1
        self.over.set()


class Reader:
    """One tab with its line. `watch` sees each event of a followed turn after it was taken, with its arrival."""

    def __init__(
        self,
        url: str,
        session_key: str,
        watch: Callable[[dict[str, Any], float], None] = lambda frame, now: None,
        origin: str = "",
    ) -> None:
        self._origin = origin
        self._url, self._session_key, self._watch = url, session_key, watch
        self._tab: Tab | None = None
        self._answers: dict[str, Answer] = {}
        self._unsent: dict[str, dict[str, Any]] = {}
        self._accepted: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._num_unacknowledged: dict[str, int] = {}
        self._pongs: asyncio.Queue[float] = asyncio.Queue()
        self._keeper: asyncio.Task[None] | None = None
        self._is_leaving = False
        self._once: Callable[[], object] | None = None
        self.num_lines = 0
        self.refusals: list[str] = []

    async def open(self) -> None:
        """Raises Refused."""
        self._tab = Tab(self._url, self._session_key, self._heard, self._origin)
        await self._tab.open()
        self.num_lines += 1
        for frame in self._unsent.values():
            self._tab.say(frame)
        for answer in self._answers.values():
            if not answer.over.is_set():
                self._tab.say({"type": "turn.follow", "turn": answer.turn, "after_seq": answer.seq})

    async def stay(self) -> None:
        """Open, and open again whenever the line breaks, until `leave`."""
        attempt = 0
        while not self._is_leaving:
            try:
                await self.open()
                attempt = 0
                assert self._tab
                await self._tab.closed.wait()
            except Refused:
                attempt += 1
            ceiling = min(5.0, 0.2 * 2**attempt)
            await asyncio.sleep(ceiling / 2 + ceiling / 2 * random.random())

    def stay_in_background(self) -> None:
        self._keeper = asyncio.create_task(self.stay())

    async def leave(self) -> None:
        self._is_leaving = True
        if self._keeper is not None:
            self._keeper.cancel()
        self.cut()

    def cut(self) -> None:
        if self._tab is not None:
            self._tab.cut()

    def watch_once(self, call: Callable[[], object]) -> None:
        """Call at the next event of a followed turn."""
        self._once = call

    async def ask(self, text: str, thread: str | None = None, ref: str = "") -> tuple[dict[str, Any], Answer]:
        """Waits for the acknowledgement. Raises RuntimeError when the question is refused."""
        ref = ref or str(uuid.uuid4())
        frame = {"type": "message.send", "ref": ref, "id": ref, "thread": thread, "text": text}
        accepted = self._accepted[ref] = asyncio.get_running_loop().create_future()
        self._unsent[ref] = frame
        if self._tab is not None:
            self._tab.say(frame)
        answer = await accepted
        return answer, self._answers[answer["turn"]["id"]]

    def follow(self, turn: str) -> Answer:
        answer = self._answers[turn] = Answer(turn)
        if self._tab is not None:
            self._tab.say({"type": "turn.follow", "turn": turn, "after_seq": 0})
        return answer

    def forget(self, answer: Answer) -> None:
        self._answers.pop(answer.turn, None)
        self._num_unacknowledged.pop(answer.turn, None)
        if self._tab is not None:
            self._tab.say({"type": "turn.unfollow", "turn": answer.turn})

    async def ping(self) -> float:
        """Seconds to the pong."""
        assert self._tab
        began = time.perf_counter()
        self._tab.say({"type": "ping"})
        return await self._pongs.get() - began

    def _heard(self, frame: dict[str, Any], now: float) -> None:
        kind = frame["type"]
        if "seq" in frame:  # an event of a turn's log
            answer = self._answers.get(frame["turn"])
            if answer is not None:
                answer.take(frame)
                self._acknowledge(answer)
                self._watch(frame, now)
                if self._once is not None:
                    self._once()
                    self._once = None
        elif kind == "pong":
            self._pongs.put_nowait(now)
        elif kind == "message.accepted":
            self._unsent.pop(frame["ref"], None)
            self._answers.setdefault(frame["turn"]["id"], Answer(frame["turn"]["id"]))
            self._settle(frame["ref"], frame)
        elif kind == "error":
            self._refused(frame)
        elif kind == "reconnect":
            self.cut()

    def _refused(self, frame: dict[str, Any]) -> None:
        self.refusals.append(frame["code"])
        ref = frame.get("ref")
        if ref not in self._unsent:
            return
        if frame["code"] in ("unavailable", "too_fast", "too_many_turns"):
            # The person would press Enter again; the id stays the same.
            asyncio.get_running_loop().call_later(1.0, self._say_again, ref)
            return
        del self._unsent[ref]
        self._accepted.pop(ref).set_exception(RuntimeError(f"refused: {frame['code']}"))

    def _say_again(self, ref: str) -> None:
        if ref in self._unsent and self._tab is not None:
            self._tab.say(self._unsent[ref])

    def _settle(self, ref: str, frame: dict[str, Any]) -> None:
        waiting = self._accepted.pop(ref, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(frame)

    def _acknowledge(self, answer: Answer) -> None:
        """After 32 events or 0.4 s, as the page does."""
        count = self._num_unacknowledged.get(answer.turn, 0) + 1
        self._num_unacknowledged[answer.turn] = count
        if count == 1:
            asyncio.get_running_loop().call_later(ACK_SECONDS, self._flush, answer)
        elif count >= ACK_EVENTS or answer.over.is_set():
            self._flush(answer)

    def _flush(self, answer: Answer) -> None:
        if self._num_unacknowledged.get(answer.turn) and self._tab is not None:
            self._num_unacknowledged[answer.turn] = 0
            self._tab.say({"type": "ack", "turn": answer.turn, "seq": answer.seq})
