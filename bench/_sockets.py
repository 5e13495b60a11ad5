"""5,000 signed-in tabs that only stay open: what each costs the web process, and how quickly it still answers.

Each pings every 25 s, as the page does.
"""

from __future__ import annotations

import asyncio
import random

from bench import _crowd, _hearth
from bench._figures import figure, say
from bench._load import percentile
from bench._reader import Reader
from bench._streams import VARIABLES

TABS_PER_PERSON = 20
PING_SECONDS = 25.0
OPENING = 32  # handshakes at once


def measure(is_quick: bool) -> None:
    num_tabs, num_seconds = (1000, 10) if is_quick else (5000, 50)
    with _hearth.home() as home, _hearth.running(home, **VARIABLES) as hearth:
        keys = _crowd.sign_in(home.folder, num_tabs // TABS_PER_PERSON + 1)
        web = next(pid for pid, line in _hearth.processes(hearth.pid).items() if "chat.server" in line)
        asyncio.run(_measure(hearth.url, keys, web, num_tabs, num_seconds))


async def _measure(url: str, keys: list[str], web: int, num_tabs: int, num_seconds: int) -> None:
    # What the first sockets make the process load is not theirs.
    early = [Reader(url, keys[-1]) for _ in range(TABS_PER_PERSON)]
    for reader in early:
        await reader.open()
        await reader.ping()
    await asyncio.sleep(2.0)
    before_mb = _hearth.rss_mb(web)
    readers = [Reader(url, keys[place // TABS_PER_PERSON]) for place in range(num_tabs)]
    gate = asyncio.Semaphore(OPENING)

    async def open_one(reader: Reader) -> None:
        async with gate:
            await reader.open()

    say(f"opening {num_tabs} tabs ...")
    await asyncio.gather(*map(open_one, readers))
    echoes: list[float] = []

    async def stay(reader: Reader) -> None:
        await asyncio.sleep(random.uniform(0, PING_SECONDS))
        while True:
            echoes.append(await reader.ping())
            await asyncio.sleep(PING_SECONDS)

    tasks = [asyncio.create_task(stay(reader)) for reader in readers]
    await asyncio.sleep(num_seconds)
    after_mb = _hearth.rss_mb(web)
    for task in tasks:
        task.cancel()
    figure("chat.socket_kib", [(after_mb - before_mb) * 1e6 / 1024 / num_tabs], "KiB")
    figure("chat.echo_p99_ms", [percentile(echoes, 0.99) * 1000], "ms")
    say(f"  {len(echoes)} echoes, median {percentile(echoes, 0.5) * 1000:.1f} ms; web process {after_mb:.0f} MB")
    for reader in [*early, *readers]:
        await reader.leave()
