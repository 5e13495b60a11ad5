"""How the next token is chosen.

A grammar stands beside the chain, not in it: asking it about one token costs little, about the whole vocabulary much.
So a token is chosen first, and only if the grammar forbids it is the vocabulary narrowed and chosen from again.
Accepting a token that the grammar forbids would abort the process; none is accepted unasked.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from typing import Any

import llama_cpp.llama_cpp as llama
import numpy as np

from inference import errors
from inference.backend.vocab import LlamaVocab
from inference.request import SamplingParams

_MOST_CANDIDATES = 1000  # top_p over an uncut vocabulary costs 4 ms a token, over the best 1000 a 75th of it
_PENALTY_WINDOW = 256
_MAX_SEED = 0xFFFFFFFE


class LlamaSampler:
    """A chain: bias, penalties, then greedy, or top_k before everything that would sort the vocabulary."""

    def __init__(self, params: SamplingParams, vocab: LlamaVocab, generated: Sequence[int]) -> None:
        self.handle = llama.llama_sampler_chain_init(llama.llama_sampler_chain_default_params())
        for part in self._parts(params, vocab, len(generated)):
            llama.llama_sampler_chain_add(self.handle, part)
        self.grammar = compile_grammar(params.grammar, vocab) if params.grammar else None
        for token in generated:
            self.accept(token)

    def accept(self, token: int) -> None:
        llama.llama_sampler_accept(self.handle, token)
        if self.grammar is not None and self.allows(token):
            llama.llama_sampler_accept(self.grammar, token)

    def allows(self, token: int) -> bool:
        one = _Candidates(np.array([token], dtype=np.int32), np.zeros(1, dtype=np.float32))
        llama.llama_sampler_apply(self.grammar, one.pointer)
        return one.logit(0) > -math.inf

    def choose(self, logits: Any) -> int | None:
        """The next token of an answer with a grammar; None when none of the vocabulary is allowed."""
        everything = np.arange(len(logits), dtype=np.int32)
        candidates = _Candidates(everything, logits)
        llama.llama_sampler_apply(self.handle, candidates.pointer)
        if not self.allows(candidates.selected):
            candidates = _Candidates(everything, logits)
            llama.llama_sampler_apply(self.grammar, candidates.pointer)
            llama.llama_sampler_apply(self.handle, candidates.pointer)
            if not self.allows(candidates.selected):
                return None
        token = candidates.selected
        self.accept(token)
        return token

    def _parts(self, params: SamplingParams, vocab: LlamaVocab, num_generated: int) -> list[Any]:
        parts = []
        biases = list(params.logit_bias)
        if params.ignore_eos:
            biases += [(token, -math.inf) for token in vocab.ends]
        if biases:
            array = (llama.llama_logit_bias * len(biases))(*biases)
            parts.append(llama.llama_sampler_init_logit_bias(vocab.num_tokens, len(biases), array))
        penalties = (params.repeat_penalty, params.frequency_penalty, params.presence_penalty)
        if penalties != (1.0, 0.0, 0.0):
            parts.append(llama.llama_sampler_init_penalties(vocab.num_tokens, _PENALTY_WINDOW, *penalties))
        if params.temperature <= 0:
            return [*parts, llama.llama_sampler_init_greedy()]
        top_k = min(params.top_k or _MOST_CANDIDATES, _MOST_CANDIDATES)
        parts.append(llama.llama_sampler_init_top_k(top_k))
        if params.top_p < 1:
            parts.append(llama.llama_sampler_init_top_p(params.top_p, 1))
        if params.min_p > 0:
            parts.append(llama.llama_sampler_init_min_p(params.min_p, 1))
        parts.append(llama.llama_sampler_init_temp(params.temperature))
        # A successor process cannot know the generator's state; it goes on with another seed, not the same one.
        seed = llama.LLAMA_DEFAULT_SEED if params.seed is None else (params.seed + num_generated) % _MAX_SEED
        return [*parts, llama.llama_sampler_init_dist(seed)]

    def close(self) -> None:
        llama.llama_sampler_free(self.handle)
        if self.grammar is not None:
            llama.llama_sampler_free(self.grammar)


class _Candidates:
    """llama_token_data_array over memory of our own."""

    _ROW = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])

    def __init__(self, tokens: Any, logits: Any) -> None:
        self._rows = np.zeros(len(tokens), dtype=self._ROW)
        self._rows["id"], self._rows["logit"] = tokens, logits
        data = ctypes.cast(self._rows.ctypes.data, ctypes.POINTER(llama.llama_token_data))
        self._array = llama.llama_token_data_array(data=data, size=len(tokens), selected=-1, sorted=False)
        self.pointer = ctypes.byref(self._array)

    @property
    def selected(self) -> int:
        # A sampler may have put the rows elsewhere, so they are read through the array.
        return int(self._array.data[max(0, self._array.selected)].id)

    def logit(self, row: int) -> float:
        return float(self._array.data[row].logit)


def compile_grammar(text: str, vocab: LlamaVocab) -> Any:
    """Raises BadParameter when llama.cpp cannot read it. The answer to a bad one is a null pointer, not None."""
    grammar = llama.llama_sampler_init_grammar(vocab.handle, text.encode(), b"root")
    if not grammar:
        raise errors.BadParameter("response_format", "No grammar can be made of this schema.")
    return grammar
