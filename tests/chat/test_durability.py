"""Real processes die in mid-answer, with kill -9: readers see a pause. One Hearth of its own for all of it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bench import _crowd, _hearth
from bench._kills import TARGETS
from bench._reader import Answer, Reader
from launch.config import ROOT
from tests.services import free_port

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(240)]

WORDS = " ".join(f"word{n}" for n in range(60))  # some three seconds of an answer
END_SECONDS = 60.0


@pytest.fixture(scope="module")
def home() -> Iterator[_hearth.Home]:
    with _hearth.home() as home:
        yield home
        # Shown by pytest when something failed.
        print((home.folder / "bench.log").read_text())


@pytest.fixture(scope="module")
def hearth(home: _hearth.Home) -> Iterator[_hearth.Hearth]:
    command = [sys.executable, "-m", "bench._restless"]
    variables = {"HEARTH_BACKEND": "fake", "HEARTH_FAKE_TOKENS_PER_SECOND": "50"}
    with _hearth.running(home, command=command, **variables) as running:
        yield running


@pytest.fixture(scope="module")
def session_keys(home: _hearth.Home, hearth: _hearth.Hearth) -> list[str]:
    return _crowd.sign_in(home.folder, 3)


async def begin(reader: Reader) -> Answer:
    """Ask, and wait for the first words."""
    _accepted, answer = await reader.ask(f"say: {WORDS}")
    while not answer.text:
        await asyncio.sleep(0.01)
    return answer


async def assert_whole(answer: Answer) -> None:
    """Every event once and in order, and the whole text in the end."""
    await asyncio.wait_for(answer.over.wait(), END_SECONDS)
    assert (answer.status, answer.text, answer.num_faults) == ("finished", WORDS, 0)


def process(hearth: _hearth.Hearth, name: str) -> int:
    lines = _hearth.processes(hearth.pid).items()
    return next((pid for pid, line in lines if f"{TARGETS[name]} " in f"{line} "), 0)


@pytest.mark.parametrize("name", list(TARGETS))
async def test_an_answer_survives_the_death_of(name: str, hearth: _hearth.Hearth, session_keys: list[str]) -> None:
    """Whatever dies (PostgreSQL without a goodbye): the answer goes on without anybody's click."""
    reader = Reader(hearth.url, session_keys[0])
    reader.stay_in_background()
    answer = await begin(reader)
    os.kill(process(hearth, name), signal.SIGKILL)
    assert len(answer.text) < len(WORDS) - 20
    await assert_whole(answer)
    await reader.leave()
    # Whoever comes next finds everybody there again.
    while not process(hearth, name):
        await asyncio.sleep(0.05)


async def test_a_rolling_restart_drops_no_answer(hearth: _hearth.Hearth, session_keys: list[str]) -> None:
    """Two web and two turns processes get SIGTERM one after the other, while four answers are read."""
    port = free_port()
    more = [start_beside(hearth, "turns", "manage.py", "turns"), start_beside(hearth, "web", *web_on(port))]
    try:
        await until_answers(f"http://127.0.0.1:{port}/health/")
        urls = [hearth.url, f"http://127.0.0.1:{port}"] * 2
        readers = [Reader(url, session_keys[1], origin=hearth.url) for url in urls]
        for reader in readers:
            reader.stay_in_background()
        answers = [await begin(reader) for reader in readers]
        for name in ("turns", "web"):
            os.kill(process(hearth, name), signal.SIGTERM)
            await asyncio.sleep(0.5)
        more[0].terminate()
        for answer in answers:
            await assert_whole(answer)
        for reader in readers:
            await reader.leave()
        await until_answers(f"{hearth.url}/health/")
    finally:
        for each in more:
            each.terminate()
        for each in more:
            each.wait(30)


async def test_chatting_goes_on_without_valkey(hearth: _hearth.Hearth, session_keys: list[str]) -> None:
    """It does not even refuse, it hangs: questions are answered, a second late, and people sign in and out."""
    valkey = process(hearth, "valkey")
    os.kill(valkey, signal.SIGSTOP)
    try:
        reader = Reader(hearth.url, session_keys[2])
        await reader.open()
        _accepted, answer = await asyncio.wait_for(reader.ask(f"say: {WORDS}"), 10)
        await assert_whole(answer)
        await reader.leave()
        async with httpx.AsyncClient(base_url=hearth.url, timeout=20) as browser:
            browser.cookies["sid"] = session_keys[2]
            page = await browser.get("/", headers={"Accept": "text/html"})
            assert page.status_code == 200
            token = page.text.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
            left = await browser.post("/signout/", data={"csrfmiddlewaretoken": token}, headers={"Referer": hearth.url})
            assert left.status_code == 302
            assert (await browser.get("/threads/", headers={"Accept": "application/json"})).status_code == 401
            form = await browser.get("/signin/", headers={"Accept": "text/html"})
            token = form.text.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
            entered = {"csrfmiddlewaretoken": token, "email": hearth.admin_email, "password": hearth.admin_password}
            entry = await browser.post("/signin/", data=entered, headers={"Referer": hearth.url})
            assert entry.status_code == 302
    finally:
        os.kill(valkey, signal.SIGCONT)


def start_beside(hearth: _hearth.Hearth, name: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Another process of this kind, with the environment of the one that is there."""
    entries = Path(f"/proc/{process(hearth, name)}/environ").read_bytes().split(b"\0")
    environment = dict(entry.decode().split("=", 1) for entry in entries if b"=" in entry)
    return subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env=environment)


def web_on(port: int) -> list[str]:
    return ["-m", "chat.server", "--port", str(port)]


async def until_answers(url: str) -> None:
    deadline = time.monotonic() + END_SECONDS
    async with httpx.AsyncClient() as browser:
        while time.monotonic() < deadline:
            try:
                await browser.get(url)
                return
            except httpx.TransportError:
                await asyncio.sleep(0.1)
    raise AssertionError(f"{url} does not answer")
