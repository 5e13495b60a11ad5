"""Loading, unloading, crashes and the end: what the supervisor does with its children."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from inference import errors, wire
from inference.client import Client
from tests.inference.engines import alone
from tests.inference.gguf_files import write_model
from tests.inference.serve import RunningInference, running_inference
from tests.inference.test_service import ask, text_of


@contextlib.contextmanager
def service(**env: str) -> Iterator[tuple[RunningInference, Client]]:
    with running_inference("fake", **env) as running, Client(running.url, running.secret, 30.0) as client:
        yield running, client


def wait_for(condition: Callable[[], Any], seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def state(client: Client, name: str = "fake-chat") -> wire.ModelInfo:
    return next(model for model in client.models() if model.id == name)


def is_alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False


def in_threads(work: list[Callable[[], Any]]) -> list[threading.Thread]:
    threads = [threading.Thread(target=item, daemon=True) for item in work]
    for thread in threads:
        thread.start()
    return threads


def test_a_question_while_the_model_loads_hears_how_far_it_is() -> None:
    """Percent rises until the answer begins; the list says loading meanwhile."""
    with service(HEARTH_FAKE_LOAD_SECONDS="1.5") as (_, client):
        stream = client.stream(ask("say: here", return_progress=True))
        assert isinstance(next(stream), wire.Loading)
        assert state(client).state == "loading"
        events = list(stream)
        percents = [event.percent for event in events if isinstance(event, wire.Loading)]
        assert percents == sorted(percents)
        assert percents[-1] == 100
        assert text_of(events) == "here"
        assert state(client).state == "loaded"


def test_unloading_lets_the_running_answer_end() -> None:
    """The answer is whole, a question that came meanwhile is answered too, and at last the memory is free."""
    with service(HEARTH_FAKE_TOKENS_PER_SECOND="200") as (running, client):
        client.load("fake-chat")
        events: list[wire.StreamEvent] = []
        stream = client.stream(ask("babble: 60"))
        events.append(next(stream))
        threads = in_threads([lambda: client.unload("fake-chat"), lambda: events.extend(stream)])
        for thread in threads:
            thread.join(90)
        assert len(text_of(events).split()) == 60
        assert state(client).state == "unloaded"
        assert running.child_pids() == []
        assert client.chat(ask("say: again")).text == "again"


def test_unloading_and_asking_at_the_same_time_loses_nothing() -> None:
    """Whatever comes in whatever order, every question is answered and only one process is left."""
    with service() as (running, client):
        answers: list[str] = []

        def talk(name: int) -> None:
            answers.extend(client.chat(ask(f"say: {name}.{n}")).text for n in range(12))

        threads = in_threads([lambda name=n: talk(name) for n in range(3)])  # type: ignore[misc]  # bound now
        while any(thread.is_alive() for thread in threads):
            client.unload("fake-chat")
        assert sorted(answers) == sorted(f"{name}.{n}" for name in range(3) for n in range(12))
        client.load("fake-chat")
        assert len(running.child_pids()) == 1


def test_an_idle_model_leaves_after_its_keep_alive() -> None:
    """Memory is not held for nobody."""
    with service(HEARTH_KEEP_ALIVE_SECONDS="0.3") as (running, client):
        client.chat(ask("say: x"))
        wait_for(lambda: state(client).state == "unloaded" and not running.child_pids())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT])
def test_a_killed_child_is_a_pause_and_nothing_else(number: signal.Signals) -> None:
    """Eight answers under way when their process dies come out whole, to the character."""
    questions = [f"babble: {60 + n}" for n in range(8)]
    expected = [alone(question) for question in questions]
    with service(HEARTH_FAKE_TOKENS_PER_SECOND="150") as (running, client):
        client.load("fake-chat")
        got: list[list[wire.StreamEvent]] = [[] for _ in questions]

        def follow(place: int) -> None:
            got[place].extend(client.stream(ask(questions[place])))

        threads = in_threads([lambda place=n: follow(place) for n in range(8)])  # type: ignore[misc]  # bound now
        wait_for(lambda: all(got))
        time.sleep(random.Random().uniform(0, 0.2))  # any moment will do
        running.kill_child(number)
        for thread in threads:
            thread.join(90)
        assert [text_of(events) for events in got] == expected
        assert client.chat(ask("say: on")).text == "on"


def test_the_third_death_is_the_last() -> None:
    """A model that kills its process again and again is switched off, with the reason."""
    with service(HEARTH_FAKE_TOKENS_PER_SECOND="20") as (running, client):
        failures: list[errors.InferenceError] = []
        heard: list[wire.StreamEvent] = []

        def follow() -> None:
            try:
                for event in client.stream(ask("babble: 500")):
                    heard.append(event)
            except errors.InferenceError as error:
                failures.append(error)

        (thread,) = in_threads([follow])
        for _ in range(3):
            # Once words have come: who dies twice before the first is taken for the reason, and refused.
            num_heard = len(heard)
            wait_for(lambda: len(heard) > num_heard + 2)  # noqa: B023  # waited for within the turn
            running.kill_child(signal.SIGSEGV)
        thread.join(90)
        assert isinstance(failures[0], errors.ModelBroken)
        info = state(client)
        assert info.state == "broken"
        assert "SIGSEGV" in str(info.error)
        with pytest.raises(errors.ModelBroken):
            client.chat(ask("say: x"))
        assert client.embed("fake-embed", ["others live on"])


def test_a_full_queue_says_when_to_come_back() -> None:
    """429 with a time, before anything is streamed."""
    env = {"HEARTH_MAX_RUNNING": "1", "HEARTH_MAX_WAITING": "2", "HEARTH_FAKE_TOKENS_PER_SECOND": "20"}
    with service(**env) as (_, client):
        streams = [client.stream(ask("babble: 500", return_progress=True, fairness_key=str(n))) for n in range(3)]
        events = [next(stream) for stream in streams]
        while not isinstance(events[2], wire.Queued):
            events[2] = next(streams[2])
        assert events[2].position in (1, 2)
        with pytest.raises(errors.QueueFull) as caught:
            next(client.stream(ask("say: x")))
        assert (caught.value.retry_after_seconds or 0) > 0
        for stream in streams:
            stream.close()  # type: ignore[attr-defined]  # a generator


def is_refused(client: Client) -> bool:
    try:
        client.chat(ask("say: x"))
    except (errors.ShuttingDown, errors.Unreachable):
        return True
    return False


def test_sigterm_lets_running_answers_end() -> None:
    """The stream that runs comes to its end, newcomers are refused, and no process is left."""
    with service(HEARTH_FAKE_TOKENS_PER_SECOND="200") as (running, client):
        stream = client.stream(ask("babble: 60"))
        events = [next(stream)]
        children = running.child_pids()
        os.kill(running.pid, signal.SIGTERM)
        wait_for(lambda: is_refused(client))
        events += list(stream)
        assert len(text_of(events).split()) == 60
        wait_for(lambda: not any(map(is_alive, children)))


def test_children_do_not_outlive_their_parent() -> None:
    """Even when it is killed without a word."""
    with service() as (running, client):
        client.chat(ask("say: x"))
        client.embed("fake-embed", ["x"])
        children = running.child_pids()
        assert len(children) == 2
        os.kill(running.pid, signal.SIGKILL)
        wait_for(lambda: not any(map(is_alive, children)))


def test_a_broken_file_is_listed_and_refused_and_a_vanished_one_unknown(tmp_path: Path) -> None:
    """Neither harms the service; a file that llama.cpp itself refuses is said to have failed."""
    data = write_model(tmp_path / "cut.gguf", num_elements=4096)
    (tmp_path / "cut.gguf").write_bytes(data[:-4096])
    write_model(tmp_path / "hollow.gguf")
    with (
        running_inference("llama", models_dir=tmp_path) as running,
        Client(running.url, running.secret, 30.0) as client,
    ):
        assert state(client, "cut").state == "broken"
        with pytest.raises(errors.ModelBroken, match="cut off"):
            client.chat(wire.ChatRequest("cut", [{"role": "user", "content": "Hi"}]))
        with pytest.raises(errors.EngineError):
            client.chat(wire.ChatRequest("hollow", [{"role": "user", "content": "Hi"}]))
        assert state(client, "hollow").error
        (tmp_path / "hollow.gguf").unlink()
        with pytest.raises(errors.UnknownModel):
            client.chat(wire.ChatRequest("hollow", [{"role": "user", "content": "Hi"}]))
        assert [model.id for model in client.models()] == ["cut"]
