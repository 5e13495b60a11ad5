"""How a model is fitted into the memory that is free: worked out from its header, before anything is loaded.

When the wish does not fit, one thing after the other is made smaller: the context, then the cache's numbers (8 bits
instead of 16), then the layers on the GPU. What was chosen is kept and told. Pure.
Left out: mixture-of-experts and windowed caches, which need less than is said here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from inference import errors
from inference.config import MIB, EngineConfig
from inference.kv_mode import SHARED, KvMode
from inference.library import Entry
from inference.reasons import Reason

LEAST_CONTEXT = 512
# Below this a shorter context costs people more than a coarser cache does.
_SHORTEST_AT_16_BITS = 2048
# 32 values of 16 bits against one block of 8-bit values with its scale.
_Q8_SHARE = 34 / 64
_PYTHON_BYTES = 80 * MIB
# The tokenizer's tables and ours: 350 bytes a token were seen at 49,000 tokens, 560 at 250,000.
_VOCAB_BYTES = 560
_GPU_CONTEXT_BYTES = 512 * MIB
_LENT_SHARE = 4


@dataclass(frozen=True, slots=True)
class Free:
    """Bytes; `gpu_bytes` is None where no GPU is used."""

    ram_bytes: int
    gpu_bytes: int | None = None

    def __add__(self, other: Free) -> Free:
        gpu = None if self.gpu_bytes is None else self.gpu_bytes + (other.gpu_bytes or 0)
        return Free(self.ram_bytes + other.ram_bytes, gpu)


@dataclass(frozen=True, slots=True)
class Placement:
    """What was chosen, and what it was said to need. `lent_tokens` are those of idle sequences that may lie in ordinary
    memory besides, `token_bytes` each, until somebody needs it (see `lend`). `load_bytes` are taken while it loads, and
    given back."""

    context_length: int
    wanted_context_length: int
    kv_type: str
    gpu_layers: int
    num_layers: int
    ram_bytes: int
    gpu_bytes: int
    load_bytes: int = 0
    num_cells: int = 0
    token_bytes: int = 0
    lent_tokens: int = 0
    mode: KvMode = SHARED

    @property
    def lent_bytes(self) -> int:
        return self.lent_tokens * self.token_bytes

    @property
    def peak_bytes(self) -> int:
        """Of ordinary memory, while it loads."""
        return self.ram_bytes + self.load_bytes

    @property
    def needs(self) -> Free:
        return Free(self.ram_bytes + self.lent_bytes, self.gpu_bytes)

    @property
    def note(self) -> str:
        """What is less than was wanted, as sentences, or nothing."""
        told = []
        if self.context_length < self.wanted_context_length:
            told.append(f"The context is {self.context_length:,} instead of {self.wanted_context_length:,} tokens.")
        if self.kv_type != "f16":
            told.append("The cache is kept in 8 bits.")
        if 0 <= self.gpu_layers < self.num_layers:
            told.append(f"{self.gpu_layers} of {self.num_layers} layers are on the GPU.")
        return " ".join(told) and "To fit into memory: " + " ".join(told)

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"note": self.note, "lent_bytes": self.lent_bytes}


def choose(entry: Entry, wanted: EngineConfig, free: Free) -> tuple[EngineConfig, Placement] | None:
    """The first that fits, from the wish down; None when nothing does."""
    for config in rungs(entry, wanted, free):
        found = placed(entry, config, wanted, has_gpu=free.gpu_bytes is not None)
        if fits(found, free):
            return config, found
    return None


def lend(config: EngineConfig, placement: Placement, free: Free) -> tuple[EngineConfig, Placement]:
    """The same with memory for beginnings that nobody is using right now: as much as all cells take, and a quarter of
    what is left beside the model. It fills up with time, and is the first to be given back."""
    placement = replace(placement, lent_tokens=lendable(placement, free.ram_bytes - placement.ram_bytes))
    return replace(config, num_offloaded=placement.lent_tokens), placement


def lendable(placement: Placement, spare_bytes: int) -> int:
    """Tokens; none where it is too little for a conversation."""
    if not placement.token_bytes:
        return 0
    num_tokens = min(placement.num_cells, max(0, spare_bytes) // _LENT_SHARE // placement.token_bytes)
    return num_tokens if num_tokens >= LEAST_CONTEXT else 0


def fits(placement: Placement, free: Free) -> bool:
    return placement.peak_bytes <= free.ram_bytes and placement.gpu_bytes <= (free.gpu_bytes or 0)


def refusal(entry: Entry, wanted: EngineConfig, free: Free) -> errors.OutOfMemory:
    """With both numbers: what the smallest of all choices would need, and what there is."""
    *_, smallest = rungs(entry, wanted, free)
    least = placed(entry, smallest, wanted, has_gpu=free.gpu_bytes is not None)
    sentence = (
        f"{entry.id} needs about {least.peak_bytes // MIB:,} MiB of memory even with a context of "
        f"{least.context_length:,} tokens, and {max(0, free.ram_bytes) // MIB:,} MiB are free."
    )
    facts = {"needed_mib": least.peak_bytes // MIB, "free_mib": max(0, free.ram_bytes) // MIB}
    return errors.OutOfMemory(Reason("out_of_memory", sentence, context_length=least.context_length, **facts))


def rungs(entry: Entry, wanted: EngineConfig, free: Free) -> Iterator[EngineConfig]:
    """From the wish to the least, each needing less than the one before."""
    length = wanted.context_length
    doubled = replace(wanted, num_cells=2 * length)
    if entry.kind == "chat" and wanted.kv_unified and 2 * _kv_bytes(entry, doubled) < free.ram_bytes // 5:
        yield doubled  # one long conversation should not keep all others waiting
    yield wanted
    shortest = min(length, _SHORTEST_AT_16_BITS)
    lengths = list(_halvings(length, shortest))
    yield from (_shortened(wanted, each) for each in lengths)
    if entry.kind != "chat":
        return
    last = lengths[-1] if lengths else length
    if wanted.kv_type == "f16":
        yield _shortened(replace(wanted, kv_type="q8_0"), last)
    coarse = replace(wanted, kv_type="q8_0")
    lengths = [last, *_halvings(last, min(last, LEAST_CONTEXT))]
    yield from (_shortened(coarse, each) for each in lengths[1:])
    if free.gpu_bytes is not None and wanted.gpu_layers:
        for quarter in (3, 2, 1, 0):
            yield replace(_shortened(coarse, lengths[-1]), gpu_layers=(entry.num_layers + 1) * quarter // 4)


def placed(entry: Entry, config: EngineConfig, wanted: EngineConfig, *, has_gpu: bool) -> Placement:
    """What this choice needs, and where."""
    num_layers = entry.num_layers + 1  # the last one turns into words
    on_gpu = num_layers if config.gpu_layers < 0 else min(config.gpu_layers, num_layers)
    share = on_gpu / num_layers if has_gpu else 0.0
    weights, cache = entry.size_bytes, _kv_bytes(entry, config)
    work = _work_bytes(entry, config)
    passing = 0 if has_gpu or not entry.is_encoder else _output_bytes(entry, config)
    work -= passing
    ram = _PYTHON_BYTES + entry.num_tokens * _VOCAB_BYTES + (1 - share) * (weights + cache) + work
    gpu = share * (weights + cache) + work + _GPU_CONTEXT_BYTES if share else 0
    return Placement(
        context_length=config.context_length,
        wanted_context_length=wanted.context_length,
        kv_type=config.kv_type,
        gpu_layers=on_gpu if has_gpu else 0,
        num_layers=num_layers if has_gpu else 0,
        ram_bytes=int(ram),
        gpu_bytes=int(gpu),
        load_bytes=passing,
        num_cells=config.num_cells,
        token_bytes=cache // config.num_cells,
    )


def _kv_bytes(entry: Entry, config: EngineConfig) -> int:
    if entry.kind != "chat":
        return 0  # nothing is kept between two texts
    share = _Q8_SHARE if config.kv_type == "q8_0" else 1.0
    return int(config.num_cells * entry.kv_bytes_per_token * share)


def _work_bytes(entry: Entry, config: EngineConfig) -> int:
    """Room for one evaluation: what goes from layer to layer, and a number per word of the vocabulary for each
    output."""
    num_tokens = config.ubatch_tokens if entry.kind == "chat" else config.context_length
    layer = num_tokens * (4 * entry.embedding_length + 2 * entry.inner_length) * 4
    return layer + _output_bytes(entry, config)


def _output_bytes(entry: Entry, config: EngineConfig) -> int:
    """Embedding models have such numbers for every token of a text. An encoder never writes to them, and on a processor
    its process gives them back (`backend.embedder`)."""
    num_outputs = config.num_sequences if entry.kind == "chat" else config.context_length
    num_rows = 4 if config.backend_sampling else 1  # with what a device chose from, how likely, and in which order
    return num_rows * num_outputs * entry.num_tokens * 4


def _halvings(length: int, least: int) -> Iterator[int]:
    while length // 2 >= least:
        length //= 2
        yield length


def _shortened(config: EngineConfig, length: int) -> EngineConfig:
    cells = length if config.kv_unified else length * config.max_running
    return replace(config, context_length=length, num_cells=cells)
