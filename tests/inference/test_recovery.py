"""Children that die, hang or are killed by what they are asked: who goes on, who is refused, what is switched off."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from typing import Any

import pytest

from inference import errors, wire
from inference.client import Client
from inference.jobs import AnswerStream, Call, Job
from inference.recovery import Recovery
from tests.inference.engines import alone
from tests.inference.serve import RunningInference
from tests.inference.test_service import ask, text_of
from tests.inference.test_supervision import in_threads, service, state, wait_for


def follow(client: Client, questions: Sequence[str], into: list[Any]) -> list[Any]:
    """One thread for each question; its text or its error ends up at its place."""

    def one(place: int) -> None:
        try:
            into[place] = text_of(list(client.stream(ask(questions[place]))))
        except errors.InferenceError as error:
            into[place] = error

    into += [None] * len(questions)
    return in_threads([lambda place=n: one(place) for n in range(len(questions))])  # type: ignore[misc]  # bound now


@pytest.mark.parametrize("place", [0, 3, 7])
def test_a_request_that_kills_is_found_and_refused_alone(place: int) -> None:
    """Seven others aboard come out whole, the model stays on, and the same request is not tried again."""
    questions = [f"babble: {80 + n}" for n in range(8)]
    questions[place] = "die: 3"
    with service(HEARTH_FAKE_TOKENS_PER_SECOND="200") as (_, client):
        client.load("fake-chat")
        got: list[Any] = []
        for thread in follow(client, questions, got):
            thread.join(90)
        assert isinstance(got[place], errors.RequestRefused)
        for n, question in enumerate(questions):
            assert n == place or got[n] == alone(question)
        assert state(client).state == "loaded"
        with pytest.raises(errors.RequestRefused):
            client.chat(ask("die: 3", priority="background", cache_salt="another"))
        assert client.chat(ask("say: on")).text == "on"


def test_random_kills_under_eight_streams_change_no_word() -> None:
    """Two deaths at any moment, by two signals: the texts are those of an undisturbed run, and nobody is blamed."""
    questions = [f"babble: {150 + n}" for n in range(8)]
    with service(HEARTH_FAKE_TOKENS_PER_SECOND="300") as (running, client):
        client.load("fake-chat")
        got: list[Any] = []
        threads = follow(client, questions, got)
        for number in (signal.SIGKILL, signal.SIGABRT):
            time.sleep(0.15)
            # On a slow machine all may be over by then, and nobody loads for nobody.
            wait_for(lambda: None not in got or (state(client).state == "loaded" and running.child_pids()))
            if running.child_pids():
                running.kill_child(number)
        for thread in threads:
            thread.join(90)
        assert got == [alone(question) for question in questions]


@pytest.mark.thorough
def test_a_child_that_stops_stepping_is_replaced() -> None:
    """It answers nobody and does not die by itself: the others' answers go on in a new process."""
    with service(HEARTH_FAKE_TOKENS_PER_SECOND="100", HEARTH_STALL_SECONDS="2") as (running, client):
        client.load("fake-chat")
        got: list[Any] = []
        threads = follow(client, ["babble: 200", "babble: 201"], got)
        time.sleep(0.3)
        os.kill(running.child_pids()[0], signal.SIGSTOP)
        for thread in threads:
            thread.join(90)
        assert got == [alone("babble: 200"), alone("babble: 201")]
        assert "did not move" in running.log_path.read_text()


@pytest.mark.thorough
def test_a_request_that_hangs_the_engine_is_refused_alone() -> None:
    """The beat of the process goes on and its steps do not: that is noticed too, and the cause found."""
    with service(HEARTH_FAKE_TOKENS_PER_SECOND="100", HEARTH_STALL_SECONDS="2") as (_, client):
        client.load("fake-chat")
        got: list[Any] = []
        for thread in follow(client, ["babble: 60", "hang: 2"], got):
            thread.join(90)
        assert got[0] == alone("babble: 60")
        assert isinstance(got[1], errors.RequestRefused)


@pytest.mark.thorough
def test_a_child_that_hangs_while_loading_is_given_up() -> None:
    """After three attempts, with the reason; the caller is not kept waiting for ever."""
    with service(HEARTH_FAKE_LOAD_SECONDS="600", HEARTH_STALL_SECONDS="1") as (_, client):
        with pytest.raises(errors.ModelBroken, match="did not move for 1 s while loading"):
            client.chat(ask("say: x"))
        assert state(client).state == "broken"


def test_an_admin_can_lift_it(fake_service: RunningInference) -> None:
    """A model that was put off works again, without a new file."""
    with service(HEARTH_FAKE_TOKENS_PER_SECOND="50") as (_, client):
        with pytest.raises(errors.ModelBroken):
            client.chat(ask("die: 2"))
        info = state(client)
        assert info.state == "broken"
        assert "SIGABRT" in str(info.error)
        with pytest.raises(errors.ModelBroken):
            client.load("fake-chat")
        client.lift("fake-chat")
        assert state(client).state == "unloaded"
        assert client.chat(ask("say: again")).text == "again"
        with pytest.raises(errors.UnknownModel):
            client.lift("nobody")


def job(number: int, num_tokens: int = 0) -> AnswerStream:
    stream = AnswerStream(number, {"n": number, "wants_progress": False}, lambda _job: None)
    stream.tokens.extend(range(num_tokens))
    return stream


def find(recovery: Recovery, jobs: list[Job], culprit: Job) -> tuple[int, list[Job]]:
    """Play deaths until somebody is convicted: (number of deaths, who)."""
    waiting, num_deaths = list(jobs), 0
    while num_deaths < 20:
        recovery.next_group()
        aboard = [each for each in waiting if recovery.allows(each)]
        if culprit in aboard:
            num_deaths += 1
            refused, is_last = recovery.died(float(num_deaths), aboard)
            assert not is_last
            if refused:
                return num_deaths, refused
        else:
            for each in aboard:
                if isinstance(each, AnswerStream):
                    each.tokens.extend(range(5))
    raise AssertionError("nobody was found")


@pytest.mark.parametrize("number", [1, 2, 16, 63, 64])
def test_the_culprit_is_found_among_many(number: int) -> None:
    """The newest after one death more than it takes to become suspicious, any other after a few."""
    jobs: list[Job] = [job(n) for n in range(1, 65)]
    num_deaths, refused = find(Recovery(), jobs, jobs[number - 1])
    assert refused == [jobs[number - 1]]
    assert num_deaths <= (3 if number == 64 else 12)


def test_who_went_on_between_two_deaths_is_not_suspected() -> None:
    """Kills from outside hit everybody: nobody is held up or refused, and the third puts the model off."""
    recovery, jobs = Recovery(), [job(n) for n in range(8)]
    for at in (1.0, 2.0):
        assert recovery.died(at, jobs) == ([], False)
        assert not recovery.is_trying
        for each in jobs:
            each.tokens.extend(range(4))
    assert recovery.died(3.0, jobs) == ([], True)


def test_old_deaths_are_forgotten() -> None:
    """Two in one hour are not three in ten minutes."""
    recovery = Recovery()
    assert [recovery.died(at, [])[1] for at in (0.0, 100.0, 800.0, 900.0, 950.0)] == [False, False, False, False, True]


def test_a_model_that_answers_between_its_deaths_stays_on() -> None:
    """However often its process is killed from outside; three deaths without a whole answer are its own."""
    recovery = Recovery()
    for at in range(20):
        assert recovery.died(float(at), []) == ([], False)
        recovery.worked()
    assert [recovery.died(at, [])[1] for at in (30.0, 31.0, 32.0)] == [False, False, True]


def test_a_suspect_whose_caller_left_holds_nobody_up() -> None:
    """The trial goes on without it."""
    recovery, jobs = Recovery(), [job(1), job(2), job(3)]
    recovery.died(1.0, jobs)
    recovery.died(2.0, jobs)
    recovery.next_group()
    assert [each.number for each in jobs if recovery.allows(each)] == [3]
    jobs[2].close()
    recovery.next_group()
    assert recovery.is_trying
    assert recovery.allows(jobs[0])
    assert recovery.allows(jobs[1])
    jobs[1].close()
    jobs[0].close()
    recovery.next_group()
    assert not recovery.is_trying


async def test_calls_are_tried_as_answers_are() -> None:
    """An embedding that kills is found too."""
    recovery = Recovery()
    jobs: list[Job] = [Call("embed", n, {"input": [str(n)]}, lambda _job: None) for n in range(3)]
    assert recovery.died(1.0, jobs) == ([], False)
    recovery.died(2.0, jobs)
    recovery.next_group()
    assert recovery.died(3.0, [jobs[2]]) == ([jobs[2]], False)
    assert recovery.is_convicted(4.0, {"input": ["2"], "priority": "api"})
    assert not recovery.is_convicted(4.0, {"input": ["1"]})
    assert not recovery.is_convicted(700.0, {"input": ["2"]})


def test_usage_after_a_death_counts_once() -> None:
    """What a second process reads again is not charged as written twice."""
    with service(HEARTH_FAKE_TOKENS_PER_SECOND="100") as (running, client):
        client.load("fake-chat")
        stream = client.stream(ask("babble: 60"))
        events = [next(stream) for _ in range(5)]
        running.kill_child(signal.SIGKILL)
        events += list(stream)
        calm = client.chat(ask("babble: 60"))
        assert isinstance(events[-1], wire.Finished)
        assert events[-1].usage.num_completion_tokens == calm.usage.num_completion_tokens
