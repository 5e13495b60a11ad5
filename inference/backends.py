"""What the engine needs of a model, as protocols. `backend` fulfils them with llama.cpp, `fake` without weights."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from inference.cache import Operation
from inference.request import SamplingParams


class MemoryFull(Exception):
    """No cell was free for the batch; nothing has changed."""


class BatchRefused(Exception):
    """The batch was invalid; nothing has changed."""


class EngineDead(Exception):
    """The context is in an unknown state: this process has to end."""


@dataclass(slots=True)
class Batch:
    """One evaluation, as columns. `outputs` holds the indexes of the rows whose next token is wanted, `samplers` what
    chooses it, where that exists already."""

    tokens: array[int]
    positions: array[int]
    sequences: array[int]
    outputs: list[int]
    samplers: list[Any] = field(default_factory=list)


class Vocab(Protocol):
    """Text to tokens and back. Safe to use from several threads."""

    num_tokens: int
    longest_piece: int  # bytes; no text has fewer tokens than its bytes divided by this
    bos: int | None
    bos_text: str
    eos_text: str

    @property
    def specials(self) -> Mapping[str, int]:
        """Control tokens by their text."""

    def tokenize(self, text: str, *, add_special: bool = False) -> list[int]:
        """Never forms a control token from the text; add_special puts the model's own marks around it."""

    def piece(self, token: int) -> bytes: ...

    def is_end(self, token: int) -> bool: ...


class Sampler(Protocol):
    def close(self) -> None: ...


class Backend(Protocol):
    """A loaded chat model with its context. One thread owns it."""

    can_share: bool  # whether the beginning of a sequence can be kept, copied and gone on from
    can_offload: bool  # whether a sequence can be copied to ordinary memory, fetched back and cut
    can_mix: bool  # whether tokens being written and prompts being read cost no more together than apart

    @property
    def vocab(self) -> Vocab: ...

    def apply(self, operations: Sequence[Operation]) -> None: ...

    def evaluate(self, batch: Batch) -> None:
        """Raises MemoryFull, BatchRefused or EngineDead."""

    def sampler(self, params: SamplingParams, generated: Sequence[int]) -> Sampler: ...

    def check_grammar(self, text: str) -> None:
        """Raises BadParameter. Safe to use from several threads."""

    def sample(self, row: int, sequence: int, sampler: Any) -> int | None:
        """The next token after that row of the latest batch; None when a grammar allows none."""

    def logprobs(self, row: int, token: int, num_others: int) -> list[tuple[int, float]]:
        """(token, log of its probability before any sampling) for this token, then for the likeliest ones."""

    def close(self) -> None: ...


class Embedder(Protocol):
    """A loaded embedding model. One thread owns it."""

    max_tokens: int
    max_sequences: int

    @property
    def vocab(self) -> Vocab: ...

    def prepare(self, text: str) -> list[int]:
        """The tokens of one text, normalised as the model's tokenizer needs it, with its own marks."""

    def embed(self, rows: Sequence[Sequence[int]]) -> list[bytes]:
        """One little-endian float32 vector of unit length per row. At most max_sequences rows, max_tokens in all
        (a single longer row is the caller's mistake)."""

    def close(self) -> None: ...
