"""Whether all sequences share one pool of cells, or each has a part of its own. Chosen from what the model and the
machine are; pure.

Shared, a beginning that two have in common lies there once and is copied for nothing, and one long conversation may
take what the others leave. But attention walks over the cells of everybody. Parts of their own cost as much memory as
everybody's longest conversation together, and copies of beginnings.
"""

from __future__ import annotations

from dataclasses import dataclass

# Below this, walking over other people's cells costs less than the memory would.
LONG_CONTEXT = 16_384


@dataclass(frozen=True, slots=True)
class KvMode:
    """`reason` is a word that pages and logs have a sentence for."""

    is_unified: bool
    reason: str

    @property
    def sentence(self) -> str:
        return _SENTENCES.get(self.reason, "")


SHARED = KvMode(True, "")
_SENTENCES = {
    "set": "as it was set",
    "texts": "texts are read and forgotten at once",
    "processor": "on a processor memory is scarcer than arithmetic",
    "short": "its conversations are short",
    "scarce": "parts for everybody would take more than half of the free memory",
    "long": "long conversations side by side would slow each other down",
}


def choose(
    kind: str, wish: bool | None, *, has_gpu: bool, context_length: int, own_cells_bytes: int, spare_bytes: int
) -> KvMode:
    """`wish` is what an admin has set; `own_cells_bytes` what parts for everybody would take of `spare_bytes`, which is
    what is free where the cells lie, less the weights."""
    if kind != "chat":
        return KvMode(True, "texts")
    if wish is not None:
        return KvMode(wish, "set")
    if not has_gpu:
        return KvMode(True, "processor")
    if context_length < LONG_CONTEXT:
        return KvMode(True, "short")
    if own_cells_bytes > spare_bytes // 2:
        return KvMode(True, "scarce")
    return KvMode(False, "long")
