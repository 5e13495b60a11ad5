"""An embedding model."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence

import llama_cpp.llama_cpp as llama
import numpy as np

from inference import errors
from inference.backend.model import LlamaModel, quiet
from inference.backend.pages import give_back
from inference.backend.rows import Rows
from inference.backend.vocab import normalised
from inference.backends import EngineDead
from inference.config import EngineConfig
from inference.reasons import Reason


class LlamaEmbedder:
    """An embedding model: many texts per evaluation, nothing kept between two."""

    def __init__(self, model: LlamaModel, config: EngineConfig, *, normalise: bool) -> None:
        self._model = model
        self._normalise = normalise
        self.vocab = model.vocab
        # Non-causal attention needs a whole text in one micro-batch; more aborts the process.
        self.max_tokens = min(config.context_length, llama.llama_model_n_ctx_train(model.handle))
        self.max_sequences = 32
        params = llama.llama_context_default_params()
        params.n_ctx = params.n_batch = params.n_ubatch = self.max_tokens
        params.n_seq_max = self.max_sequences
        params.n_threads = params.n_threads_batch = config.num_threads
        params.kv_unified = True
        params.embeddings = True
        params.no_perf = True
        self._context = model.context(params)
        self._memory = llama.llama_get_memory(self._context)
        self._is_encoder = not llama.llama_model_has_decoder(model.handle) or not self._memory
        self._check_pooling(llama.llama_pooling_type(self._context))
        self.dimensions = llama.llama_model_n_embd_out(model.handle)
        self._rows = Rows(self.max_tokens)
        self._run = llama.llama_encode if self._is_encoder else llama.llama_decode
        self._reserve()

    def _reserve(self) -> None:
        """Have the largest buffer of outputs made now, and give back the part of it that nobody will ever write to.

        llama.cpp keeps a number per word of the vocabulary for every token of a text, 490 MiB for 512 tokens of 250,000
        words, sets them to zero, and computes none of them for a model that gives vectors. An evaluation that is called
        off at once makes the buffer, and it only ever grows; so what is given back stays so."""
        if llama.llama_supports_gpu_offload() or sys.platform != "linux":
            return  # it may lie in memory that a device has pinned
        stop = llama.ggml_abort_callback(lambda _: True)
        tokens = np.zeros(self.max_tokens, dtype=np.int32)
        rows = self._rows.fill(tokens, np.arange(self.max_tokens), np.zeros(self.max_tokens), None)
        with quiet():
            llama.llama_set_abort_callback(self._context, stop, None)
            self._run(self._context, rows)
            llama.llama_set_abort_callback(self._context, llama.ggml_abort_callback(), None)
        logits = llama.llama_get_logits(self._context)
        if logits:
            size = self.max_tokens * self.vocab.num_tokens * ctypes.sizeof(ctypes.c_float)
            give_back(ctypes.addressof(logits.contents), size)

    def prepare(self, text: str) -> list[int]:
        text = normalised(text) if self._normalise else text
        least = len(text.encode()) // self.vocab.longest_piece
        if least > self.max_tokens:  # not tokenized first: whole books would keep others waiting
            raise errors.ContextTooLong(least, self.max_tokens)
        return self.vocab.tokenize(text, add_special=True)

    def embed(self, rows: Sequence[Sequence[int]]) -> list[bytes]:
        tokens = np.concatenate([np.asarray(row, dtype=np.int32) for row in rows])
        positions = np.concatenate([np.arange(len(row), dtype=np.int32) for row in rows])
        sequences = np.repeat(np.arange(len(rows), dtype=np.int32), [len(row) for row in rows])
        batch = self._rows.fill(tokens, positions, sequences, None)
        if self._memory:
            llama.llama_memory_clear(self._memory, True)
        result = self._run(self._context, batch)
        if result != 0:
            raise EngineDead(f"evaluating {len(tokens)} tokens returned {result}")
        return [self._vector(sequence) for sequence in range(len(rows))]

    def close(self) -> None:
        self._rows.close()
        llama.llama_free(self._context)
        self._model.close()

    @staticmethod
    def _check_pooling(pooling: int) -> None:
        if pooling in (0, llama.LLAMA_POOLING_TYPE_RANK):
            raise errors.ModelBroken(Reason("no_vector", "This model gives no vector for a whole text."))

    def _vector(self, sequence: int) -> bytes:
        pointer = llama.llama_get_embeddings_seq(self._context, sequence)
        if not pointer:
            raise EngineDead("a text was evaluated and has no vector")
        vector = np.ctypeslib.as_array(pointer, (self.dimensions,)).astype(np.float32)
        norm = float(np.linalg.norm(vector))
        return (vector / norm if norm > 0 else vector).astype("<f4").tobytes()
