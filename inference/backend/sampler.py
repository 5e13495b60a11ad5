"""How the next token is chosen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import llama_cpp.llama_cpp as llama

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
        for token in generated:
            llama.llama_sampler_accept(self.handle, token)

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
