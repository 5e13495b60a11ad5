"""What people do to a server: each workload as one run against one server, giving its figures by name."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Sequence

from bench._load import Answer, Crowd, Server, percentile, user, words

# SmolLM2's template and its standard system prompt make up the rest of 256 tokens.
WORDS_IN = 221


async def chat(server: Server, num_streams: int, seed: str, num_out: int = 128) -> dict[str, float]:
    """So many people ask at once, each something else."""
    crowd = Crowd(server)
    async with crowd.http:
        began = time.perf_counter()
        answers = await asyncio.gather(
            *(crowd.ask(user(words(WORDS_IN, f"{seed}.{n}")), num_out, cache_salt=f"{n}") for n in range(num_streams))
        )
        seconds = time.perf_counter() - began
    firsts = [answer.first_seconds for answer in answers]
    num_tokens = sum(answer.num_completion for answer in answers)
    return {
        "tok/s": num_tokens / seconds,
        "ttft_ms": statistics.median(firsts) * 1000,
        "itl_ms": percentile([gap for answer in answers for gap in answer.gaps], 0.5) * 1000,
        "num_in": answers[0].num_prompt,
    }


async def shared_prompt(server: Server, seed: str) -> dict[str, float]:
    """8 people, three questions each, one after the other, under a system prompt that all share."""
    system = {"role": "system", "content": words(980, seed)}

    async def person(crowd: Crowd, name: str) -> list[Answer]:
        answers = []
        for number in range(3):
            messages = [system, *user(words(24, f"{seed}.{name}.{number}"))]
            answers.append(await crowd.ask(messages, 24, cache_salt=name, fairness_key=name, num_public_messages=1))
        return answers

    crowd = Crowd(server)
    async with crowd.http:
        people = await asyncio.gather(*(person(crowd, f"{n}") for n in range(8)))
    return {"ttft_p95_ms": _p95_ms([answer for answers in people for answer in answers])}


async def follow_up(server: Server, seed: str, num_rounds: int) -> dict[str, float]:
    """8 threads that have grown to 1,000 tokens are gone on with, each at its own moment; reading them the first
    time does not count."""

    async def thread(crowd: Crowd, name: str, begin_after: float) -> list[Answer]:
        messages = user(words(900, f"{seed}.{name}"))
        answers = []
        for number in range(num_rounds + 1):
            answer = await crowd.ask(messages, 24, cache_salt=name, fairness_key=name)
            messages += [{"role": "assistant", "content": answer.text}, *user(words(24, f"{seed}.{name}.{number}"))]
            answers.append(answer)
            await asyncio.sleep(begin_after)
        return answers[1:]

    crowd = Crowd(server)
    async with crowd.http:
        threads = await asyncio.gather(*(thread(crowd, f"{n}", 0.2 + n * 0.1) for n in range(8)))
    return {"ttft_p95_ms": _p95_ms([answer for answers in threads for answer in answers])}


async def long_prompts(server: Server, seed: str, num_prompts: int) -> dict[str, float]:
    """8 people read steadily while prompts of 3,000 tokens arrive. Only gaps from the first arrival to the end of
    the last long prompt's reading count."""
    crowd = Crowd(server)
    async with crowd.http:
        readers = [
            asyncio.ensure_future(
                crowd.ask(user(words(24, f"{seed}.{n}")), 220 * num_prompts, cache_salt=f"{n}", fairness_key=f"{n}")
            )
            for n in range(8)
        ]
        await asyncio.sleep(3.0)
        began = time.perf_counter()
        longs = []
        for number in range(num_prompts):
            messages = user(words(2960, f"{seed}.long.{number}"))
            longs.append(await crowd.ask(messages, 2, cache_salt="long", fairness_key="long"))
            await asyncio.sleep(1.0)
        ended = longs[-1].word_times[0]
        answers = await asyncio.gather(*readers)
    gaps = [
        later - earlier
        for answer in answers
        for earlier, later in zip(answer.word_times, answer.word_times[1:], strict=False)
        if later > began and earlier < ended
    ]
    first = sorted(answer.first_seconds for answer in longs)[len(longs) // 2]
    return {"itl_p95_ms": percentile(gaps, 0.95) * 1000, "itl_max_ms": max(gaps) * 1000, "long_ttft_ms": first * 1000}


async def crowd(server: Server, seed: str, num_out: int) -> dict[str, float]:
    """5 people ask one after the other on an idle server, then 5 others while one person has 50 requests there."""

    async def ordinary(people: Crowd, when: str) -> list[Answer]:
        asked = []
        for n in range(5):
            name = f"{when}{n}"
            messages = user(words(WORDS_IN, f"{seed}.{name}"))
            ours = {"cache_salt": name, "fairness_key": name, "priority": "interactive"}
            asked.append(asyncio.ensure_future(people.ask(messages, 8, **ours)))
            await asyncio.sleep(1.5)
        return list(await asyncio.gather(*asked))

    people = Crowd(server)
    async with people.http:
        idle = await ordinary(people, "idle")
        flood = [
            asyncio.ensure_future(
                people.ask(
                    user(words(WORDS_IN, f"{seed}.flood{n}")), num_out,
                    cache_salt="flood", fairness_key="flood", priority="interactive",
                )
            )
            for n in range(50)
        ]  # fmt: skip
        await asyncio.sleep(2.0)
        busy = await ordinary(people, "busy")
        still_there = sum(not task.done() for task in flood)
        await asyncio.gather(*flood)
    over = _p95_ms(busy) / _p95_ms(idle)
    return {"over_idle": over, "idle_ms": _p95_ms(idle), "busy_ms": _p95_ms(busy), "flood_left": still_there}


async def embeddings(server: Server, texts: Sequence[str]) -> dict[str, float]:
    """All texts in requests of 64, four at a time."""
    crowd = Crowd(server)
    places = asyncio.Semaphore(4)

    async def request(some: Sequence[str]) -> int:
        async with places:
            return await crowd.embed(some)

    async with crowd.http:
        began = time.perf_counter()
        counts = await asyncio.gather(*(request(texts[n : n + 64]) for n in range(0, len(texts), 64)))
        return {"tok/s": sum(counts) / (time.perf_counter() - began)}


def _p95_ms(answers: Sequence[Answer]) -> float:
    return percentile([answer.first_seconds for answer in answers], 0.95) * 1000
