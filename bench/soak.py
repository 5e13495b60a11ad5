"""Does the engine stay as it is? Mixed requests, cancels, slow readers and killed children for a while, and then
nothing may be left: no answer lost, no memory, thread or file that grows.

With the fake backend every answer is checked to the character. `--minutes 20` is the real thing; the suite runs
half a minute of it (`tests/inference/test_soak.py`).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from bench._figures import commit, machine, say
from tests.inference.serve import RunningInference, running_inference
from tests.services import MODELS_DIR

NUM_CALLERS = 12
WARM_UP_SHARE = 0.2  # of the time, in which memory may still grow
# Three deaths within ten minutes switch a model off, as they should.
KILL_EVERY_SECONDS = 330.0
MODELS = {"fake": ("fake-chat", "fake-embed"), "llama": ("SmolLM2-135M-Instruct.Q4_1", "multilingual-e5-small-Q4_0")}
TOOL = {"type": "function", "function": {"name": "note", "parameters": {"properties": {"text": {"type": "string"}}}}}
MIB = 1024 * 1024


@dataclass(frozen=True)
class Sample:
    """What the service and its children hold at a moment."""

    seconds: float
    rss_mib: float
    num_threads: int
    num_files: int
    num_processes: int
    parts_mib: dict[str, dict[str, float]]  # by process: heap, other anonymous memory, mapped files
    num_offloaded: int  # tokens of idle sequences in ordinary memory


@dataclass
class Figures:
    counts: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    num_left: float = 0.0

    def to_json(self) -> dict[str, Any]:
        after = [s for s in self.samples if s.seconds >= WARM_UP_SHARE * self.samples[-1].seconds] or self.samples
        first, last = after[: max(1, len(after) // 4)], after[-max(1, len(after) // 4) :]

        def mean(samples: list[Sample], name: str) -> float:
            return sum(getattr(sample, name) for sample in samples) / len(samples)

        growth = {
            name: [round(mean(first, name), 1), round(mean(last, name), 1)]
            for name in ("rss_mib", "num_threads", "num_files", "num_processes")
        }
        return (
            {"counts": dict(self.counts), "lost": self.lost[:10], "num_lost": len(self.lost)}
            | growth
            | {"requests_left": self.num_left, "parts_mib": _parts_over_time(self.samples)}
        )


class Soak:
    def __init__(self, running: RunningInference, backend: str, seconds: float, seed: int) -> None:
        self.figures = Figures()
        self._running = running
        self._is_fake = backend == "fake"
        self._chat, self._embed = MODELS[backend]
        self._end = time.monotonic() + seconds
        self._luck = random.Random(seed)
        self._http = httpx.AsyncClient(
            base_url=running.url, headers={"Authorization": f"Bearer {running.secret}"}, timeout=300.0, trust_env=False
        )

    async def run(self, kill_after: float) -> Figures:
        started = time.monotonic()
        await self._warm_up()
        callers = [asyncio.ensure_future(self._call_on()) for _ in range(NUM_CALLERS)]
        killer = asyncio.ensure_future(self._kill(kill_after))
        while time.monotonic() < self._end:
            offloaded = await self._sum_of("hearth_inference_offloaded_tokens{")
            self.figures.samples.append(sample(self._running.pid, time.monotonic() - started, int(offloaded)))
            await asyncio.sleep(max(0.2, (self._end - started) / 100))
        await asyncio.gather(*callers)
        killer.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await killer
        self.figures.num_left = await self._num_left()
        await self._http.aclose()
        return self.figures

    async def _warm_up(self) -> None:
        for model in (self._chat, self._embed):
            (await self._http.post(f"/v1/models/{model}/load")).raise_for_status()

    async def _call_on(self) -> None:
        kinds: list[Callable[[], Awaitable[str]]] = [
            *[self._stream] * 4, *[self._leave] * 3, self._several, self._tools, self._vectors, self._complete,
            self._slow, self._mistake,
        ]  # fmt: skip
        while time.monotonic() < self._end:
            call = self._luck.choice(kinds)
            name = call.__name__.strip("_")
            try:
                problem = await call()
            except (httpx.HTTPError, ValueError, KeyError) as error:
                problem = f"{type(error).__name__}: {error}"
            self.figures.counts[name] += 1
            if problem:
                self.figures.lost.append(f"{name}: {problem[:200]}")

    def _body(self, **more: Any) -> tuple[dict[str, Any], str]:
        """(a request, what the fake will answer to it)."""
        words = " ".join(f"word{self._luck.randrange(1000)}" for _ in range(self._luck.randint(2, 30)))
        system = {"role": "system", "content": "You are careful. " * self._luck.choice([0, 5, 20])}
        messages = [system, {"role": "user", "content": f"say: {words}"}]
        salt = f"person{self._luck.randrange(6)}"
        body = {"model": self._chat, "messages": messages, "cache_salt": salt, "fairness_key": salt, "max_tokens": 200}
        if not self._is_fake:
            body |= {"max_tokens": self._luck.randint(4, 24)}
        return body | more, words

    async def _stream(self, pause: float = 0.0) -> str:
        body, expected = self._body(stream=True)
        text, is_done = "", False
        async with self._http.stream("POST", "/v1/chat/completions", json=body) as response:
            async for line in response.aiter_lines():
                if line == "data: [DONE]":
                    is_done = True
                elif line.startswith("data: "):
                    chunk = json.loads(line[6:])
                    if "error" in chunk:
                        return str(chunk["error"])
                    text += "".join(choice["delta"].get("content") or "" for choice in chunk["choices"])
                    await asyncio.sleep(pause)
        if not is_done:
            return f"no end after {text!r}, status {response.status_code}"
        return f"{text!r} instead of {expected!r}" if self._is_fake and text != expected else ""

    async def _slow(self) -> str:
        return await self._stream(pause=0.02)

    async def _leave(self) -> str:
        body, _ = self._body(stream=True)
        left = self._luck.randint(0, 6)
        async with self._http.stream("POST", "/v1/chat/completions", json=body) as response:
            async for _ in response.aiter_lines():
                left -= 1
                if left < 0:
                    break
        return ""

    async def _several(self) -> str:
        body, expected = self._body(n=3, seed=1)
        choices = (await self._post("/v1/chat/completions", body))["choices"]
        texts = [choice["message"]["content"] for choice in choices]
        return f"{texts}" if len(texts) != 3 or (self._is_fake and texts != [expected] * 3) else ""

    async def _tools(self) -> str:
        choice = "auto" if self._is_fake else "required"
        body, _ = self._body(tools=[TOOL], tool_choice=choice)
        if self._is_fake:
            body["messages"][-1]["content"] = 'say: {"name": "note", "arguments": {"text": "x"}}'
        message = (await self._post("/v1/chat/completions", body))["choices"][0]["message"]
        return "" if message.get("tool_calls") or not self._is_fake else f"{message}"

    async def _vectors(self) -> str:
        texts = [f"query: text {self._luck.random()}" for _ in range(self._luck.randint(1, 8))]
        data = (await self._post("/v1/embeddings", {"model": self._embed, "input": texts}))["data"]
        return "" if len(data) == len(texts) else f"{len(data)} vectors"

    async def _complete(self) -> str:
        body = {"model": self._chat, "prompt": ["one", "two three"], "max_tokens": 8}
        return "" if len((await self._post("/v1/completions", body))["choices"]) == 2 else "a prompt is missing"

    async def _mistake(self) -> str:
        body, _ = self._body()
        bad: dict[str, Any] = self._luck.choice([{"top_p": 7}, {"messages": []}, {"wrong": 1}, {"stop": ["x"] * 999}])
        response = await self._http.post("/v1/chat/completions", json=body | bad)
        return "" if response.status_code == 400 else f"status {response.status_code}"

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        response = await self._http.post(path, json=body)
        if response.status_code != 200:
            raise ValueError(f"status {response.status_code}: {response.text[:150]}")
        answer: dict[str, Any] = response.json()
        return answer

    async def _kill(self, first_after: float) -> None:
        await asyncio.sleep(first_after)
        while True:
            children = self._running.child_pids()
            if children:
                os.kill(self._luck.choice(children), self._luck.choice([signal.SIGKILL, signal.SIGABRT]))
                self.figures.counts["kills"] += 1
            await asyncio.sleep(KILL_EVERY_SECONDS)

    async def _num_left(self) -> float:
        """Requests that the service still believes to run or wait, once everybody has gone."""
        left = 0.0
        for _ in range(50):
            left = await self._sum_of("vllm:num_requests_")
            if not left:
                break
            await asyncio.sleep(0.1)
        return left

    async def _sum_of(self, name: str) -> float:
        lines = (await self._http.get("/metrics")).text.splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


def sample(pid: int, seconds: float, num_offloaded: int) -> Sample:
    parent = psutil.Process(pid)
    rss = num_threads = num_files = num_processes = 0
    parts: dict[str, dict[str, float]] = {}
    for process in (parent, *parent.children(recursive=True)):
        with contextlib.suppress(psutil.Error, OSError):
            parts[f"{process.name()} {process.pid}"] = parts_of(process.pid)
            rss += process.memory_info().rss
            num_threads += process.num_threads()
            num_files += process.num_fds()
            num_processes += 1
    return Sample(seconds, rss / MIB, num_threads, num_files, num_processes, parts, num_offloaded)


def parts_of(pid: int) -> dict[str, float]:
    """MiB resident by kind: a leak is in the heap or in other anonymous memory, never in a mapped model."""
    parts, kind = {"heap": 0.0, "anonymous": 0.0, "files": 0.0}, ""
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        words = line.split()
        if not words[0].endswith(":"):
            name = words[5] if len(words) > 5 else ""
            kind = "heap" if name == "[heap]" else "files" if name.startswith("/") else "anonymous"
        elif words[0] == "Rss:":
            parts[kind] += int(words[1]) / 1024
    return {name: round(value, 1) for name, value in parts.items()}


def _parts_over_time(samples: list[Sample]) -> list[dict[str, Any]]:
    """At twelve moments, evenly spread."""
    chosen = samples[:: max(1, len(samples) // 12)]
    return [
        {"seconds": round(each.seconds), "rss": round(each.rss_mib), "offloaded": each.num_offloaded} | each.parts_mib
        for each in chosen
    ]


def soak(backend: str, seconds: float, *, kill_after: float, seed: int = 1) -> Figures:
    """Start a service, use it for that long, and say what it was like."""
    speed = {"HEARTH_FAKE_TOKENS_PER_SECOND": "400"} if backend == "fake" else {"GOMP_SPINCOUNT": "0"}
    with running_inference(backend, models_dir=MODELS_DIR, **speed) as running:
        return asyncio.run(Soak(running, backend, seconds, seed).run(kill_after))


def main() -> None:
    parser = argparse.ArgumentParser(prog="bin/bench soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--backend", choices=MODELS, default="fake")
    given = parser.parse_args()
    say(f"soaking the {given.backend} backend for {given.minutes:g} minutes")
    figures = soak(given.backend, given.minutes * 60, kill_after=min(60.0, given.minutes * 15))
    line = {"figure": f"soak.{given.backend}", "minutes": given.minutes} | figures.to_json()
    print(json.dumps(line | {"machine": machine(), "commit": commit(), "load_1m": round(os.getloadavg()[0], 1)}))


if __name__ == "__main__":
    main()
