"""The loop with scheduler and cache, without a process around it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.backends import Batch, MemoryFull
from tests.inference.engines import Bench, alone

SYSTEM = "You are careful. " * 8


def test_an_answer_is_streamed_and_finished() -> None:
    """It starts with its acceptance, ends with its reason, usage and timings."""
    bench = Bench()
    number = bench.ask("say: Hello nice world")
    bench.run()
    assert bench.text(number) == "Hello nice world"
    (finished,) = bench.of("finished", number)
    assert finished[2] == "stop"
    assert finished[3]["completion_tokens"] == len(bench.tokens(number))
    assert bench.events[0][0] == "accepted"


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32),
    st.integers(1, 4),
    st.sampled_from([300, 700, 4096]),
    st.sampled_from([0, 400, 4096]),
    st.booleans(),
)
def test_a_crowd_gets_what_each_would_get_alone(
    seed: int, num_salts: int, num_cells: int, num_offloaded: int, can_mix: bool
) -> None:
    """The oracle: whatever is batched, chunked, shared, evicted, offloaded, set back or cancelled beside it, every
    answer is the one that the same question gets on an idle engine. The fake's answer is a checksum over the real
    sequence."""
    luck = random.Random(seed)
    bench = Bench(num_cells=num_cells, num_offloaded=num_offloaded, context_length=280, max_running=4, num_sequences=6)
    asked: dict[int, tuple[str, str]] = {}
    for turn in range(12):
        question = f"babble: {luck.randint(1, 12)} {luck.choice(['about', 'why'])} " + "x " * luck.randint(0, 40)
        system = luck.choice(["", SYSTEM])
        salt = str(luck.randrange(num_salts))
        number = bench.ask(question, system=system, cache_salt=salt, fairness_key=salt, max_tokens=60)
        asked[number] = (question, system)
        bench.step(luck.randint(0, 6))
        if turn % 4 == 3:
            gone = luck.choice(list(asked))
            bench.engine.cancel(gone)
            del asked[gone]
    bench.run()
    for number, (question, system) in asked.items():
        assert bench.text(number) == alone(question, system=system, max_tokens=60)
    assert bench.backend.num_used == bench.engine.scheduler.cache.num_used <= num_cells
    assert bench.engine.scheduler.cache.num_busy == 0
    assert sum(map(len, bench.backend.offloaded.values())) <= num_offloaded


def test_a_thread_that_comes_back_after_others_reads_only_what_is_new() -> None:
    """Its cells were given free for them, and still nothing is evaluated twice."""
    bench = Bench()
    first = bench.ask("say: Hello nice world", cache_salt="alice")
    bench.run()
    bench.ask("babble: 20", cache_salt="bob")
    bench.step(2)
    num_cells = bench.backend.num_used
    bench.run()
    assert num_cells < 30
    again = bench.ask("say: Hello nice world", cache_salt="alice")
    bench.run()
    assert bench.text(again) == bench.text(first)
    (finished,) = bench.of("finished", again)
    assert finished[3]["prompt_tokens_details"]["cached_tokens"] == finished[3]["prompt_tokens"] - 1


def test_two_hundred_cancels_leave_nothing_behind() -> None:
    """No sequence, no cell beyond the holders' and no request stays."""
    bench = Bench()
    luck = random.Random(3)
    for _ in range(200):
        number = bench.ask(f"babble: 50 {luck.random()}")
        bench.step(luck.randint(0, 3))
        bench.engine.cancel(number)
    assert bench.engine.is_idle
    assert bench.engine.scheduler.running == bench.engine.scheduler.waiting == []
    assert bench.engine.scheduler.cache.num_busy == 0


def test_a_cancelled_answer_takes_no_further_step() -> None:
    """After the cancel nothing more is delivered for it."""
    bench = Bench()
    number, other = bench.ask("babble: 100"), bench.ask("babble: 100 too")
    bench.step(20)
    bench.engine.cancel(number)
    told = len(bench.of("delta", number))
    bench.step(20)
    assert len(bench.of("delta", number)) == told
    assert len(bench.of("delta", other)) > told


def test_a_long_prompt_never_stops_another_answer() -> None:
    """While 1,500 tokens are read in pieces, the running answer gets a token in every step."""
    bench = Bench(decode_step_seconds=0.05)
    running = bench.ask("babble: 200")
    bench.step(5)
    told = len(bench.of("delta", running))
    reader = bench.ask("say: done " + "word " * 700)
    steps = 0
    while not bench.of("delta", reader):
        bench.step()
        steps += 1
    assert steps > 5
    assert len(bench.of("delta", running)) - told == steps


def test_a_second_turn_reads_only_what_is_new() -> None:
    """The thread's past is found in the cache, and the usage says so."""
    bench = Bench()
    bench.ask("say: first", system=SYSTEM)
    bench.run()
    again = bench.ask("say: second", system=SYSTEM)
    bench.run()
    usage = bench.of("finished", again)[0][3]
    assert usage["prompt_tokens_details"]["cached_tokens"] > 40


def test_another_persons_prompt_is_not_found() -> None:
    """The same text under another salt is read from the start: whose prompt is cached cannot be measured."""
    bench = Bench()
    bench.ask("say: secret canary", cache_salt="alice")
    alices = bench.ask("say: secret canary", system=SYSTEM, cache_salt="alice", num_public=0)
    bench.run()
    bob = bench.ask("say: secret canary", system=SYSTEM, cache_salt="bob")
    bench.run()
    assert bench.of("finished", alices)[0][2] == "stop"
    assert bench.of("finished", bob)[0][3]["prompt_tokens_details"]["cached_tokens"] == 0


def test_a_common_system_prompt_is_read_once_for_all() -> None:
    """What holds nothing of anybody's own is shared across salts; the question after it is not."""
    bench = Bench()
    bench.ask("say: secret canary", system=SYSTEM, cache_salt="alice")
    bench.run()
    bob = bench.ask("say: secret canary", system=SYSTEM, cache_salt="bob")
    bench.run()
    accepted, finished = bench.of("accepted", bob)[0], bench.of("finished", bob)[0]
    cached = finished[3]["prompt_tokens_details"]["cached_tokens"]
    assert 30 < cached < accepted[2] - len(bench.backend.vocab.tokenize("say: secret canary"))


def test_the_same_beginning_is_read_once_when_many_come_together() -> None:
    """Four people with the same long system prompt wait for the first to read it, then share it."""
    bench = Bench(max_running=4)
    numbers = [bench.ask(f"say: {n}", system=SYSTEM * 3) for n in range(4)]
    bench.run()
    num_prompt = bench.of("accepted", numbers[0])[0][2]
    assert bench.backend.num_evaluated < 2 * num_prompt


def test_the_stop_string_ends_the_answer_and_is_not_shown() -> None:
    """Even when it comes over several tokens."""
    bench = Bench()
    number = bench.ask("say: one two three four", stop=["three"])
    bench.run()
    assert bench.text(number) == "one two "
    assert bench.of("finished", number)[0][2] == "stop"


def test_the_token_limit_is_kept() -> None:
    """The reason is then length."""
    bench = Bench()
    number = bench.ask("babble: 100", max_tokens=7)
    bench.run()
    assert len(bench.tokens(number)) == 7
    assert bench.of("finished", number)[0][2] == "length"


@pytest.mark.parametrize("stop", [(), ("zzz",), ("w1",)])
@pytest.mark.parametrize("num_known", [0, 1, 5, 30])
def test_a_successor_goes_on_where_a_dead_process_stopped(num_known: int, stop: tuple[str, ...]) -> None:
    """Prompt and tokens so far give the rest of the same text, no character twice, none lost."""
    first = Bench()
    number = first.ask("babble: 40", stop=stop)
    first.run()
    whole, tokens = first.text(number), first.tokens(number)
    known = "".join(e[2] for e in first.of("delta", number)[:num_known])
    second = Bench()
    resumed = second.ask("babble: 40", stop=stop, resume_tokens=tokens[:num_known], num_chars_known=len(known))
    second.run()
    assert known + second.text(resumed) == whole


def test_full_memory_sets_the_latest_back_and_fails_nobody() -> None:
    """Answers that together need more cells than there are all come to their end."""
    bench = Bench(num_cells=160, context_length=160, num_sequences=4)
    numbers = [bench.ask(f"babble: 25 {n}", max_tokens=100) for n in range(4)]
    bench.run()
    for n, number in enumerate(numbers):
        assert bench.text(number) == alone(f"babble: 25 {n}", max_tokens=100)


def test_progress_tells_place_and_reading() -> None:
    """Who asked for progress learns the place in the queue and how far the prompt is read."""
    bench = Bench(max_running=1)
    bench.ask("babble: 300")
    bench.step(3)
    waiting = bench.ask("say: x " + "word " * 100, wants_progress=True)
    bench.now += 1
    bench.step()
    assert bench.of("queued", waiting)[0][2] == 1
    bench.run()
    readings = bench.of("reading", waiting)
    assert readings[-1][2] == readings[-1][3]
    assert len(readings) > 1


def test_a_cache_that_says_full_costs_time_and_no_answer() -> None:
    """When the backend itself runs out of cells, somebody steps back and everybody finishes."""
    bench = Bench()
    evaluate, calls = bench.backend.evaluate, iter(range(10**6))

    def moody(batch: Batch) -> None:
        if next(calls) % 5 == 2 and len(bench.engine.scheduler.running) > 1:
            raise MemoryFull
        evaluate(batch)

    bench.backend.evaluate = moody  # type: ignore[method-assign]  # this one backend only
    numbers = [bench.ask(f"babble: 20 {n}") for n in range(4)]
    bench.run()
    for n, number in enumerate(numbers):
        assert bench.text(number) == alone(f"babble: 20 {n}")
