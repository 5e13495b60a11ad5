"""Asking an OpenAI-compatible server as many people at once, and noting when each word came."""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from bench._hearth import processes

TIMEOUT_SECONDS = 600.0
SAMPLING = {"temperature": 0.8, "top_k": 40, "top_p": 0.95, "min_p": 0.05, "repeat_penalty": 1.0}
# Common words, about a token each.
WORDS = """
time year people way day man thing woman life child world school state family student group country problem hand
part place case week company system program question work government number night point home water room mother
area money story fact month lot right study book eye job word business issue side kind head house service friend
father power hour game line end member law car city community name president team minute idea body information
back parent face others level office door health person art war history party result change morning reason
research girl guy moment air teacher force education
""".split()  # noqa: SIM905  # words, not quotation marks


@dataclass(frozen=True)
class Server:
    """One of the two that are compared. `is_ours`: it knows our own fields."""

    name: str
    url: str
    model: str
    pid: int
    is_ours: bool
    headers: dict[str, str] = field(default_factory=dict)

    def cpu_seconds(self) -> float:
        """That it and its children have used; says more than the clock where others use the machine."""
        ticks = 0
        for pid in processes(self.pid):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")


@dataclass
class Answer:
    asked_at: float
    word_times: list[float] = field(default_factory=list)
    text: str = ""
    num_prompt: int = 0
    num_completion: int = 0
    num_cached: int = 0

    @property
    def first_seconds(self) -> float:
        return self.word_times[0] - self.asked_at

    @property
    def gaps(self) -> list[float]:
        return [later - earlier for earlier, later in zip(self.word_times, self.word_times[1:], strict=False)]


def words(number: int, seed: str) -> str:
    """So many words that no other seed has in this order."""
    chosen = random.Random(seed)
    return " ".join(chosen.choice(WORDS) for _ in range(number))


def user(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


class Crowd:
    """Requests to one server for the length of one run."""

    def __init__(self, server: Server) -> None:
        self.server = server
        # A connection for each request: llama-server closes one after a streamed answer, and a question that follows at
        # once would still be written into it.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        self.http = httpx.AsyncClient(
            base_url=server.url, headers=server.headers, timeout=TIMEOUT_SECONDS, limits=limits, trust_env=False
        )

    async def ask(self, messages: Sequence[dict[str, str]], num_tokens: int, **ours: Any) -> Answer:
        """Exactly num_tokens words of an answer. Further fields go to our own server only."""
        body = {
            "model": self.server.model, "messages": messages, "max_tokens": num_tokens, "ignore_eos": True,
            "stream": True, "stream_options": {"include_usage": True}, **SAMPLING,
        }  # fmt: skip
        if self.server.is_ours:
            body |= ours
        answer = Answer(time.perf_counter())
        async with self.http.stream("POST", "/v1/chat/completions", json=body) as response:
            if response.status_code != 200:
                raise SystemExit(f"{self.server.name}: {response.status_code} {(await response.aread())[:500]!r}")
            async for line in response.aiter_lines():
                if line.startswith("data: {"):
                    _note(answer, json.loads(line[6:]), time.perf_counter())
        return answer

    async def embed(self, texts: Sequence[str]) -> int:
        """The number of tokens that were read."""
        body = {"model": self.server.model, "input": list(texts), "encoding_format": "base64"}
        response = await self.http.post("/v1/embeddings", json=body)
        response.raise_for_status()
        return int(response.json()["usage"]["prompt_tokens"])


def _note(answer: Answer, chunk: dict[str, Any], now: float) -> None:
    if "error" in chunk:
        raise SystemExit(f"error in a stream: {chunk['error']}")
    for choice in chunk["choices"]:
        text = choice["delta"].get("content")
        if text:
            answer.word_times.append(now)
            answer.text += text
    usage = chunk.get("usage")
    if usage:
        answer.num_prompt, answer.num_completion = usage["prompt_tokens"], usage["completion_tokens"]
        answer.num_cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0)


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
