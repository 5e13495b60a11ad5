"""How the next token is chosen.

A grammar stands beside the chain, not in it: asking it about one token costs little, about the whole vocabulary much.
So a token is chosen first, and only if the grammar forbids it is the vocabulary narrowed and chosen from again.
Accepting a token that the grammar forbids would abort the process; none is accepted unasked. For the same reason a
grammar that waits for a mark is ours and not llama.cpp's lazy one: when a token ends the mark and goes on with what the
grammar forbids, that one throws through ctypes, and any caller could end the process that way.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Sequence
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
        parts = self._parts(params, vocab)
        for part in parts:
            llama.llama_sampler_chain_add(self.handle, part)
        # The generator of a seeded answer, whose state a successor process must come to by the same number of draws.
        self._luck = parts[-1] if params.seed is not None and params.temperature > 0 else None
        self.grammar = None
        self.lazy: _Lazy | None = None
        self._vocab = vocab
        if params.triggers:
            self.lazy = _Lazy(params, vocab)
        elif params.grammar:
            self.grammar = compile_grammar(params.grammar, vocab)
        # A control token's text may fit a JSON string, but it would be no text of the answer.
        kept = {vocab.specials[text] for text in params.controls if text in vocab.specials} | vocab.ends
        hidden = [token for token in vocab.specials.values() if token not in kept] if params.grammar else []
        self._hidden = np.array(sorted(hidden), dtype=np.int32)
        self._is_hidden = frozenset(hidden)
        # Nothing but llama.cpp's own parts that it can also evaluate on a device.
        self.is_plain = not params.grammar and params.num_logprobs is None and params.typical_p >= 1
        self.on_close: Callable[[LlamaSampler], None] | None = None
        for token in generated:
            self._draw(1 if self.grammar is None else 2)
            self.accept(token)

    def accept(self, token: int) -> None:
        llama.llama_sampler_accept(self.handle, token)
        self._follow(token)

    def follow(self, token: int) -> None:
        """A token that a clone of the chain has chosen elsewhere."""
        self._draw(1)
        llama.llama_sampler_accept(self.handle, token)

    def saw(self, token: int) -> None:
        """A token that the chain has accepted already: does it end a mark that a grammar waits for?"""
        self._follow(token)

    def _follow(self, token: int) -> None:
        if self.grammar is not None:
            if self.allows(token):
                llama.llama_sampler_accept(self.grammar, token)
        elif self.lazy is not None and (found := self.lazy.push(token)) is not None:
            root, rest = found
            self._begin(self.lazy.text, root, rest)

    def _begin(self, text: str, root: str, rest: str) -> None:
        """The mark is written, and `rest` came with it. If that fits nowhere, the answer stays without a grammar."""
        self.grammar, self.lazy = compile_grammar(text, self._vocab, root), None  # it was compiled before, as a check
        for token in self._vocab.tokenize(rest) if rest else ():
            if not self.allows(token):
                llama.llama_sampler_free(self.grammar)
                self.grammar = None
                return
            llama.llama_sampler_accept(self.grammar, token)

    def allows(self, token: int) -> bool:
        if token in self._is_hidden:
            return False
        one = _Candidates(np.array([token], dtype=np.int32), np.zeros(1, dtype=np.float32))
        llama.llama_sampler_apply(self.grammar, one.pointer)
        return one.logit(0) > -math.inf

    def choose(self, logits: Any) -> int | None:
        """The next token of an answer with a grammar; None when none of the vocabulary is allowed."""
        everything = np.arange(len(logits), dtype=np.int32)
        candidates = _Candidates(everything, logits)
        llama.llama_sampler_apply(self.handle, candidates.pointer)
        if self.allows(candidates.selected):
            self._draw(1)  # two for each token under a grammar, however it was found
        else:
            candidates = _Candidates(everything, logits)
            candidates.forbid(self._hidden)
            llama.llama_sampler_apply(self.grammar, candidates.pointer)
            llama.llama_sampler_apply(self.handle, candidates.pointer)
            if not self.allows(candidates.selected):
                return None
        token = candidates.selected
        self.accept(token)
        return token

    def _draw(self, count: int) -> None:
        """Let the generator go on by so many numbers. From a single candidate it draws one, like from many."""
        if self._luck is not None:
            one = _Candidates(np.zeros(1, dtype=np.int32), np.zeros(1, dtype=np.float32))
            for _ in range(count):
                llama.llama_sampler_apply(self._luck, one.pointer)

    def _parts(self, params: SamplingParams, vocab: LlamaVocab) -> list[Any]:
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
        if params.typical_p < 1:
            parts.append(llama.llama_sampler_init_typical(params.typical_p, 1))
        if params.top_p < 1:
            parts.append(llama.llama_sampler_init_top_p(params.top_p, 1))
        if params.min_p > 0:
            parts.append(llama.llama_sampler_init_min_p(params.min_p, 1))
        parts.append(llama.llama_sampler_init_temp(params.temperature))
        seed = llama.LLAMA_DEFAULT_SEED if params.seed is None else params.seed % _MAX_SEED
        return [*parts, llama.llama_sampler_init_dist(seed)]

    def close(self) -> None:
        if self.on_close is not None:
            self.on_close(self)
        llama.llama_sampler_free(self.handle)
        if self.grammar is not None:
            llama.llama_sampler_free(self.grammar)


class _Lazy:
    """Watches an answer for the mark after which its grammar begins."""

    def __init__(self, params: SamplingParams, vocab: LlamaVocab) -> None:
        self.text = params.grammar
        self._triggers = params.triggers
        self._vocab = vocab
        self._controls = {token: text.encode() for text, token in vocab.specials.items()}
        self._most = max(len(mark.encode()) for mark, _, _ in params.triggers)
        self._written = b""
        self._is_start = True

    def push(self, token: int) -> tuple[str, str] | None:
        """(the grammar's rule, what came after the mark) when this token ends one."""
        piece = self._controls.get(token) or self._vocab.piece(token)
        self._written += piece
        for mark, only_at_start, rule in self._triggers:
            data = mark.encode()
            place = self._written.find(data)
            if place < 0 or (only_at_start and (not self._is_start or self._written[:place].strip())):
                continue
            rest = self._written[place + len(data) :]
            return rule, rest.decode("utf-8", errors="replace")
        keep = self._most + len(piece)
        if len(self._written) > 4 * keep:
            self._written, self._is_start = self._written[-keep:], False
        return None


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

    def forbid(self, tokens: Any) -> None:
        """Before any sampler has put the rows elsewhere."""
        self._rows["logit"][tokens] = -math.inf

    def logit(self, row: int) -> float:
        return float(self._array.data[row].logit)


def compile_grammar(text: str, vocab: LlamaVocab, root: str = "root") -> Any:
    """Raises BadParameter when llama.cpp cannot read it. The answer to a bad one is a null pointer, not None."""
    grammar = llama.llama_sampler_init_grammar(vocab.handle, text.encode(), root.encode())
    if not grammar:
        raise errors.BadParameter("response_format", "No grammar can be made of this schema.")
    return grammar
