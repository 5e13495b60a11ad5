"""A chat model: one context with a cache of many sequences."""

from __future__ import annotations

import ctypes
import logging
from array import array
from collections.abc import Sequence
from typing import Any

import llama_cpp.llama_cpp as llama
import numpy as np

from inference import errors
from inference.backend.device_sampling import DeviceSampling
from inference.backend.model import LlamaModel
from inference.backend.pages import pages
from inference.backend.rows import Rows
from inference.backend.sampler import LlamaSampler, compile_grammar
from inference.backends import Batch, BatchRefused, EngineDead, MemoryFull
from inference.cache import Copy, Operation, Remove
from inference.config import EngineConfig
from inference.host_cache import Discard, Fetch, Offload
from inference.reasons import Reason
from inference.request import SamplingParams

log = logging.getLogger(__name__)

_GGML_TYPE_Q8_0 = 8
# Between them every part that a chain can have.
_ALL_PARTS = (
    SamplingParams(seed=1, presence_penalty=0.1, logit_bias=((0, 1.0),)),
    SamplingParams(temperature=0),
)


class LlamaBackend:
    """A chat model with its cache: one pool of cells for all sequences, or a part for each."""

    def __init__(self, model: LlamaModel, config: EngineConfig) -> None:
        if llama.llama_model_has_encoder(model.handle):
            raise errors.ModelBroken(Reason("encoder", "Models with an encoder cannot chat here."))
        self._model = model
        self.vocab = model.vocab
        params = llama.llama_context_default_params()
        params.n_ctx = config.num_cells
        params.n_batch = config.batch_tokens
        params.n_ubatch = config.ubatch_tokens
        params.n_seq_max = config.num_sequences
        # Else logits for a whole batch: 514 MiB at 262,000 tokens. Fewer than sequences fails an assertion.
        params.n_outputs_max = config.num_sequences
        params.n_threads = params.n_threads_batch = config.num_threads
        params.kv_unified = config.kv_unified
        if config.backend_sampling:
            params.n_outputs_max_per_seq = 1
        if config.kv_type == "q8_0":
            params.type_k = params.type_v = _GGML_TYPE_Q8_0
            params.flash_attn_type = llama.LLAMA_FLASH_ATTN_TYPE_ENABLED  # only it reads coarse values
        params.no_perf = True
        self._context = model.context(params)
        self._memory = llama.llama_get_memory(self._context)
        self._rows = Rows(config.batch_tokens)
        self._offloaded: dict[int, Any] = {}  # key -> a sequence's cells as bytes
        self._is_unified = config.kv_unified
        self._device = DeviceSampling(self._context) if config.backend_sampling else None
        # A recurrent state has no beginning that could be shared.
        has_state = llama.llama_model_is_recurrent(model.handle) or llama.llama_model_is_hybrid(model.handle)
        # A sliding window's copy holds the window only, so it could not be cut.
        can_copy = not has_state and llama.llama_model_n_swa(model.handle) == 0
        self.can_share = can_copy or (config.kv_unified and not has_state)
        self.can_offload = can_copy
        # From 64 rows on a processor's attention goes by tiles of 64 rows, and a tile in which 8 answers meet a prompt
        # attends to everybody's cells: 8 rows cost 79 ms, 64 of a prompt 400, together 667. A GPU gains by mixing.
        self.can_mix = config.gpu_layers != 0 and llama.llama_supports_gpu_offload()

    def warm_up(self) -> None:
        """Touch weights and buffers once, so that the first person does not pay for it."""
        self.vocab.fill_pieces()
        self.vocab.is_end(0)
        self.evaluate(Batch(array("i", [0, 0]), array("i", [0, 1]), array("i", [0, 0]), [1]))
        llama.llama_memory_clear(self._memory, True)
        if self._device is not None and not all(map(self._can_choose, _ALL_PARTS)):
            log.warning("words cannot be chosen on this device; the processor does it")
            self._device.close()
            self._device = None

    def _can_choose(self, params: SamplingParams) -> bool:
        """A device that lacks one operation of a chain would leave the rest of it to nobody."""
        sampler = self.sampler(params, [])
        self.evaluate(Batch(array("i", [0, 0]), array("i", [0, 1]), array("i", [0, 0]), [1], [sampler]))
        chosen = self._device is not None and self._device.taken(1, 0, sampler) is not None
        sampler.close()
        llama.llama_memory_clear(self._memory, True)
        return chosen

    def apply(self, operations: Sequence[Operation]) -> None:
        for operation in operations:
            match operation:
                case Copy(source, target, length):
                    self._copy(source, target, length)
                case Remove(sequence, start):
                    self._remove(sequence, start)
                case Offload(sequence, key):
                    self._offload(sequence, key)
                case Fetch(key, sequence, length, is_last):
                    self._fetch(key, sequence, length)
                    if is_last:
                        del self._offloaded[key]
                case Discard(key):
                    del self._offloaded[key]

    def _copy(self, source: int, target: int, length: int) -> None:
        if self._is_unified:  # another owner for the same cells
            self._remove(target, 0, length)
            llama.llama_memory_seq_cp(self._memory, source, target, 0, length)
        elif llama.llama_memory_seq_pos_max(self._memory, target) < 0:
            # Between parts of their own llama.cpp copies nothing but whole caches, and ends the process over less.
            self._put(self._taken(source), target)
            self._remove(target, length)
        # Else the target has the same tokens already, as it was just fetched: there are no cells to be saved.

    def _remove(self, sequence: int, start: int, end: int = -1) -> None:
        if not llama.llama_memory_seq_rm(self._memory, sequence, start, end):
            raise EngineDead("this model's cache cannot be rewound")

    def _offload(self, sequence: int, key: int) -> None:
        self._offloaded[key] = self._taken(sequence)
        self._remove(sequence, 0)

    def _fetch(self, key: int, sequence: int, length: int) -> None:
        self._put(self._offloaded[key], sequence)
        self._remove(sequence, length)

    def _taken(self, sequence: int) -> Any:
        """A sequence's cells as bytes."""
        size = llama.llama_state_seq_get_size(self._context, sequence)
        data = pages(size)
        if llama.llama_state_seq_get_data(self._context, _pointer(data), size, sequence) != size:
            raise EngineDead("a sequence could not be copied out of the cache")
        return data

    def _put(self, data: Any, sequence: int) -> None:
        if llama.llama_state_seq_set_data(self._context, _pointer(data), len(data), sequence) == 0:
            raise EngineDead("a sequence could not be copied back into the cache")

    def evaluate(self, batch: Batch) -> None:
        rows = self._rows.fill(batch.tokens, batch.positions, batch.sequences, batch.outputs)
        if self._device is not None and batch.samplers:
            self._device.prepare([batch.sequences[row] for row in batch.outputs], batch.samplers)
        result = llama.llama_decode(self._context, rows)
        if result == 1:
            raise MemoryFull
        if result == -1:
            raise BatchRefused
        if result != 0:
            raise EngineDead(f"llama_decode returned {result}")

    def sampler(self, params: SamplingParams, generated: Sequence[int]) -> LlamaSampler:
        sampler = LlamaSampler(params, self.vocab, generated)
        if self._device is not None:
            sampler.on_close = self._device.forget
        return sampler

    def check_grammar(self, text: str) -> None:
        llama.llama_sampler_free(compile_grammar(text, self.vocab))

    def logprobs(self, row: int, token: int, num_others: int) -> list[tuple[int, float]]:
        logits = self._logits(row).astype(np.float64)
        best = logits.max()
        logits -= best + np.log(np.exp(logits - best).sum())
        found = [(token, float(logits[token]))]
        if num_others:
            top = np.argpartition(logits, -num_others)[-num_others:]
            found += [(int(each), float(logits[each])) for each in top[np.argsort(-logits[top])]]
        return found

    def _logits(self, row: int) -> Any:
        pointer = llama.llama_get_logits_ith(self._context, row)
        if not pointer:
            raise EngineDead("a row was evaluated and has no logits")
        return np.ctypeslib.as_array(pointer, (self.vocab.num_tokens,))

    def sample(self, row: int, sequence: int, sampler: LlamaSampler) -> int | None:
        if sampler.grammar is not None:
            return sampler.choose(self._logits(row))
        if self._device is not None and (chosen := self._device.taken(row, sequence, sampler)) is not None:
            return chosen
        token: int = llama.llama_sampler_sample(sampler.handle, self._context, row)
        if sampler.lazy is not None:
            sampler.saw(token)
        return token

    def close(self) -> None:
        self._rows.close()
        if self._device is not None:
            self._device.close()
        llama.llama_free(self._context)
        self._model.close()


def _pointer(data: Any) -> Any:
    return data.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))
