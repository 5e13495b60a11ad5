"""Of several models that answer one question side by side, the first looks for the others as well.

What their follow-up means and which passages answer it depends on no model; what of that fits into each model's context
does, and stays with each. Only turns that a worker does at the same time share: what was found is forgotten after
seconds, so that a right that was taken away counts for whoever comes later.
"""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from chat.models import Turn
from chat.turns import comparing

T = TypeVar("T")

KEPT_SECONDS = 5.0  # after it was found

_lock = threading.Lock()
_found: dict[tuple[uuid.UUID, str], Future[Any]] = {}


def once(turn: Turn, what: str, look: Callable[[], T]) -> T:
    """What `look` returns or raises; called once for all turns of a comparison, and the others wait. For threads."""
    if not _is_compared(turn):
        return look()
    future, is_first = _place(turn, what)
    if is_first:
        try:
            future.set_result(look())
        except BaseException as error:  # noqa: BLE001 - those who wait have to hear of it as well
            future.set_exception(error)
        _forget_later(turn, what)
    found: T = future.result()
    return found


async def once_async(turn: Turn, what: str, look: Callable[[], Awaitable[T]]) -> T:
    """The same for coroutines. Whoever came first may be stopped without the others noticing."""
    if not _is_compared(turn):
        return await look()
    future, is_first = _place(turn, what)
    if is_first:
        task = asyncio.ensure_future(look())
        task.add_done_callback(lambda done: _settle(turn, what, future, done))
    found: T = await asyncio.shield(asyncio.wrap_future(future))
    return found


def _settle(turn: Turn, what: str, future: Future[Any], done: asyncio.Future[Any]) -> None:
    if done.cancelled():
        future.cancel()
    elif error := done.exception():
        future.set_exception(error)
    else:
        future.set_result(done.result())
    _forget_later(turn, what)


def _is_compared(turn: Turn) -> bool:
    return turn.question.is_undecided and turn.answer_id in comparing.answer_ids(turn.question_id)


def _place(turn: Turn, what: str) -> tuple[Future[Any], bool]:
    with _lock:
        known = _found.get((turn.question_id, what))
        if known is not None:
            return known, False
        return _found.setdefault((turn.question_id, what), Future()), True


def _forget_later(turn: Turn, what: str) -> None:
    timer = threading.Timer(KEPT_SECONDS, _found.pop, ((turn.question_id, what), None))
    timer.daemon = True
    timer.start()
