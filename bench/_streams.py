"""100 people read 100 answers at once, and 500 times somebody's line is cut.

The fake model writes the time into each word, so that a frame's age is known when it arrives: sampling, HTTP, turn
worker, Valkey, web process and socket included.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from typing import Any

from bench import _crowd, _hearth
from bench._figures import figure, say
from bench._load import percentile
from bench._reader import Answer, Reader
from bench._tab import Refused
from inference.fake import CLOCK_RANGE_MS, clock_milliseconds

NUM_STREAMS = 100
TOKENS_PER_SECOND = 20
LONGEST_SECONDS = 30.0
VARIABLES = {
    "HEARTH_BACKEND": "fake",
    "HEARTH_FAKE_TOKENS_PER_SECOND": str(TOKENS_PER_SECOND),
    "HEARTH_MAX_RUNNING": "128",
    "HEARTH_TURNS_CONCURRENCY": "128",
    # Room for all of them at full length: else the engine, rightly, lets some wait.
    "HEARTH_CONTEXT_LENGTH": "65536",
}


class Ages:
    """How old the oldest word of each frame is when it arrives, in milliseconds."""

    def __init__(self) -> None:
        self.milliseconds: list[float] = []

    def watch(self, frame: dict[str, Any], now: float) -> None:
        if frame["type"] == "answer.extended":
            # perf_counter to the time of day, which the words are written in
            arrived = time.time_ns() / 1e6 - (time.perf_counter() - now) * 1000
            self.milliseconds.append((arrived - clock_milliseconds(frame["text"][:3])) % CLOCK_RANGE_MS)


def measure(is_quick: bool) -> None:
    num_seconds, num_cuts = (10, 100) if is_quick else (30, 500)
    with _hearth.home() as home, _hearth.running(home, **VARIABLES) as hearth:
        keys = _crowd.sign_in(home.folder, NUM_STREAMS)
        asyncio.run(_measure(hearth.url, keys, num_seconds, num_cuts))


async def _measure(url: str, keys: list[str], num_seconds: int, num_cuts: int) -> None:
    await _warm_up(url, keys[0])
    say(f"{NUM_STREAMS} streams for {num_seconds} s ...")
    ages = Ages()
    readers = [Reader(url, key, ages.watch) for key in keys]
    answers = await _ask(readers, num_seconds)
    await _wait(answers, num_seconds + 60)
    _report_streams(answers, ages, num_seconds)
    for reader in readers:
        await reader.leave()
    say(f"{NUM_STREAMS} streams, {num_cuts} cuts ...")
    readers = [Reader(url, key) for key in keys]
    answers = await _ask(readers, num_seconds + 10)
    seconds = await _cut(readers, num_cuts, num_seconds)
    together = await asyncio.gather(*(_cut_one(reader) for reader in readers))
    await _wait(answers, num_seconds + 60)
    figure("chat.resume_mismatches", [sum(_is_broken(answer, num_seconds + 10) for answer in answers)], "answers")
    figure("chat.resume_p95_ms", [percentile(seconds, 0.95) * 1000], "ms")
    figure("chat.resume_all_at_once_p95_ms", [percentile(list(together), 0.95) * 1000], "ms")
    for reader in readers:
        await reader.leave()


async def _warm_up(url: str, key: str) -> None:
    """Load the model, and every process's code."""
    reader = Reader(url, key)
    await reader.open()
    _accepted, answer = await reader.ask("clock: 20")
    await answer.over.wait()
    await reader.leave()


async def _ask(readers: list[Reader], num_seconds: int) -> list[Answer]:
    async def ask(reader: Reader, delay: float) -> Answer:
        await asyncio.sleep(delay)
        await reader.open()
        return (await reader.ask(f"clock: {num_seconds * TOKENS_PER_SECOND}"))[1]

    return list(await asyncio.gather(*(ask(reader, 0.02 * place) for place, reader in enumerate(readers))))


async def _wait(answers: list[Answer], seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await asyncio.gather(*(answer.over.wait() for answer in answers))
    except TimeoutError:
        say("some answers did not end")


def _is_broken(answer: Answer, num_seconds: int) -> bool:
    is_whole = answer.status == "finished" and len(answer.text) == 3 * num_seconds * TOKENS_PER_SECOND
    return not is_whole or answer.num_faults > 0


def _report_streams(answers: list[Answer], ages: Ages, num_seconds: int) -> None:
    figure("chat.streams_lost", [sum(_is_broken(answer, num_seconds) for answer in answers)], "streams")
    figure("chat.frame_p99_ms", [percentile(ages.milliseconds, 0.99)], "ms")
    say(f"  {len(ages.milliseconds)} frames, median {percentile(ages.milliseconds, 0.5):.0f} ms")


async def _cut(readers: list[Reader], num_cuts: int, num_seconds: int) -> list[float]:
    """Cut lines at moments spread over the time. Seconds from each cut to the next event that the reader hears."""
    chance = random.Random(5)
    moments = sorted(chance.uniform(0, num_seconds) for _ in range(num_cuts))
    began = time.perf_counter()
    # Nobody is cut again before they are back.
    order = [place % len(readers) for place in range(num_cuts)]
    tasks = []
    for moment, place in zip(moments, order, strict=True):
        await asyncio.sleep(max(0.0, began + moment - time.perf_counter()))
        tasks.append(asyncio.create_task(_cut_one(readers[place])))
    return list(await asyncio.gather(*tasks))


async def _cut_one(reader: Reader) -> float:
    reader.cut()
    began = time.perf_counter()
    heard = asyncio.Event()
    reader.watch_once(heard.set)
    while True:
        try:
            await reader.open()
            break
        except Refused:
            await asyncio.sleep(0.1)
    with contextlib.suppress(TimeoutError):  # which is the figure then
        await asyncio.wait_for(heard.wait(), LONGEST_SECONDS)
    return time.perf_counter() - began
