"""Memory that models are lent to keep idle sequences in, and how their cells are kept."""

from __future__ import annotations

from array import array
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from inference import kv_mode, placement
from inference.beginnings import Beginning
from inference.config import MIB, ServiceConfig
from inference.host_cache import HostCache
from inference.placement import Free
from inference.room import Room
from tests.inference.test_room import ENTRY, WANTED, limited
from tests.inference.test_service import ask, text_of
from tests.inference.test_supervision import state, wait_for

GIB = 1024 * MIB


@pytest.mark.parametrize(
    ("given", "is_unified", "reason"),
    [
        ({"kind": "embedding", "wish": False}, True, "texts"),
        ({"wish": False, "has_gpu": False}, False, "set"),
        ({"wish": True}, True, "set"),
        ({"has_gpu": False}, True, "processor"),
        ({"context_length": 8192}, True, "short"),
        ({"own_cells_bytes": 13 * GIB}, True, "scarce"),
        ({}, False, "long"),
    ],
)
def test_the_way_to_keep_cells_is_chosen(given: dict[str, object], is_unified: bool, reason: str) -> None:
    """Parts of their own for long conversations on a GPU with room for them; an admin's word comes first."""
    facts = {"kind": "chat", "wish": None, "has_gpu": True, "context_length": 32_768} | {
        "own_cells_bytes": 12 * GIB,
        "spare_bytes": 24 * GIB,
    }
    found = kv_mode.choose(**(facts | given))  # type: ignore[arg-type]  # a table of them
    assert (found.is_unified, found.reason) == (is_unified, reason)
    assert found.sentence


@pytest.mark.parametrize("free_mib", [0, 800, 1000, 3000, 100_000])
def test_what_is_lent_is_counted_and_bounded(free_mib: int) -> None:
    """A quarter of what is left beside the model, all cells at most; a little is not worth it."""
    found = placement.choose(ENTRY, WANTED, Free(100_000 * MIB))
    assert found is not None
    free = Free(free_mib * MIB)
    config, placed = placement.lend(*found, free)
    spare = max(0, free.ram_bytes - placed.ram_bytes)
    assert config.num_offloaded == placed.lent_tokens <= config.num_cells
    assert placed.lent_bytes <= spare // 4
    assert placed.needs.ram_bytes == placed.ram_bytes + placed.lent_bytes
    assert (placed.lent_tokens == config.num_cells) == (spare // 4 >= config.num_cells * 64 * 1024)
    assert placed.lent_tokens == 0 or placed.lent_tokens >= placement.LEAST_CONTEXT


def test_less_room_forgets_what_was_used_longest_ago() -> None:
    """Until the rest fits, and newcomers keep to the new bound."""
    cache = HostCache(300)
    keys = [cache.put(Beginning(str(n), 0, array("i", range(n, n + 100))))[0] for n in range(3)]
    assert [each.key for each in cache.limit(250)] == keys[:1]
    assert cache.num_tokens == 200
    key, discards = cache.put(Beginning("new", 0, array("i", range(50))))
    assert key is not None
    assert not discards
    assert {each.key for each in cache.limit(0)} == {*keys[1:], key}
    assert not cache.is_used


def test_memory_that_was_lent_is_given_back_before_a_model_goes() -> None:
    """The newcomer gets what it wants, the other one stays loaded, and when the newcomer leaves it is lent again."""
    with limited(600) as (_, client):
        client.load("fake-chat")
        client.load("fake-embed")
        needs = [state(client, name).placement["ram_bytes"] for name in ("fake-chat", "fake-embed")]  # type: ignore[index]
    with limited(sum(needs) // MIB + 6) as (running, client):
        assert text_of(list(client.stream(ask("say: here")))) == "here"
        child, before = running.child_pids()[0], state(client).placement
        assert before is not None
        assert before["lent_bytes"] > 6 * MIB
        assert before["mode"] == {"is_unified": True, "reason": "processor"}
        client.embed("fake-embed", ["x"])
        after = state(client).placement
        assert after is not None
        assert after["lent_bytes"] < before["lent_bytes"]
        assert after["note"] == before["note"]
        assert child in running.child_pids()
        assert text_of(list(client.stream(ask("say: here")))) == "here"
        client.unload("fake-embed")
        wait_for(lambda: state(client).placement["lent_bytes"] >= before["lent_bytes"], 20)  # type: ignore[index]


def test_who_has_most_gives_back_when_others_on_the_machine_need_it() -> None:
    """As much as is missing and no more, without a word to those who have nothing; what was promised comes first."""
    told: dict[str, int] = {}

    def process(name: str, lent: int) -> Any:
        found = placement.choose(ENTRY, WANTED, Free(100_000 * MIB))
        assert found is not None
        placed = replace(found[1], lent_tokens=lent)
        entry = replace(ENTRY, id=name)
        return SimpleNamespace(
            entry=entry, placement=placed, is_loaded=True, is_stopping=False, is_giving_back=False, pid=0,
            lend=lambda count: told.update({name: count}),
        )  # fmt: skip

    processes = [process("much", 8192), process("little", 2048), process("nothing", 0)]
    promised = sum(each.placement.needs.ram_bytes for each in processes)
    missing = 100 * MIB
    config = ServiceConfig(secret="s", backend="fake", memory_limit_bytes=promised - missing)
    room = Room(config, {"m": SimpleNamespace(processes=processes)})  # type: ignore[dict-item]  # what it looks at
    room.share_out()
    assert told == {"much": 8192 - missing // (64 * 1024)}
    room = Room(replace(config, memory_limit_bytes=promised - 600 * MIB), room._served)
    told.clear()
    room.share_out()
    assert told == {"much": 0, "little": 640}
