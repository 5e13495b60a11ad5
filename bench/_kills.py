"""5,000 questions while web, turns, inference, its model, Valkey and PostgreSQL are killed 200 times, at random.

Whoever got an acknowledgement must find the question once, and one whole answer to it, in the end: no loss, no
double, nobody's click. Real processes, SIGKILL; a launcher without patience starts them again (`bench._restless`).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator

import psycopg

from bench import _crowd, _hearth
from bench._figures import figure, say
from bench._reader import Answer, Reader
from launch.config import read_dotenv

NUM_PEOPLE = 40
TABS_PER_PERSON = 2
SETTLE_SECONDS = 120.0
# A word of each process's command line; children of inference have the second one.
TARGETS = {
    "web": "chat.server",
    "turns": "manage.py turns",
    "inference": "-m inference",
    "model": "inference.child",
    "valkey": "valkey-server",
    "postgres": "bin/postgres -D",
}
VARIABLES = {"HEARTH_BACKEND": "fake", "HEARTH_MAX_RUNNING": "64", "HEARTH_FAKE_TOKENS_PER_SECOND": "100"}


def measure(is_quick: bool) -> None:
    num_questions, num_kills = (250, 10) if is_quick else (5000, 200)
    command = [sys.executable, "-m", "bench._restless"]
    with _hearth.home() as home, _hearth.running(home, command=command, **VARIABLES) as hearth:
        keys = _crowd.sign_in(home.folder, NUM_PEOPLE)
        database = read_dotenv(home.folder / "services.env")["DATABASE_URL"]
        asyncio.run(_measure(hearth, keys, database, num_questions, num_kills))


async def _measure(hearth: _hearth.Hearth, keys: list[str], database: str, num_questions: int, num_kills: int) -> None:
    asked: dict[str, str] = {}
    failed: list[str] = []
    killed: list[str] = []
    death = asyncio.Condition()
    numbers = iter(range(num_questions))

    async def due(number: int) -> None:
        """No question comes before its share of the kills: kills that hit nobody prove nothing."""
        async with death:
            await death.wait_for(lambda: len(killed) >= number * num_kills // num_questions)

    readers = [Reader(hearth.url, key) for key in keys for _ in range(TABS_PER_PERSON)]
    for reader in readers:
        reader.stay_in_background()
    began = time.monotonic()
    work = [asyncio.create_task(_ask_all(reader, numbers, due, asked, failed)) for reader in readers]
    killer = asyncio.create_task(_kill(hearth.pid, num_kills, killed, death))
    done = asyncio.gather(*work)
    while not done.done() or not killer.done():
        say(f"  {time.monotonic() - began:5.0f} s: {len(asked)} acknowledged, {len(failed)} without a whole answer yet")
        await asyncio.wait({done, killer}, timeout=10.0)
    lost = await _lost(database, asked)
    for reader in readers:
        await reader.leave()
    deaths = ", ".join(f"{killed.count(name)} {name}" for name in TARGETS)
    say(f"  {len(asked)} acknowledged in {time.monotonic() - began:.0f} s, {len(killed)} kills: {deaths}")
    for name in failed[:20]:
        say(f"  {name}")
    figure("chat.messages_lost", [lost], "messages")


async def _ask_all(
    reader: Reader,
    numbers: Iterator[int],
    due: Callable[[int], Awaitable[None]],
    asked: dict[str, str],
    failed: list[str],
) -> None:
    chance = random.Random(id(reader))
    for number in numbers:
        await due(number)
        ref = str(uuid.uuid4())
        text = f"{number} " + " ".join(f"w{chance.randrange(9999)}" for _ in range(chance.randrange(5, 60)))
        _accepted, answer = await reader.ask(f"say: {text}", ref=ref)
        asked[ref] = text
        if not await _ended(answer) or answer.text != text:
            failed.append(f"{number}: {answer.status or 'no end'} {answer.error}, {len(answer.text)} of {len(text)}")
        reader.forget(answer)


async def _ended(answer: Answer) -> bool:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(answer.over.wait(), SETTLE_SECONDS)
    return answer.over.is_set()


async def _kill(launcher: int, num_kills: int, killed: list[str], death: asyncio.Condition) -> None:
    """One process after the other, once it is there; `killed` gets their names, `death` tells."""
    chance = random.Random()
    while len(killed) < num_kills:
        await asyncio.sleep(chance.uniform(1.0, 3.0))
        name = chance.choice(list(TARGETS))
        pid = next(
            (pid for pid, line in _hearth.processes(launcher).items() if f"{TARGETS[name]} " in f"{line} "), None
        )
        if pid is None:
            continue
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            async with death:
                killed.append(name)
                death.notify_all()


async def _lost(database: str, asked: dict[str, str]) -> int:
    """Acknowledged questions that are not there once with one whole answer, once all had the time to end."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        wrong = await asyncio.to_thread(_wrong, database, asked)
        if not wrong or time.monotonic() > deadline:
            for ref in wrong[:10]:
                say(f"  wrong: {ref} {asked[ref][:40]}")
            return len(wrong)
        await asyncio.sleep(2.0)


def _wrong(database: str, asked: dict[str, str]) -> list[str]:
    try:
        with psycopg.connect(database) as connection:
            rows = connection.execute(
                "SELECT q.id::text, q.text, a.text, a.status FROM chat_message q"
                " LEFT JOIN chat_message a ON a.parent_id = q.id WHERE q.role = 'user'"
            ).fetchall()
            num_open = connection.execute(
                "SELECT count(*) FROM chat_turn WHERE status IN ('queued', 'running')"
            ).fetchone()
    except psycopg.OperationalError:
        return list(asked)
    found: dict[str, list[tuple[str, str, str]]] = {}
    for ref, question, answer, status in rows:
        found.setdefault(ref, []).append((question, answer, status))
    if num_open and num_open[0]:
        say(f"  {num_open[0]} turns are still open")
    texts = [question for answers in found.values() for question, _answer, _status in answers]
    doubled = len(texts) - len(set(texts))
    if doubled:
        say(f"  {doubled} questions are there twice")
    return [ref for ref, text in asked.items() if found.get(ref) != [(f"say: {text}", text, "complete")]]
