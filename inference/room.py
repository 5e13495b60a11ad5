"""Room in memory for one more model: what is free, and who has to go.

Free is what the machine (and HEARTH_MEMORY_LIMIT_BYTES) leaves, less what models that are loaded have not touched yet.
What models were lent to keep idle sequences in is taken back first; then idle models go, the longest idle first, before
anything is made smaller; a busy one is never sent away. What is leaving anyway, or may soon be idle, is waited for.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from inference import kv_mode, memory, placement
from inference.config import EngineConfig, ServiceConfig, child_environment
from inference.kv_mode import KvMode
from inference.library import Entry
from inference.placement import Free, Placement
from inference.process import Process
from inference.served import ServedModel

log = logging.getLogger(__name__)

_PATIENCE_SECONDS = 20.0
_LOOK_SECONDS = 0.2
_DEVICES_SECONDS = 30.0
_WITHOUT_LIMIT = 1 << 62


@dataclass(frozen=True, slots=True)
class Wish:
    """What a model gets when memory is no matter: its settings for either way to keep cells, and which way an admin has
    set, if any."""

    kv_unified: bool | None
    config: Callable[[bool], EngineConfig]


class Room:
    """`served` is the pool's own dictionary."""

    def __init__(self, config: ServiceConfig, served: Mapping[str, ServedModel]) -> None:
        self._config = config
        self._served = served
        self._has_gpu: bool | None = None if config.backend == "llama" and config.gpu_layers else False

    async def make(self, process: Process, wish: Wish) -> tuple[EngineConfig, Placement]:
        """What it gets, once that much is free. Raises OutOfMemory with both numbers."""
        entry, patient_until = process.entry, time.monotonic() + _PATIENCE_SECONDS
        while True:
            free = await self._free(process)
            idle = self._idle(process)
            after = free + Free(sum(_lent(each) for each in self._others(process)))
            for model in idle:
                after = after + _needs(model)
            mode = self.mode(entry, wish, after)
            wanted = wish.config(mode.is_unified)
            if free.gpu_bytes is None:  # there is no way that numbers could be saved
                wanted = replace(wanted, backend_sampling=False)
            found = placement.choose(entry, wanted, after)
            is_patient = time.monotonic() < patient_until
            if found is not None and placement.fits(found[1], free):
                if not (found[1].note and is_patient and self._is_any_leaving(process)):
                    config, placed = placement.lend(*found, free)
                    return config, replace(placed, mode=mode)
                await asyncio.sleep(_LOOK_SECONDS)
                continue
            if found is not None and self._take_back(process, found[1].peak_bytes - free.ram_bytes):
                await asyncio.sleep(_LOOK_SECONDS)
                continue
            if found is not None and idle:
                log.info("unloading for room", extra={"model": idle[0].entry.id})
                await idle[0].unload()
                continue
            if is_patient and self._could_ever_fit(process, wanted, free):
                await asyncio.sleep(_LOOK_SECONDS)
                continue
            raise placement.refusal(entry, wanted, after)

    def mode(self, entry: Entry, wish: Wish, free: Free) -> KvMode:
        """How its cells are kept."""
        own = wish.config(False)
        has_gpu = free.gpu_bytes is not None and own.gpu_layers != 0
        return kv_mode.choose(
            entry.kind,
            wish.kv_unified,
            has_gpu=has_gpu,
            context_length=own.context_length,
            own_cells_bytes=own.num_cells * entry.kv_bytes_per_token,
            spare_bytes=(free.gpu_bytes or 0) - entry.size_bytes,
        )

    def share_out(self) -> None:
        """Now and then: lend what has become free, and take back what others on this machine have taken meanwhile."""
        spare = self._free_ram(None)
        if spare < 0:
            self._take_back(None, -spare)
            return
        for process in self._others(None):
            placed = process.placement
            if placed is not None and process.is_loaded and placed.lent_tokens < placed.num_cells:
                more = placement.lendable(placed, spare)
                if more > placed.num_cells // 8 or placed.lent_tokens + more >= placed.num_cells:
                    process.lend(min(placed.num_cells, placed.lent_tokens + more))
                    return

    def _take_back(self, process: Process | None, num_bytes: int) -> bool:
        """Ask for memory that was lent, most from whoever has most. True while it is on its way."""
        others = [each for each in self._others(process) if each.is_loaded and not each.is_stopping]
        if any(each.is_giving_back for each in others):
            return True
        for other in sorted(others, key=_lent, reverse=True):
            if num_bytes <= 0 or not _lent(other) or other.placement is None:
                break
            placed = other.placement
            left = max(0, placed.lent_tokens - -(-num_bytes // placed.token_bytes))
            left = left if left >= placement.LEAST_CONTEXT else 0
            num_bytes -= (placed.lent_tokens - left) * placed.token_bytes
            log.info("takes back memory that was lent", extra={"model": other.entry.id})
            other.lend(left)
        return any(each.is_giving_back for each in others)

    def _idle(self, process: Process) -> list[ServedModel]:
        """The longest idle first."""
        loaded = (model for model in self._served.values() if model.state == "loaded" and model.is_idle)
        others = (model for model in loaded if process not in model.processes)
        return sorted(others, key=lambda model: model.last_used_at)

    def _is_any_leaving(self, process: Process) -> bool:
        return any(each.is_retiring for each in self._others(process))

    def _could_ever_fit(self, process: Process, wanted: EngineConfig, free: Free) -> bool:
        """Were all others gone. Where there are none, nobody need wait."""
        others = self._others(process)
        for each in others:
            free = free + (each.placement.needs if each.placement else Free(0))
        return bool(others) and placement.choose(process.entry, wanted, free) is not None

    def _others(self, process: Process | None) -> list[Process]:
        """Whoever holds memory, or was promised some."""
        processes = (each for model in self._served.values() for each in model.processes)
        return [each for each in processes if each is not process and each.placement is not None]

    async def _free(self, process: Process) -> Free:
        return Free(self._free_ram(process), await self._free_gpu())

    def _free_ram(self, process: Process | None) -> int:
        """Bytes, less than nothing where more was promised than there is."""
        ram = _WITHOUT_LIMIT
        others = self._others(process)
        if self._config.backend == "llama":
            untouched = (max(0, _ram(each) - memory.own_bytes(each.pid)) for each in others)
            ram = memory.available_bytes() - sum(untouched)
        if self._config.memory_limit_bytes is not None:
            ram = min(ram, self._config.memory_limit_bytes - sum(map(_ram, others)))
        return ram

    async def _free_gpu(self) -> int | None:
        """Asked of the engine's library in a process of its own: this one must not hold a GPU."""
        if self._has_gpu is False:
            return None
        free = await _devices()
        self._has_gpu = free is not None
        return free


def _ram(process: Process) -> int:
    """What it was promised, with what it was lent."""
    placed = process.placement
    if placed is None:
        return 0
    return placed.needs.ram_bytes + (0 if process.is_loaded else placed.load_bytes)


def _lent(process: Process) -> int:
    return process.placement.lent_bytes if process.placement else 0


def _needs(model: ServedModel) -> Free:
    return model.placement.needs if model.placement else Free(0)


async def _devices() -> int | None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "inference.backend.devices",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=child_environment(),
    )
    try:
        async with asyncio.timeout(_DEVICES_SECONDS):
            output, _ = await process.communicate()
        found: list[int] = json.loads(output)
    except (TimeoutError, ValueError):
        log.warning("the engine's library did not say what devices there are")
        if process.returncode is None:
            process.kill()
            await process.wait()
        return None
    return sum(found) if found else None
