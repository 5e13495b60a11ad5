"""A reranking model: how well a text answers a question, read together in one go (a cross-encoder)."""

from __future__ import annotations

import math
import struct

import llama_cpp.llama_cpp as llama

from inference import errors
from inference.backend.embedder import LlamaEmbedder
from inference.backend.model import LlamaModel
from inference.backends import EngineDead
from inference.config import EngineConfig
from inference.reasons import Reason
from inference.reranking import PairTemplate, relevance
from inference.templates import encode

_ENDS_IN_SOFTMAX = (b"qwen3", b"qwen3vl")


class LlamaReranker(LlamaEmbedder):
    """Evaluates like an embedding model; what comes back for a sequence is one number instead of a vector."""

    def __init__(self, model: LlamaModel, config: EngineConfig) -> None:
        super().__init__(model, config, normalise=False)
        self.vocab.fill_pieces()
        template = llama.llama_model_chat_template(model.handle, b"rerank")
        self._template = PairTemplate(template.decode("utf-8", errors="replace")) if template else None
        self._is_probability = model.text_of("general.architecture") in _ENDS_IN_SOFTMAX

    def prepare_pair(self, query: str, document: str) -> list[int]:
        """The tokens of one pair, as llama-server puts them together, but no word of it becomes a control token."""
        least = len(query.encode() + document.encode()) // self.vocab.longest_piece
        if least > self.max_tokens:
            raise errors.ContextTooLong(least, self.max_tokens)
        if self._template is not None:
            return encode(self._template.segments(query, document), self.vocab)
        handle = self.vocab.handle
        separator = llama.llama_vocab_sep(handle)
        end = llama.llama_vocab_eos(handle)
        end = separator if end < 0 else end
        ends = [end] if llama.llama_vocab_get_add_eos(handle) else []
        separators = [separator] if llama.llama_vocab_get_add_sep(handle) else []
        begin = [llama.llama_vocab_bos(handle)] if llama.llama_vocab_get_add_bos(handle) else []
        # BERT was trained with [SEP] behind the text as well; its files only ask for it between the two.
        last = ends or separators
        return begin + self.vocab.tokenize(query) + ends + separators + self.vocab.tokenize(document) + last

    @staticmethod
    def _check_pooling(pooling: int) -> None:
        if pooling != llama.LLAMA_POOLING_TYPE_RANK:
            raise errors.ModelBroken(Reason("no_score", "This model gives no score for a pair of texts."))

    def _vector(self, sequence: int) -> bytes:
        pointer = llama.llama_get_embeddings_seq(self._context, sequence)
        if not pointer:
            raise EngineDead("a pair was evaluated and has no score")
        score = float(pointer[0])
        if not math.isfinite(score):
            raise EngineDead("a pair was evaluated and its score is no number")
        return struct.pack("<d", score if self._is_probability else relevance(score))
