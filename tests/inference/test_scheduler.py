"""Who is next."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inference import errors
from inference.config import EngineConfig
from inference.request import Generation, SamplingParams, token_array
from inference.scheduler import Plan, Scheduler, Work
from inference.wire import Priority
from tests.inference.engines import Bench, alone

CONFIG = EngineConfig(
    context_length=512, num_cells=1024, max_running=2, num_sequences=4, batch_tokens=32, ubatch_tokens=32, max_waiting=6
)


def request(number: int, key: str = "", priority: Priority = "interactive", length: int = 20) -> Generation:
    tokens = token_array([number * 1000 + n for n in range(length)])
    return Generation(
        number, tokens, length, 50, SamplingParams(), priority=priority, fairness_key=key, arrived_at=float(number)
    )


def evaluate(scheduler: Scheduler, plan: Plan) -> list[int]:
    """Do the plan; every finished prompt gets a first token. Returns who was in it."""
    for work in plan.works:
        output = work.wants_output
        scheduler.evaluated(work)
        if output:
            work.generation.tokens.append(1)
    return [work.generation.id for work in plan.works]


def test_a_step_decodes_first_and_reads_within_its_budget() -> None:
    """One token for the running answer, then a piece of the new prompt, no more than a batch."""
    scheduler = Scheduler(CONFIG)
    scheduler.submit(request(1))
    evaluate(scheduler, scheduler.plan(10.0))
    scheduler.submit(request(2, length=200))
    plan = scheduler.plan(11.0)
    assert [(work.generation.id, work.count) for work in plan.works] == [(1, 1), (2, 31)]


def timed(scheduler: Scheduler, now: float, price: float = 0.01) -> list[tuple[int, int]]:
    """One step at a price for each token; returns (who, tokens)."""
    plan = scheduler.plan(now)
    evaluate(scheduler, plan)
    scheduler.observe(plan, price * sum(work.count for work in plan.works))
    return [(work.generation.id, work.count) for work in plan.works]


def test_where_mixing_is_dear_the_two_kinds_of_steps_take_turns() -> None:
    """Readers get their next word after each turn of reading, and nobody waits when there is only one kind."""
    scheduler = Scheduler(CONFIG, can_mix=False)
    scheduler.submit(request(1))
    timed(scheduler, 10.0)
    scheduler.submit(request(2, length=60))
    done = [[who for who, _ in timed(scheduler, 11.0, price=0.02)] for _ in range(6)]
    assert done == [[1], [2], [1], [2], [1, 2], [1, 2]]


TURNS = replace(
    CONFIG, num_cells=8192, context_length=2048, max_running=8, num_sequences=8, batch_tokens=512,
    decode_step_seconds=0.5,
)  # fmt: skip


def one_reads_and_others_wait(num_waiting: int) -> Scheduler:
    """The first answer is being written, so many prompts of 900 tokens wait, and a token takes 10 ms to read."""
    scheduler = Scheduler(TURNS, can_mix=False)
    scheduler.submit(request(1))
    for _ in range(40):
        scheduler.observe(Plan(works=[Work(request(0), 0, 1000)], num_prefill=1000), 10.0)
    timed(scheduler, 10.0)
    for number in range(2, 2 + num_waiting):
        scheduler.submit(request(number, length=900))
    return scheduler


def test_a_follow_up_is_read_at_the_next_step_of_a_long_turn_of_reading() -> None:
    """Where many wait for few, prompts are read for longer at a time, in several steps: a short prompt that comes
    meanwhile waits for one of them, not for all, is read in one piece, and nobody else's tokens are in its step."""
    scheduler = one_reads_and_others_wait(5)
    first = [timed(scheduler, 11.0) for _ in range(2)]
    assert [[who for who, _ in step] for step in first] == [[1], [2]], "one reads, five wait: a turn of a second"
    scheduler.submit(request(7, length=60))
    assert timed(scheduler, 11.5) == [(7, 60)]


def test_readers_get_their_word_when_the_turn_of_reading_is_over() -> None:
    """However many wait, the turn of those who are read to ends after its time."""
    scheduler = one_reads_and_others_wait(7)
    kinds = ["write" if timed(scheduler, 11.0) == [(1, 1)] else "read" for _ in range(9)]
    assert kinds == ["write", "read", "read", "write", "read", "read", "write", "read", "read"]


def test_a_step_is_longer_where_many_wait_for_few() -> None:
    """One reader lets a crowd be read in larger pieces than a crowd of readers lets one newcomer."""
    config = replace(
        CONFIG,
        num_cells=8192,
        context_length=2048,
        max_running=8,
        num_sequences=8,
        batch_tokens=512,
        decode_step_seconds=0.25,
    )

    def num_read(num_decoding: int, num_reading: int) -> int:
        scheduler = Scheduler(config)
        for _ in range(40):
            scheduler.observe(Plan(works=[Work(request(0), 0, 1000)], num_prefill=1000), 5.0)
        for number in range(num_decoding):
            scheduler.submit(request(number))
        while any(not g.is_decoding for g in scheduler.running) or scheduler.waiting:
            evaluate(scheduler, scheduler.plan(10.0))
        for number in range(num_decoding, num_decoding + num_reading):
            scheduler.submit(request(number, length=900))
        return scheduler.plan(11.0).num_prefill

    assert num_read(7, 1) == num_read(4, 4) == pytest.approx(50, abs=1)
    assert num_read(2, 6) == pytest.approx(50 * 3**0.5, abs=3)
    assert num_read(1, 7) == pytest.approx(125, abs=3)


def test_classes_go_before_arrival_and_waiting_lifts() -> None:
    """A person goes before the API, the API before background, until somebody has waited long enough."""
    scheduler = Scheduler(CONFIG)
    for number, priority in ((1, "background"), (2, "api"), (3, "interactive")):
        scheduler.submit(request(number, str(number), priority))  # type: ignore[arg-type]  # literals of Priority
    assert [g.id for g, _, _ in scheduler.queue(10.0)] == [3, 2, 1]
    assert [g.id for g, _, _ in scheduler.queue(1000.0)] == [1, 2, 3]


def test_a_flood_does_not_delay_others() -> None:
    """Somebody with many requests goes behind those who have used less."""
    bench = Bench(max_running=1)
    flood = [bench.ask(f"babble: 10 {n}", fairness_key="mallory") for n in range(10)]
    bench.step(30)
    alice = bench.ask("babble: 10 alice", fairness_key="alice")
    bench.run()
    order = bench.order_of_first_words()
    assert order.index(alice) <= order.index(flood[3])


def test_a_short_question_does_not_wait_until_long_prompts_are_read() -> None:
    """It gets a place at once, and the next piece of reading is its own."""
    scheduler = Scheduler(CONFIG)
    scheduler.submit(request(1, "a", length=400))
    evaluate(scheduler, scheduler.plan(10.0))
    scheduler.submit(request(2, "b", length=20))
    assert evaluate(scheduler, scheduler.plan(10.1))[0] == 2


def test_nobody_keeps_all_places_for_himself() -> None:
    """Somebody new gets the place of the latest of a person who has several; that one goes on later from what it had
    read, to the same answer."""
    bench = Bench(max_running=2)
    flood = [bench.ask(f"babble: 40 {n}", fairness_key="mallory") for n in range(3)]
    bench.step(20)
    alice = bench.ask("say: hello", fairness_key="alice")
    bench.step(8)
    assert bench.text(alice).startswith("hello")
    num_before = bench.backend.num_evaluated
    bench.run()
    assert [bench.text(number) for number in flood] == [alone(f"babble: 40 {n}") for n in range(3)]
    assert bench.backend.num_evaluated - num_before < 3 * 150
    assert not bench.of("error", alice)


def test_what_does_not_fit_is_skipped() -> None:
    """A large request that has no room now does not keep a small one waiting."""
    scheduler = Scheduler(
        EngineConfig(context_length=256, num_cells=256, max_running=3, num_sequences=4, batch_tokens=256)
    )
    scheduler.submit(request(1, "a", length=100))
    evaluate(scheduler, scheduler.plan(10.0))
    scheduler.submit(request(2, "b", length=200))
    scheduler.submit(request(3, "c", length=10))
    assert evaluate(scheduler, scheduler.plan(11.0)) == [1, 3]


def test_a_full_queue_answers_with_a_time() -> None:
    """The bound holds, one person may fill half of it, and the answer says when to come back."""
    scheduler = Scheduler(CONFIG)
    for number in range(1, 3):
        scheduler.submit(request(number))
    evaluate(scheduler, scheduler.plan(10.0))
    for number in range(3, 6):
        scheduler.submit(request(number, "mallory"))
    with pytest.raises(errors.QueueFull):
        scheduler.submit(request(6, "mallory"))
    for number in range(7, 10):
        scheduler.submit(request(number, str(number)))
    with pytest.raises(errors.QueueFull) as caught:
        scheduler.submit(request(10, "alice"))
    assert (caught.value.retry_after_seconds or 0) > 0


def test_returning_after_a_pause_brings_no_credit() -> None:
    """Who was away starts level with those who stayed, and cannot shut them out for what they used meanwhile."""
    bench = Bench(max_running=1)
    for n in range(6):
        bench.ask(f"babble: 30 {n}", fairness_key="alice")
    bench.step(100)
    bob = [bench.ask(f"babble: 30 bob {n}", fairness_key="bob") for n in range(6)]
    bench.run()
    order = [number for number in bench.order_of_first_words() if number not in (1, 2)]
    first_half = order[: len(order) // 2]
    assert any(number not in bob for number in first_half)
