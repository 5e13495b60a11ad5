"""The only importer of llama_cpp: model, context, batch, samplers and embeddings through the low-level API.

One thread owns a context. Tokenizing is thread-safe and may happen elsewhere. A failed assertion in GGML ends the
process, which is why this runs in a child (see `pool`), and why lengths are checked before anything is submitted.
"""

from __future__ import annotations

import ctypes
import functools
import logging
import unicodedata
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import llama_cpp.llama_cpp as llama
import numpy as np

from inference import errors
from inference.backends import Batch, BatchRefused, EngineDead, MemoryFull
from inference.cache import Copy, Operation
from inference.config import EngineConfig
from inference.request import SamplingParams

log = logging.getLogger(__name__)

_MOST_CANDIDATES = 1000  # top_p over an uncut vocabulary costs 4 ms a token, over the best 1000 a 75th of it
_PENALTY_WINDOW = 256
_MAX_SEED = 0xFFFFFFFE
_callbacks: list[Any] = []  # C keeps these pointers, so Python must keep the objects


def start_library() -> None:
    """Once per process, before anything else here. Errors of the library go to our log."""

    @llama.llama_log_callback  # type: ignore[untyped-decorator]  # a ctypes function type
    def on_log(level: int, text: bytes, _data: object) -> None:
        if level in (3, 4):  # GGML_LOG_LEVEL_WARN, GGML_LOG_LEVEL_ERROR
            log.warning("llama.cpp: %s", text.decode("utf-8", errors="replace").strip())

    _callbacks.append(on_log)
    llama.llama_log_set(on_log, ctypes.c_void_p(0))
    llama.llama_backend_init()


class LlamaVocab:
    """The model's tokenizer (texts come normalised if it needs that), with the bytes of every token in a table: a
    lookup there costs a 30th of the call."""

    def __init__(self, model: Any) -> None:
        self._handle = llama.llama_model_get_vocab(model)
        self.num_tokens = llama.llama_vocab_n_tokens(self._handle)
        bos = llama.llama_vocab_bos(self._handle)
        self.bos = bos if bos >= 0 and llama.llama_vocab_get_add_bos(self._handle) else None
        self.bos_text = self._text(bos)
        self.eos_text = self._text(llama.llama_vocab_eos(self._handle))
        self.longest_piece = 256  # until the table is filled
        self._pieces: list[bytes] = []

    @functools.cached_property
    def specials(self) -> dict[str, int]:
        """Only chat models need it, and an embedding model may have 250,000 tokens to look at."""
        controls = (t for t in range(self.num_tokens) if llama.llama_vocab_is_control(self._handle, t))
        return {self._text(token): token for token in controls}

    @functools.cached_property
    def _ends(self) -> frozenset[int]:
        return frozenset(t for t in range(self.num_tokens) if llama.llama_vocab_is_eog(self._handle, t))

    def tokenize(self, text: str, *, add_special: bool = False) -> list[int]:
        data = text.encode()
        room = len(data) + 8
        buffer = (llama.llama_token * room)()
        count = llama.llama_tokenize(self._handle, data, len(data), buffer, room, add_special, False)
        if count < 0:
            raise errors.BadParameter("messages", "The text cannot be tokenized.")
        return list(buffer[:count])

    def piece(self, token: int) -> bytes:
        if not self._pieces:
            self.fill_pieces()
        return self._pieces[token]

    def fill_pieces(self) -> None:
        """74 ms for 49,000 tokens; done while loading, not at the first answer. Control tokens have no text."""
        buffer = ctypes.create_string_buffer(512)
        read, handle = llama.llama_token_to_piece, self._handle
        pieces = []
        for token in range(self.num_tokens):
            length = read(handle, token, buffer, 512, 0, False)
            pieces.append(buffer.raw[: max(0, length)])
        self._pieces, self.longest_piece = pieces, max(map(len, pieces))

    def is_end(self, token: int) -> bool:
        return token in self._ends

    def _text(self, token: int) -> str:
        if token < 0:
            return ""
        text = llama.llama_vocab_get_text(self._handle, token)
        return text.decode("utf-8", errors="replace") if text else ""


class LlamaModel:
    """Weights in memory. Raises ModelBroken when llama.cpp refuses the file."""

    def __init__(self, path: Path, config: EngineConfig, on_percent: Callable[[int], None]) -> None:
        params = llama.llama_model_default_params()
        params.n_gpu_layers = config.gpu_layers if config.gpu_layers >= 0 else 999

        @llama.llama_progress_callback  # type: ignore[untyped-decorator]  # a ctypes function type
        def on_progress(done: float, _data: object) -> bool:
            on_percent(int(done * 100))
            return True

        params.progress_callback = on_progress
        self.handle = llama.llama_model_load_from_file(str(path).encode(), params)
        if not self.handle:
            raise errors.ModelBroken("llama.cpp cannot load this file.")
        self.vocab = LlamaVocab(self.handle)

    def chat_template(self) -> str | None:
        text = llama.llama_model_chat_template(self.handle, None)
        return text.decode("utf-8", errors="replace") if text else None

    def context(self, params: Any) -> Any:
        context = llama.llama_init_from_model(self.handle, params)
        if not context:
            raise errors.OutOfMemory("There is not enough memory for the model's context.")
        return context

    def close(self) -> None:
        llama.llama_model_free(self.handle)


class _Rows:
    """llama_batch seen through numpy: columns are written at once, not field by field."""

    def __init__(self, size: int) -> None:
        self.batch = llama.llama_batch_init(size, 0, 1)
        self._token = np.ctypeslib.as_array(self.batch.token, (size,))
        self._pos = np.ctypeslib.as_array(self.batch.pos, (size,))
        self._logits = np.ctypeslib.as_array(self.batch.logits, (size,))
        np.ctypeslib.as_array(self.batch.n_seq_id, (size,))[:] = 1
        # Each row's list of sequence ids is one cell of this array.
        self._seq = np.zeros(size, dtype=np.int32)
        first, width = self._seq.ctypes.data, self._seq.itemsize
        pointer = ctypes.POINTER(llama.llama_seq_id)
        self._own = [self.batch.seq_id[row] for row in range(size)]
        for row in range(size):
            self.batch.seq_id[row] = ctypes.cast(first + row * width, pointer)

    def fill(self, tokens: Any, positions: Any, sequences: Any, outputs: Sequence[int] | None) -> Any:
        """outputs None: every row."""
        count = len(tokens)
        self.batch.n_tokens = count
        self._token[:count] = tokens
        self._pos[:count] = positions
        self._seq[:count] = sequences
        self._logits[:count] = 1 if outputs is None else 0
        if outputs:
            self._logits[outputs] = 1
        return self.batch

    def close(self) -> None:
        for row, pointer in enumerate(self._own):  # what llama_batch_init allocated is what it must free
            self.batch.seq_id[row] = pointer
        llama.llama_batch_free(self.batch)


class LlamaSampler:
    """A chain: bias, penalties, then greedy, or top_k before everything that would sort the vocabulary."""

    def __init__(self, params: SamplingParams, num_tokens: int, generated: Sequence[int]) -> None:
        self.handle = llama.llama_sampler_chain_init(llama.llama_sampler_chain_default_params())
        for part in self._parts(params, num_tokens, len(generated)):
            llama.llama_sampler_chain_add(self.handle, part)
        for token in generated:
            llama.llama_sampler_accept(self.handle, token)

    def _parts(self, params: SamplingParams, num_tokens: int, num_generated: int) -> list[Any]:
        parts = []
        if params.logit_bias:
            bias = (llama.llama_logit_bias * len(params.logit_bias))(*params.logit_bias)
            parts.append(llama.llama_sampler_init_logit_bias(num_tokens, len(bias), bias))
        penalties = (params.repeat_penalty, params.frequency_penalty, params.presence_penalty)
        if penalties != (1.0, 0.0, 0.0):
            parts.append(llama.llama_sampler_init_penalties(num_tokens, _PENALTY_WINDOW, *penalties))
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


class LlamaBackend:
    """A chat model with one unified cache that all sequences share."""

    def __init__(self, model: LlamaModel, config: EngineConfig) -> None:
        if llama.llama_model_has_encoder(model.handle):
            raise errors.ModelBroken("Models with an encoder cannot chat here.")
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
        params.kv_unified = True
        params.no_perf = True
        self._context = model.context(params)
        self._memory = llama.llama_get_memory(self._context)
        self._rows = _Rows(config.batch_tokens)
        # A recurrent state has no beginning that could be shared.
        self.can_share = not (llama.llama_model_is_recurrent(model.handle) or llama.llama_model_is_hybrid(model.handle))

    def warm_up(self) -> None:
        """Touch weights and buffers once, so that the first person does not pay for it."""
        self.vocab.fill_pieces()
        self.vocab.is_end(0)
        self.evaluate(Batch(array("i", [0, 0]), array("i", [0, 1]), array("i", [0, 0]), [1]))
        llama.llama_memory_clear(self._memory, True)

    def apply(self, operations: Sequence[Operation]) -> None:
        for operation in operations:
            if isinstance(operation, Copy):
                llama.llama_memory_seq_cp(self._memory, operation.source, operation.target, 0, operation.length)
            elif not llama.llama_memory_seq_rm(self._memory, operation.sequence, operation.start, -1):
                raise EngineDead("this model's cache cannot be rewound")

    def evaluate(self, batch: Batch) -> None:
        rows = self._rows.fill(batch.tokens, batch.positions, batch.sequences, batch.outputs)
        result = llama.llama_decode(self._context, rows)
        if result == 1:
            raise MemoryFull
        if result == -1:
            raise BatchRefused
        if result != 0:
            raise EngineDead(f"llama_decode returned {result}")

    def sampler(self, params: SamplingParams, generated: Sequence[int]) -> LlamaSampler:
        return LlamaSampler(params, self.vocab.num_tokens, generated)

    def sample(self, row: int, sequence: int, sampler: LlamaSampler) -> int:
        token: int = llama.llama_sampler_sample(sampler.handle, self._context, row)
        return token

    def close(self) -> None:
        self._rows.close()
        llama.llama_free(self._context)
        self._model.close()


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
        if llama.llama_pooling_type(self._context) in (0, llama.LLAMA_POOLING_TYPE_RANK):
            raise errors.ModelBroken("This model gives no vector for a whole text.")
        self.dimensions = llama.llama_model_n_embd_out(model.handle)
        self._rows = _Rows(self.max_tokens)

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
        run = llama.llama_encode if self._is_encoder else llama.llama_decode
        result = run(self._context, batch)
        if result != 0:
            raise EngineDead(f"evaluating {len(tokens)} tokens returned {result}")
        return [self._vector(sequence) for sequence in range(len(rows))]

    def close(self) -> None:
        self._rows.close()
        llama.llama_free(self._context)
        self._model.close()

    def _vector(self, sequence: int) -> bytes:
        pointer = llama.llama_get_embeddings_seq(self._context, sequence)
        if not pointer:
            raise EngineDead("a text was evaluated and has no vector")
        vector = np.ctypeslib.as_array(pointer, (self.dimensions,)).astype(np.float32)
        norm = float(np.linalg.norm(vector))
        return (vector / norm if norm > 0 else vector).astype("<f4").tobytes()


def normalised(text: str) -> str:
    """What the character map of a unigram ("t5") tokenizer would do; our converted files do not carry it.

    Without it the cosine to the reference falls to 0.94 on ligatures and full-width text, with it it is 1.
    """
    return " ".join(unicodedata.normalize("NFKC", text).split())
