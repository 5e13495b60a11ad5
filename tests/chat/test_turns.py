"""Answers survive: a worker that is killed or leaves, a Valkey that forgets, a reader who comes late or is slow."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from datetime import timedelta
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.conf import settings as django_settings
from django.db import connection
from django.utils import timezone

from chat import events, limits, tasks, valkey
from chat.models import Employee, Message, ServedModel, Turn
from chat.turns import answering, failures, log, presence, queue
from tests.chat.browser import Tab, tab_of, text_of, working
from tests.children import ENDS_WITH_US
from tests.factories import make_model, make_thread, make_turn, send_frame
from tests.inference.serve import RunningInference, running_inference
from tests.services import database_url

pytestmark = pytest.mark.django_db(transaction=True)

NUM_TRIES = 6  # of a promise in seconds: a busy machine may break it now and then, and not each time
WORDS = " ".join(f"word{n}" for n in range(80))


async def begin(tab: Tab, text: str = f"say: {WORDS}") -> tuple[str, list[dict[str, Any]]]:
    """Ask, and wait for the first words."""
    accepted = await tab.ask(send_frame(text))
    turn = accepted["turn"]["id"]
    return turn, await more(tab, turn)


async def more(tab: Tab, turn: str) -> list[dict[str, Any]]:
    """Everything up to the next words."""
    heard: list[dict[str, Any]] = []
    while not heard or heard[-1]["type"] != "answer.extended":
        frame = await tab.hear()
        if frame.get("turn") == turn:
            heard.append(frame)
    return heard


def assert_whole(heard: list[dict[str, Any]], text: str = WORDS) -> None:
    """Every event once, in order, and together the text that the last one vouches for."""
    assert [frame["seq"] for frame in heard] == list(range(1, len(heard) + 1))
    assert text_of(heard) == text
    assert heard[-1]["sha256"] == hashlib.sha256(text.encode()).hexdigest()


async def test_a_worker_that_leaves_hands_its_answers_over(alice: Employee, slow_inference: RunningInference) -> None:
    """SIGTERM in mid-answer: the next worker goes on from the text, and readers see one unbroken numbering."""
    await sync_to_async(make_model)()
    async with tab_of(alice) as tab:
        async with working():
            turn, heard = await begin(tab)
        row = await Turn.objects.aget(pk=turn)
        assert (row.status, row.attempt) == ("queued", 1)
        async with working():
            heard += await tab.hear_answer(turn)
    assert_whole(heard)
    row = await Turn.objects.aget(pk=turn)
    assert (row.status, row.attempt, row.num_interruptions) == ("finished", 2, 0)


async def test_a_killed_workers_answer_goes_on(alice: Employee, slow_inference: RunningInference) -> None:
    """kill -9 of a real worker process: another one notices within seconds and goes on without a gap or a repeat."""
    await sync_to_async(make_model)()
    async with tab_of(alice) as tab:
        process = await asyncio.to_thread(start_worker)
        try:
            turn, heard = await begin(tab)
        finally:
            process.kill()
            await asyncio.to_thread(process.wait)
        async with working():
            heard += await tab.hear_answer(turn)
    assert_whole(heard)
    row = await Turn.objects.aget(pk=turn)
    # A death after words is not held against the turn.
    assert (row.status, row.attempt, row.num_interruptions) == ("finished", 2, 0)


async def test_a_worker_that_lost_its_lease_writes_nothing_more(
    alice: Employee, slow_inference: RunningInference
) -> None:
    """A worker that was frozen wakes up while another one writes: its words reach neither log nor row."""
    await sync_to_async(make_model)()
    async with tab_of(alice) as tab:
        process = await asyncio.to_thread(start_worker)
        try:
            turn, heard = await begin(tab)
            process.send_signal(signal.SIGSTOP)
            await expire_leases()
            async with working():
                heard += await more(tab, turn)
                process.send_signal(signal.SIGCONT)
                heard += await tab.hear_answer(turn)
        finally:
            process.kill()
            await asyncio.to_thread(process.wait)
    assert_whole(heard)
    assert (await Message.objects.aget(written_by=turn)).text == WORDS


async def test_an_answer_that_kills_every_worker_is_given_up(alice: Employee, inference: RunningInference) -> None:
    """Three deaths, and the turn fails with a sentence and the text so far; it does not kill a fourth."""
    await sync_to_async(make_model)()
    thread = await sync_to_async(make_thread)(alice)
    turn = await sync_to_async(make_turn)(thread, answer="So far", num_interruptions=queue.MAX_INTERRUPTIONS)
    async with tab_of(alice) as tab:
        await tab.say({"type": "turn.follow", "turn": str(turn.id), "after_seq": 0})
        await tab.say({"type": "ping"})
        await tab.hear("pong")
        async with working():
            failed = (await tab.hear_answer(str(turn.id)))[-1]
    assert (failed["type"], failed["code"]) == ("answer.failed", "interrupted")
    answer = await Message.objects.aget(written_by=turn)
    assert (answer.text, answer.status) == ("So far", "failed")


async def test_stop_ends_the_answer_and_frees_the_engine(alice: Employee, slow_inference: RunningInference) -> None:
    """What was written stays, the reason is said, and the answer of the next question is not in the way."""
    await sync_to_async(make_model)()
    async with working(), tab_of(alice) as tab:
        turn, heard = await begin(tab)
        await tab.say({"type": "turn.stop", "turn": turn})
        heard += await tab.hear_answer(turn)
        assert heard[-1]["reason"] == "stopped"
        text = text_of(heard)
        assert WORDS.startswith(text)
        assert text
        answer = await Message.objects.aget(written_by=turn)
        assert (answer.text, answer.status, answer.finish_reason) == (text, "stopped", "stopped")


async def test_a_stopped_answer_tells_what_it_used(alice: Employee, slow_inference: RunningInference) -> None:
    """The prompt as it was read, the words as the tokenizer counts them, and their speed."""
    await sync_to_async(make_model)()
    async with working(), tab_of(alice) as tab:
        turn, heard = await begin(tab, "babble: 2000")
        while len(text_of(heard).split()) < 8:
            heard.append(await tab.hear("answer.extended"))
        await tab.say({"type": "turn.stop", "turn": turn})
        heard += await tab.hear_answer(turn)
    end = heard[-1]
    assert end["reason"] == "stopped"
    assert end["num_prompt_tokens"] > 0
    assert end["num_completion_tokens"] >= 8
    assert end["tokens_per_second"] > 1
    answer = await Message.objects.aget(written_by=turn)
    assert (answer.num_completion_tokens, answer.context_length) == (
        end["num_completion_tokens"],
        end["context_length"],
    )


async def test_stop_gives_the_engines_place_back_within_half_a_second(
    alice: Employee, slow_inference: RunningInference
) -> None:
    """By the engine's own count of running requests, from the frame that asks to stop."""
    await sync_to_async(make_model)()
    async with working(), tab_of(alice) as tab:
        for _ in range(NUM_TRIES):
            turn, _heard = await begin(tab, "babble: 2000")
            assert await asyncio.to_thread(num_running, slow_inference) == 1
            began = time.monotonic()
            await tab.say({"type": "turn.stop", "turn": turn})
            while await asyncio.to_thread(num_running, slow_inference):
                await asyncio.sleep(0.01)
            seconds = time.monotonic() - began
            await tab.hear_answer(turn)
            if seconds < 0.5:
                break
        assert seconds < 0.5


def num_running(inference: RunningInference) -> float:
    text = httpx.get(f"{inference.url}/metrics", headers={"Authorization": f"Bearer {inference.secret}"}).text
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith("vllm:num_requests_running"))


async def test_a_page_hears_that_nobody_writes_answers(alice: Employee) -> None:
    """A queued turn says what it waits for: its place, and whether a worker lives."""
    await sync_to_async(make_model)()
    async with tab_of(alice) as tab:
        await tab.ask(send_frame("First"))
        second = await tab.ask(send_frame("Second"))
        waiting = await tab.hear("turn.waiting")
        while waiting["id"] != second["turn"]["id"]:
            waiting = await tab.hear("turn.waiting")
        assert (waiting["position"], waiting["has_worker"]) == (2, False)
        await sync_to_async(presence.note)("a-worker-1")
        assert (await tab.hear("turn.waiting"))["has_worker"] is True


@pytest.mark.parametrize("who", ["the page", "beat"])
async def test_a_turn_that_nobody_will_write_ends(alice: Employee, who: str) -> None:
    """Without a worker it fails within a minute, in the asker's language, keeps its text and can go on."""
    thread = await sync_to_async(make_thread)(alice)
    turn = await sync_to_async(make_turn)(thread, answer="So far", language="de")
    await Turn.objects.filter(pk=turn.pk).aupdate(created_at=timezone.now() - timedelta(seconds=45))
    if who == "beat":
        await sync_to_async(tasks.sweep_turns)()
    async with tab_of(alice) as tab:
        await tab.say({"type": "turn.follow", "turn": str(turn.id), "after_seq": 0})
        state = await tab.hear("turn.snapshot")
    assert (state["status"], state["text"], state["error"]["code"]) == ("failed", "So far", "no_worker")
    assert state["error"]["sentence"] != failures.nobody_there().sentence
    assert (await Message.objects.aget(pk=turn.answer_id)).can_go_on


async def test_a_living_worker_leaves_long_queues_alone(alice: Employee) -> None:
    """However long a turn waits behind others, it is not given up while somebody writes answers."""
    turn = await sync_to_async(make_turn)(await sync_to_async(make_thread)(alice))
    await Turn.objects.filter(pk=turn.pk).aupdate(created_at=timezone.now() - timedelta(seconds=600))
    await sync_to_async(presence.note)("a-worker-1")
    await sync_to_async(tasks.sweep_turns)()
    await turn.arefresh_from_db()
    assert turn.status == "queued"


async def test_text_reaches_the_database_once_a_second_at_most(
    alice: Employee, slow_inference: RunningInference
) -> None:
    """Counted by the database itself: one update of the answer a second, and its end."""
    await sync_to_async(make_model)()
    await sync_to_async(count_updates)()
    began = time.monotonic()
    async with working(), tab_of(alice) as tab:
        turn, _heard = await begin(tab, "babble: 80")
        await tab.hear_answer(turn)
    seconds = time.monotonic() - began
    num_turns, num_answers = await sync_to_async(updates_counted)()
    assert 1 <= num_answers <= seconds + 2
    # The turn's row: claimed and finished besides.
    assert num_turns <= seconds + 3


def count_updates() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE counted (name text)")
        cursor.execute(
            "CREATE FUNCTION count_update() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN INSERT INTO counted VALUES (TG_TABLE_NAME); RETURN NULL; END $$"
        )
        for table in ("chat_turn", "chat_message"):
            cursor.execute(
                f"CREATE TRIGGER count_update AFTER UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION count_update()"
            )


def updates_counted() -> tuple[int, int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FILTER (WHERE name = 'chat_turn'), count(*) FROM counted")
        num_turns, num_all = cursor.fetchone()
        cursor.execute("DROP TABLE counted")
        cursor.execute("DROP FUNCTION count_update CASCADE")
    return num_turns, num_all - num_turns


async def test_stop_while_queued_needs_no_place(alice: Employee, slow_inference: RunningInference) -> None:
    """A turn that waits behind a busy worker ends at once."""
    await sync_to_async(make_model)()
    async with working(concurrency=1), tab_of(alice) as tab:
        await begin(tab)
        waiting = (await tab.ask(send_frame("say: never")))["turn"]["id"]
        await tab.say({"type": "turn.stop", "turn": waiting})
        heard = await tab.hear_answer(waiting)
    assert [frame["type"] for frame in heard] == ["answer.finished"]
    assert heard[0]["reason"] == "stopped"


async def test_a_late_reader_gets_everything_from_the_log(alice: Employee, slow_inference: RunningInference) -> None:
    """A second tab opens in mid-answer and asks from 0; a third asks from where it was cut off."""
    await sync_to_async(make_model)()
    async with working(), tab_of(alice) as tab, tab_of(alice) as late, tab_of(alice) as cut:
        turn, heard = await begin(tab)
        await late.say({"type": "turn.follow", "turn": turn, "after_seq": 0})
        await cut.say({"type": "turn.follow", "turn": turn, "after_seq": heard[-1]["seq"]})
        first, second, third = await asyncio.gather(
            tab.hear_answer(turn), late.hear_answer(turn), cut.hear_answer(turn)
        )
    assert_whole(heard + first)
    assert_whole(second)
    assert_whole(heard + third)


async def test_an_ended_answer_is_told_from_the_database(alice: Employee, inference: RunningInference) -> None:
    """With the log gone, one snapshot says it all: text, status, digest."""
    await sync_to_async(make_model)()
    async with working(), tab_of(alice) as tab:
        accepted = await tab.ask(send_frame("say: Kept."))
        turn = accepted["turn"]["id"]
        last = (await tab.hear_answer(turn))[-1]
    await sync_to_async(valkey.client().delete)(log.key_of((await Turn.objects.aget(pk=turn)).pk))
    async with tab_of(alice) as tab:
        await tab.say({"type": "turn.follow", "turn": turn, "after_seq": 0})
        snapshot = await tab.hear("turn.snapshot")
    assert (snapshot["text"], snapshot["status"], snapshot["seq"]) == ("Kept.", "finished", last["seq"])
    assert snapshot["finish"]["sha256"] == hashlib.sha256(b"Kept.").hexdigest()


async def test_a_valkey_that_forgets_in_mid_answer_costs_nothing(
    alice: Employee, slow_inference: RunningInference
) -> None:
    """The log is wiped while the answer runs: the reader gets the state from PostgreSQL and goes on."""
    await sync_to_async(make_model)()
    async with working(), tab_of(alice) as tab:
        turn, _heard = await begin(tab)
        while not await Message.objects.filter(written_by=turn).exclude(text="").aexists():
            await asyncio.sleep(0.02)  # a checkpoint comes once a second
        row = await Turn.objects.aget(pk=turn)
        await sync_to_async(valkey.client().delete)(log.key_of(row.pk))
        async with tab_of(alice) as late:
            await late.say({"type": "turn.follow", "turn": turn, "after_seq": 0})
            snapshot = await late.hear("turn.snapshot")
            text = snapshot["text"]
            seq = snapshot["seq"]
            while True:
                frame = await late.hear("turn.snapshot", "answer.extended", "answer.finished")
                if frame["type"] == "turn.snapshot":
                    text, seq = frame["text"], frame["seq"]
                elif frame["seq"] == seq + 1:
                    seq = frame["seq"]
                    text += frame.get("text", "")
                if frame["type"] == "answer.finished" or frame.get("status") == "finished":
                    break
    assert text == WORDS


async def test_a_reader_who_does_not_keep_up_is_not_buried(alice: Employee, inference: RunningInference) -> None:
    """Without acknowledgements at most 64 KiB leave; the rest waits in the log and comes when the reader is ready."""
    await sync_to_async(make_model)()
    long = " ".join(f"{n:05d}" + "x" * 60 for n in range(3000))
    thread = await sync_to_async(make_thread)(alice)
    turn = await sync_to_async(make_turn)(thread)
    claimed = await sync_to_async(queue.claim)("test")
    assert claimed is not None
    pen = log.TurnLog(claimed.id, claimed.attempt, 0)
    await pen.open()
    for start in range(0, len(long), 2000):
        await pen.append(events.Extended(long[start : start + 2000], start=start))
    async with tab_of(alice) as tab:
        await tab.say({"type": "turn.follow", "turn": str(turn.id), "after_seq": 0})
        heard = [await tab.hear("answer.extended")]
        while len(text_of(heard)) < 50_000 or not await tab.hears_nothing():
            heard.append(await tab.hear("answer.extended"))
        assert 50_000 < len(text_of(heard)) < 70_000
        while len(text_of(heard)) < len(long):
            await tab.say({"type": "ack", "turn": str(turn.id), "seq": heard[-1]["seq"]})
            heard.append(await tab.hear("answer.extended"))
    assert text_of(heard) == long


async def test_a_reader_who_is_not_there_is_let_go(alice: Employee, monkeypatch: pytest.MonkeyPatch) -> None:
    """A window that stays full is closed with a code after which the page comes back, and it goes on from its place."""
    monkeypatch.setattr(limits, "ACKNOWLEDGE_SECONDS", 0.5)
    monkeypatch.setattr(limits, "MAX_UNACKNOWLEDGED_BYTES", 1000)
    await sync_to_async(make_model)()
    turn = await sync_to_async(make_turn)(await sync_to_async(make_thread)(alice))
    claimed = await sync_to_async(queue.claim)("test")
    assert claimed is not None
    pen = log.TurnLog(claimed.id, claimed.attempt, 0)
    await pen.open()
    for start in range(0, 3000, 500):
        await pen.append(events.Extended("x" * 500, start=start))
    async with tab_of(alice) as tab:
        await tab.say({"type": "turn.follow", "turn": str(turn.id), "after_seq": 0})
        assert await tab.closed_with() == 4008
    async with tab_of(alice) as tab:
        await tab.say({"type": "turn.follow", "turn": str(turn.id), "after_seq": 2})
        assert (await tab.hear("answer.extended"))["seq"] == 3


async def test_a_dead_model_process_is_a_pause(alice: Employee, tmp_path: Any, settings: Any) -> None:
    """The inference service is killed in mid-answer and started again: the answer goes on from its text."""
    await sync_to_async(make_model)()
    with running_inference("fake", models_dir=tmp_path, HEARTH_FAKE_TOKENS_PER_SECOND="60") as first:
        settings.HEARTH_INFERENCE_URL, settings.HEARTH_INFERENCE_SECRET = first.url, first.secret
        async with working(), tab_of(alice) as tab:
            turn, heard = await begin(tab)
            for pid in [*first.child_pids(), first.pid]:
                os.kill(pid, signal.SIGKILL)
            environment = dict(os.environ) | {
                "HEARTH_BACKEND": "fake",
                "HEARTH_MODELS_DIR": str(tmp_path),
                "HEARTH_INFERENCE_PORT": first.url.rpartition(":")[2],
                "HEARTH_INFERENCE_SECRET": first.secret,
            }
            second = subprocess.Popen(
                [sys.executable, "-m", "inference"], env=environment, cwd=django_settings.BASE_DIR
            )
            try:
                heard += await tab.hear_answer(turn)
            finally:
                second.terminate()
                second.wait()
    assert_whole(heard)


async def test_an_engine_that_hangs_is_given_up_and_its_answer_goes_on_later(
    alice: Employee, tmp_path: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process is frozen in mid-answer: within a minute the turn ends as interrupted, with its text and a way on."""
    monkeypatch.setattr(answering, "SILENCE_SECONDS", 1.0)
    monkeypatch.setattr(answering, "LOST_SECONDS", 2.0)
    await sync_to_async(make_model)()
    with running_inference("fake", models_dir=tmp_path, HEARTH_FAKE_TOKENS_PER_SECOND="60") as running:
        settings.HEARTH_INFERENCE_URL, settings.HEARTH_INFERENCE_SECRET = running.url, running.secret
        async with working(), tab_of(alice) as tab:
            turn, heard = await begin(tab)
            children = running.child_pids()
            for pid in children:
                os.kill(pid, signal.SIGSTOP)
            heard += await tab.hear_answer(turn)
            for pid in children:
                os.kill(pid, signal.SIGCONT)
            assert (heard[-1]["type"], heard[-1]["code"]) == ("answer.failed", "backend_lost")
            answer = await Message.objects.aget(written_by=turn)
            assert (answer.status, answer.text) == ("failed", text_of(heard))
            frame = {"type": "answer.continue", "ref": "r", "id": str(uuid.uuid4()), "answer": str(answer.pk)}
            await tab.ask(frame)
            assert text_of(await tab.hear_answer(frame["id"])) == WORDS


@pytest.mark.thorough
async def test_a_service_that_hangs_from_the_start_is_given_up(
    alice: Employee, tmp_path: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes connections and says nothing; a model that takes long to load answers to something else meanwhile."""
    for name, seconds in {"SILENCE_SECONDS": 0.5, "PROBE_SECONDS": 0.5, "LOST_SECONDS": 2.0}.items():
        monkeypatch.setattr(answering, name, seconds)
    await sync_to_async(make_model)()
    with running_inference("fake", models_dir=tmp_path, HEARTH_FAKE_LOAD_SECONDS="3") as running:
        settings.HEARTH_INFERENCE_URL, settings.HEARTH_INFERENCE_SECRET = running.url, running.secret
        async with working(), tab_of(alice) as tab:
            slow = await tab.ask(send_frame("say: loaded"))
            assert text_of(await tab.hear_answer(slow["turn"]["id"])) == "loaded"
            os.kill(running.pid, signal.SIGSTOP)
            hanging = await tab.ask(send_frame("say: never"))
            failed = (await tab.hear_answer(hanging["turn"]["id"]))[-1]
            os.kill(running.pid, signal.SIGCONT)
    assert (failed["type"], failed["code"]) == ("answer.failed", "backend_lost")


@pytest.mark.parametrize("seconds_left", [-1, 60])
def test_nothing_runs_on_without_a_worker(alice: Employee, seconds_left: int) -> None:
    """Beat queues again what dead workers held, also when no worker is left to do it; living ones keep theirs."""
    turn = make_turn(make_thread(alice), status="running", lease_until=timezone.now() + timedelta(seconds=seconds_left))
    assert settings_of_beat()["chat.sweep_turns"] <= 60 - queue.LEASE.total_seconds()
    tasks.sweep_turns()
    turn.refresh_from_db()
    assert (turn.status, turn.num_interruptions) == (("queued", 1) if seconds_left < 0 else ("running", 0))


def settings_of_beat() -> dict[str, float]:
    return {entry["task"]: entry["schedule"] for entry in django_settings.CELERY_BEAT_SCHEDULE.values()}


async def test_a_model_file_that_vanished(alice: Employee, inference: RunningInference) -> None:
    """The service does not know the model any more: the answer fails with a sentence, and the question is kept."""
    await sync_to_async(make_model)("vanished")
    async with working(), tab_of(alice) as tab:
        accepted = await tab.ask(send_frame("Are you there?", model="vanished"))
        failed = (await tab.hear_answer(accepted["turn"]["id"]))[-1]
    assert (failed["type"], failed["code"]) == ("answer.failed", "model_not_found")
    assert "not there any more" in failed["sentence"]
    assert await Message.objects.filter(text="Are you there?").aexists()


async def test_disabling_a_model_lets_its_running_answer_end(alice: Employee, slow_inference: RunningInference) -> None:
    """New questions are refused at once; the one that runs comes to its end."""
    model = await sync_to_async(make_model)()
    async with working(), tab_of(alice) as tab:
        turn, heard = await begin(tab)
        await ServedModel.objects.filter(pk=model.pk).aupdate(is_enabled=False)
        await tab.say(send_frame("And now?"))
        while (frame := await tab.hear("error", "answer.extended"))["type"] != "error":
            heard.append(frame)
        assert frame["code"] == "no_model"
        heard += await tab.hear_answer(turn)
    assert_whole(heard)


async def test_a_thread_is_answered_in_order(alice: Employee, slow_inference: RunningInference) -> None:
    """Two questions in one thread: the second waits for the first answer, which is part of its history."""
    await sync_to_async(make_model)()
    async with working(), tab_of(alice) as tab:
        first = await tab.ask(send_frame("say: one two three"))
        second = await tab.ask(send_frame("say: four", thread=first["thread"]["id"]))
        assert second["thread"]["created"] is False
        order = []
        while len(order) < 2:
            order.append((await tab.hear("answer.finished"))["turn"])
    assert order == [first["turn"]["id"], second["turn"]["id"]]
    texts = [m.text async for m in Message.objects.order_by("created_at")]
    assert texts == ["say: one two three", "one two three", "say: four", "four"]


async def test_loading_is_told(alice: Employee, tmp_path: Any, settings: Any) -> None:
    """A question to a model that is not in memory says so before the first word."""
    await sync_to_async(make_model)()
    with running_inference("fake", models_dir=tmp_path) as fresh:
        settings.HEARTH_INFERENCE_URL, settings.HEARTH_INFERENCE_SECRET = fresh.url, fresh.secret
        async with working(), tab_of(alice) as tab:
            accepted = await tab.ask(send_frame("say: loaded"))
            heard = await tab.hear_answer(accepted["turn"]["id"])
    stages = [frame["stage"] for frame in heard if frame["type"] == "turn.progress"]
    assert "loading" in stages
    assert text_of(heard) == "loaded"


def start_worker() -> subprocess.Popen[bytes]:
    """A `manage.py turns` of its own, over the test's database, Valkey and inference."""
    environment = dict(os.environ) | {
        "DATABASE_URL": database_url(os.environ["DATABASE_URL"], connection.settings_dict["NAME"]),
        "HEARTH_INFERENCE_URL": django_settings.HEARTH_INFERENCE_URL,
        "HEARTH_INFERENCE_SECRET": django_settings.HEARTH_INFERENCE_SECRET,
    }
    command = [*ENDS_WITH_US, sys.executable, "manage.py", "turns"]
    return subprocess.Popen(command, env=environment, cwd=django_settings.BASE_DIR)


async def expire_leases() -> None:
    """As if fifteen seconds had passed."""
    await Turn.objects.filter(status="running").aupdate(lease_until=timezone.now() - timedelta(seconds=1))


def test_json_of_events_is_what_the_page_expects() -> None:
    """Fields that say nothing are left out."""
    from chat.events import Progressed

    assert json.loads(json.dumps(Progressed("loading", percent=0).frame())) == {
        "type": "turn.progress",
        "stage": "loading",
        "percent": 0,
    }
