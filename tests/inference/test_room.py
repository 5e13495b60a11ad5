"""Memory: what a model is said to need, who has to go for it, what is made smaller, and when it is refused."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from inference import errors, library, placement, wire
from inference.client import Client
from inference.config import MIB, EngineConfig
from inference.durations import FOREVER, keep_alive
from inference.library import Entry, Library
from inference.placement import Free
from tests.inference.engines import alone
from tests.inference.gguf_files import write_model
from tests.inference.serve import RunningInference, default_models_dir, running_inference
from tests.inference.test_service import ask, text_of
from tests.inference.test_supervision import in_threads, service, state, wait_for

ENTRY = Entry("m", Path("m.gguf"), 100 * MIB, 1, kv_bytes_per_token=64 * 1024, num_layers=9, num_tokens=1000)
WANTED = EngineConfig(context_length=8192, num_cells=8192)
NOBODY = [{"role": "user", "content": "Hi"}]


def limited(mebibytes: int, **env: str) -> contextlib.AbstractContextManager[tuple[RunningInference, Client]]:
    return service(HEARTH_MEMORY_LIMIT_BYTES=str(mebibytes * MIB), **env)


@pytest.fixture(scope="module")
def needed() -> int:
    """Mebibytes that the fake chat model needs as it is wanted, without the second context."""
    with limited(400) as (_, client):
        client.load("fake-chat")
        found = state(client).placement
        assert found is not None
        return int(found["ram_bytes"]) // MIB + 1


def test_the_ladder_goes_down_step_by_step() -> None:
    """Every rung needs less than the one before: context first, then the cache's numbers, and never below 512."""
    free = Free(1 << 40)
    configs = list(placement.rungs(ENTRY, WANTED, free))
    needs = [placement.placed(ENTRY, each, WANTED, has_gpu=False).ram_bytes for each in configs]
    assert needs == sorted(needs, reverse=True)
    assert len(set(needs)) == len(needs)
    told = [(each.num_cells, each.context_length, each.kv_type) for each in configs]
    assert told == [
        (16384, 8192, "f16"), (8192, 8192, "f16"), (4096, 4096, "f16"), (2048, 2048, "f16"),
        (2048, 2048, "q8_0"), (1024, 1024, "q8_0"), (512, 512, "q8_0"),
    ]  # fmt: skip


def test_a_gpu_gets_all_layers_or_as_many_as_fit() -> None:
    """The rest stays in the machine's own memory, where there must be room for it."""
    found = placement.choose(ENTRY, WANTED, Free(8 << 30, 16 << 30))
    assert found is not None
    assert (found[1].gpu_layers, found[1].num_layers, found[1].note) == (10, 10, "")
    assert found[1].ram_bytes < 300 * MIB
    found = placement.choose(ENTRY, WANTED, Free(8 << 30, 580 * MIB))
    assert found is not None
    assert 0 < found[0].gpu_layers < 10
    assert f"{found[0].gpu_layers} of 10 layers" in found[1].note
    assert placement.choose(ENTRY, WANTED, Free(8 << 30, 100 * MIB))[0].gpu_layers == 0  # type: ignore[index]  # it fits
    assert placement.choose(ENTRY, WANTED, Free(50 * MIB, 100 * MIB)) is None


def test_choosing_words_on_a_device_needs_room_for_it() -> None:
    """Four numbers a word instead of one, for each answer; a GPU that is too small for that gets fewer layers."""
    entry = replace(ENTRY, num_tokens=250_000)
    plain = placement.placed(entry, WANTED, WANTED, has_gpu=True)
    there = placement.placed(entry, replace(WANTED, backend_sampling=True), WANTED, has_gpu=True)
    assert there.ram_bytes - plain.ram_bytes == 3 * WANTED.num_sequences * 250_000 * 4


def test_sequences_of_their_own_need_room_for_each() -> None:
    """And shrink together."""
    wanted = replace(WANTED, kv_unified=False, max_running=4, num_sequences=4, num_cells=4 * 8192)
    configs = list(placement.rungs(ENTRY, wanted, Free(1 << 40)))
    assert {each.num_cells // each.context_length for each in configs} == {4}


def test_less_memory_gives_a_shorter_context_and_says_so(needed: int) -> None:
    """In the list of models, in the progress of the load, in the figures, and in the answer to a prompt too long."""
    with limited(needed - 20) as (running, client):
        events = list(client.stream(ask("say: here", return_progress=True)))
        assert text_of(events) == "here"
        notes = {event.note for event in events if isinstance(event, wire.Loading)}
        assert notes == {"To fit into memory: The context is 4,096 instead of 8,192 tokens."}
        info = state(client)
        assert info.context_length == 4096
        assert info.placement is not None
        assert (info.placement["wanted_context_length"], info.placement["kv_type"]) == (8192, "f16")
        assert info.placement["note"] in notes
        with pytest.raises(errors.ContextTooLong) as caught:
            client.chat(ask("word " * 5000))
        assert caught.value.context_length == 4096
        headers = {"Authorization": f"Bearer {running.secret}"}
        figures = httpx.get(f"{running.url}/metrics", headers=headers, trust_env=False).text
        assert 'hearth_inference_context_length{model_name="fake-chat"} 4096' in figures
        assert 'hearth_inference_model_reduced{model_name="fake-chat"} 1' in figures


def test_still_less_gives_a_coarser_cache_and_then_a_refusal_with_both_numbers(needed: int) -> None:
    """One MiB is never enough, and the sentence says what would be."""
    with limited(needed - 60) as (_, client):
        client.load("fake-chat")
        found = state(client).placement
        assert found is not None
        assert (found["kv_type"], found["context_length"] <= 2048) == ("q8_0", True)
    with limited(1) as (_, client):
        with pytest.raises(errors.OutOfMemory) as caught:
            client.chat(ask("say: x"))
        needs, free = re.findall(r"([\d,]+) MiB", caught.value.sentence)
        assert int(needs) > 80
        assert int(free) == 1
        assert state(client).state == "failed"


def test_an_idle_model_makes_room_before_anything_is_made_smaller(needed: int) -> None:
    """The one that was idle longest goes, the other stays; and the newcomer gets all it wants."""
    with limited(needed + 150) as (_, client):
        client.embed("fake-embed", ["x"])
        client.rerank("fake-rerank", "x", ["x"])
        assert state(client, "fake-embed").state == state(client, "fake-rerank").state == "loaded"
        client.chat(ask("say: x"))
        assert state(client, "fake-embed").state == "unloaded"
        assert state(client).placement["note"] == ""  # type: ignore[index]  # it is loaded


@pytest.mark.thorough
def test_a_busy_model_is_never_sent_away(needed: int) -> None:
    """The other one waits until the answer is whole, and then takes its place."""
    with limited(needed + 20, HEARTH_FAKE_TOKENS_PER_SECOND="100") as (running, client):
        client.load("fake-chat")
        got: list[Any] = []
        threads = in_threads([lambda: got.append(text_of(list(client.stream(ask("babble: 400")))))])
        wait_for(lambda: "num_requests_running" and _running(running) == 1)
        child = running.child_pids()
        vectors: list[Any] = []
        threads += in_threads([lambda: vectors.extend(client.embed("fake-embed", ["x"]))])
        time.sleep(0.3)
        assert running.child_pids() == child
        for thread in threads:
            thread.join(90)
        assert got == [alone("babble: 400")]
        assert len(vectors) == 1
        assert state(client).state == "unloaded"


@pytest.mark.thorough
def test_two_models_answer_at_once_when_there_is_room() -> None:
    """Loading a second one disturbs nobody."""
    with service(HEARTH_FAKE_TOKENS_PER_SECOND="100", HEARTH_FAKE_LOAD_SECONDS="0.3") as (running, client):
        stream = client.stream(ask("babble: 80"))
        events = [next(stream)]
        client.embed("fake-embed", ["x"])
        assert len(running.child_pids()) == 2
        events += list(stream)
        assert text_of(events) == alone("babble: 80")


def _running(running: RunningInference) -> float:
    headers = {"Authorization": f"Bearer {running.secret}"}
    text = httpx.get(f"{running.url}/metrics", headers=headers, trust_env=False).text
    found = re.search(r'^vllm:num_requests_running{model_name="fake-chat"} (\d+)', text, re.MULTILINE)
    return float(found[1]) if found else 0.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None), (0, 0), ("0", 0), (300, 300), ("300", 300), (1.5, 1.5), ("5m", 300), ("1h30m", 5400),
        ("250ms", 0.25), (-1, FOREVER), ("-1", FOREVER), ("-5m", FOREVER), ("24h", 86400),
    ],
)  # fmt: skip
def test_times_as_ollamas_clients_say_them(value: Any, seconds: float | None) -> None:
    assert keep_alive(value) == seconds


@pytest.mark.parametrize("value", [True, "soon", "5 minutes", "", [], {}, "1e9", "9" * 100, float("nan")])
def test_other_times_are_refused(value: Any) -> None:
    """And never guessed at."""
    with pytest.raises(errors.BadParameter):
        keep_alive(value)


def post(running: RunningInference, **body: Any) -> None:
    headers = {"Authorization": f"Bearer {running.secret}"}
    question = {"model": "fake-chat", "messages": [{"role": "user", "content": "say: x"}]} | body
    answer = httpx.post(
        f"{running.url}/v1/chat/completions", json=question, headers=headers, timeout=60, trust_env=False
    )
    assert answer.status_code == 200, answer.text


def test_a_request_may_say_how_long_its_model_stays() -> None:
    """0: not a moment longer than needed; below 0: for good, whatever the service's own time."""
    with service(HEARTH_KEEP_ALIVE_SECONDS="0.5") as (running, client):
        post(running, keep_alive=-1)
        time.sleep(2.5)
        assert state(client).state == "loaded"
        post(running, keep_alive="0")
        wait_for(lambda: state(client).state == "unloaded")
        post(running, keep_alive="100ms")
        wait_for(lambda: state(client).state == "unloaded")


def test_the_model_used_last_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody said anything, the chat model is not loaded anew every five minutes; a time of its own rules."""
    from inference import pool as pools
    from inference.config import ServiceConfig

    pool = pools.Pool(ServiceConfig(secret="x", backend="fake"))

    class Loaded:
        state = "loaded"
        keep_alive_seconds: float | None = None

        def __init__(self, entry: Entry, used_at: float) -> None:
            self.entry, self.last_used_at = entry, used_at

    older, newer = Loaded(ENTRY, 1.0), Loaded(replace(ENTRY, id="n"), 2.0)
    embed = Loaded(replace(ENTRY, id="e", kind="embedding"), 0.0)
    monkeypatch.setattr(pool, "_served", {each.entry.id: each for each in (older, newer, embed)})
    times = [pool._keep_alive(each) for each in (older, newer, embed)]  # type: ignore[arg-type]  # looks like one
    assert times == [300.0, FOREVER, FOREVER]
    newer.keep_alive_seconds = 7.0
    assert pool._keep_alive(newer) == 7.0  # type: ignore[arg-type]  # looks like one


@pytest.fixture
def folder(tmp_path: Path) -> Library:
    write_model(tmp_path / "m.gguf")
    return Library(tmp_path)


def test_settings_of_one_model_lie_beside_it(folder: Library, tmp_path: Path) -> None:
    """They are checked, and changing them changes the model's version, so that it is loaded anew."""
    before = folder.get("m").version
    settings = tmp_path / "m.json"
    wishes = {"keep_alive": "30m", "context_length": 1024, "kv_type": "q8_0", "backend_sampling": True}
    settings.write_text(json.dumps(wishes))
    entry = folder.get("m")
    assert entry.version != before
    found = entry.settings
    assert (found.keep_alive_seconds, found.context_length, found.kv_type) == (1800, 1024, "q8_0")
    assert found.backend_sampling
    for text in ("{", "[]", '{"kv_type": "q1"}', '{"context": 5}', '{"context_length": "x"}', "\xff" * 9):
        settings.write_text(text)
        with pytest.raises(errors.ModelBroken, match=r"m\.json"):
            folder.get("m")
        assert folder.entries()[0].broken
    settings.unlink()
    assert folder.get("m").version == before


@pytest.mark.model
@pytest.mark.parametrize("name", ["SmolLM2-135M-Instruct.Q4_1", "multilingual-e5-small-Q4_0"])
def test_the_estimate_is_near_what_a_starter_really_takes(name: str, tmp_path: Path) -> None:
    """Within a quarter above and an eighth below of the process's resident memory, once it has worked at its limit."""
    shutil.copy(default_models_dir() / f"{name}.gguf", tmp_path / "copy.gguf")
    with (
        running_inference("llama", models_dir=tmp_path) as running,
        Client(running.url, running.secret, 60.0) as client,
    ):
        if "e5" in name:
            client.embed("copy", ["word " * 500])
        else:
            client.chat(wire.ChatRequest("copy", NOBODY, max_tokens=4))
        (pid,) = running.child_pids()
        status = Path(f"/proc/{pid}/status").read_text()
        resident = int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024  # type: ignore[index]  # it is there
        found = state(client, "copy").placement
        assert found is not None
        peak = int(re.search(r"VmHWM:\s+(\d+)", status)[1]) * 1024  # type: ignore[index]  # it is there
        told = (resident // MIB, found["ram_bytes"] // MIB, peak // MIB, found["load_bytes"] // MIB)
        print(name, *told)  # for decisions.md
        assert 7 / 8 < found["ram_bytes"] / resident < 5 / 4
        assert peak / resident < 1.1 or peak < (found["ram_bytes"] + found["load_bytes"]) * 8 / 7


@pytest.mark.thorough
@pytest.mark.model
def test_a_coarse_cache_answers(tmp_path: Path) -> None:
    """The starter with 8-bit values: it loads and writes a sentence."""
    name = "SmolLM2-135M-Instruct.Q4_1"
    shutil.copy(default_models_dir() / f"{name}.gguf", tmp_path / "m.gguf")
    (tmp_path / "m.json").write_text('{"kv_type": "q8_0", "context_length": 1024}')
    with (
        running_inference("llama", models_dir=tmp_path) as running,
        Client(running.url, running.secret, 60.0) as client,
    ):
        answer = client.chat(wire.ChatRequest("m", NOBODY, max_tokens=12, temperature=0.0))
        assert len(answer.text) > 5
        info = state(client, "m")
        assert info.context_length == 1024
        assert info.placement is not None
        assert info.placement["kv_type"] == "q8_0"


@pytest.mark.thorough
@pytest.mark.model
def test_a_changed_file_is_swapped_under_a_running_answer(tmp_path: Path) -> None:
    """The old process finishes its answer while the new one loads and answers; then it is gone."""
    name = "SmolLM2-135M-Instruct.Q4_1"
    shutil.copy(default_models_dir() / f"{name}.gguf", tmp_path / "m.gguf")
    with (
        running_inference("llama", models_dir=tmp_path) as running,
        Client(running.url, running.secret, 60.0) as client,
    ):
        body = {
            "model": "m",
            "messages": NOBODY,
            "max_tokens": 500,
            "temperature": 0,
            "ignore_eos": True,
            "stream": True,
        }
        headers = {"Authorization": f"Bearer {running.secret}"}
        with httpx.stream(
            "POST", f"{running.url}/v1/chat/completions", json=body, headers=headers, timeout=60, trust_env=False
        ) as response:
            lines = response.iter_lines()
            head = [next(lines) for _ in range(6)]
            (tmp_path / "m.json").write_text('{"context_length": 2048}')
            other = client.chat(wire.ChatRequest("m", NOBODY, max_tokens=2, temperature=0.0))
            assert other.text
            assert len(running.child_pids()) == 2
            assert state(client, "m").context_length == 2048
            rest = list(lines)
        assert "data: [DONE]" not in head
        assert any('"finish_reason": "length"' in line for line in rest)
        assert "data: [DONE]" in rest
        wait_for(lambda: len(running.child_pids()) == 1)


def test_the_header_tells_what_the_estimate_needs() -> None:
    """Of the starter model: layers, vocabulary, inner width."""
    path = default_models_dir() / "SmolLM2-135M-Instruct.Q4_1.gguf"
    entry = library.describe(path, path.stat().st_size, 0)
    assert (entry.num_layers, entry.num_tokens, entry.inner_length) == (30, 49152, 1536)
    assert entry.kv_bytes_per_token == 23040
