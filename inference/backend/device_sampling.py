"""Choosing the next word where the model is evaluated, so that no vocabulary of numbers has to come from a GPU for it.

A sequence's chain is cloned into the graph of evaluation (`llama_set_sampler`). The original goes on beside it by the
same tokens and the same number of draws, so a request can leave the device at any step: when it is set back, or when
its sequence is another's. What looks at the numbers themselves stays on the processor: grammars, and log probabilities.
A chain that is attached once may never be used again (llama.cpp skips its parts, or ends the process), hence clones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import llama_cpp.llama_cpp as llama

from inference.backend.sampler import LlamaSampler


class DeviceSampling:
    """Which sequences choose on the device at the moment. Used by the thread that owns the context."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self._attached: dict[int, tuple[LlamaSampler, Any]] = {}
        self._is_refused = False  # this library or device cannot

    def prepare(self, sequences: Sequence[int], samplers: Sequence[LlamaSampler | None]) -> None:
        """Before an evaluation: each of these sequences is sampled by its own request's chain, or not at all there."""
        for sequence, sampler in zip(sequences, samplers, strict=True):
            held = self._attached.get(sequence)
            if held is not None and held[0] is not sampler:
                self._detach(sequence)
                held = None
            if held is None and sampler is not None and sampler.is_plain and not self._is_refused:
                self._attach(sequence, sampler)

    def taken(self, row: int, sequence: int, sampler: LlamaSampler) -> int | None:
        """The token that was chosen there for this row; None when none was."""
        held = self._attached.get(sequence)
        if held is None or held[0] is not sampler:
            return None
        token = int(llama.llama_get_sampled_token_ith(self._context, row))
        if token < 0:
            return None
        llama.llama_sampler_accept(held[1], token)
        sampler.follow(token)
        return token

    def forget(self, sampler: LlamaSampler) -> None:
        """Its request has ended."""
        for sequence in [number for number, held in self._attached.items() if held[0] is sampler]:
            self._detach(sequence)

    def close(self) -> None:
        for sequence in list(self._attached):
            self._detach(sequence)

    def _attach(self, sequence: int, sampler: LlamaSampler) -> None:
        clone = llama.llama_sampler_clone(sampler.handle)
        if llama.llama_set_sampler(self._context, sequence, clone):
            self._attached[sequence] = (sampler, clone)
        else:
            llama.llama_sampler_free(clone)
            self._is_refused = True

    def _detach(self, sequence: int) -> None:
        _, clone = self._attached.pop(sequence)
        llama.llama_set_sampler(self._context, sequence, None)
        llama.llama_sampler_free(clone)
