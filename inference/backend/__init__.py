"""The only importers of llama_cpp: model, context, batch, samplers and embeddings through the low-level API.

One thread owns a context. Tokenizing is thread-safe and may happen elsewhere. A failed assertion in GGML ends the
process, which is why this runs in a child (see `pool`), and why lengths are checked before anything is submitted.
"""

from __future__ import annotations

from inference.backend.chat import LlamaBackend
from inference.backend.embedder import LlamaEmbedder
from inference.backend.model import LlamaModel, start_library
from inference.backend.reranker import LlamaReranker

__all__ = ["LlamaBackend", "LlamaEmbedder", "LlamaModel", "LlamaReranker", "start_library"]
