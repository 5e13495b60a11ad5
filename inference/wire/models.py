"""What there is to ask: the models of the folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

ModelKind = Literal["chat", "embedding", "rerank"]
ModelState = Literal["unloaded", "loading", "loaded", "failed", "broken"]


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One GGUF file of the models folder and what the service does with it at the moment.

    `error` is a sentence when state is "failed" (may be tried again) or "broken" (until the file changes).
    `can_be_lifted`: it was put off for what its process did, not for what its file is.
    `reason` is the same for programs: {"code", "facts"}, where it has one (see inference.reasons).
    `placement` is how a loaded model was fitted into memory: context_length, wanted_context_length, kv_type,
    gpu_layers, num_layers, ram_bytes, gpu_bytes, and `note`, a sentence about what is less than was wanted.
    """

    id: str
    file_name: str
    size_bytes: int
    kind: ModelKind
    state: ModelState
    created: int = 0
    architecture: str = ""
    context_length: int = 0
    embedding_length: int = 0
    pooling: str = ""
    quantization: str = ""
    num_parameters: int | None = None
    has_chat_template: bool = False
    error: str | None = None
    load_percent: int | None = None
    placement: Mapping[str, Any] | None = None
    can_be_lifted: bool = False
    reason: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        meta = {
            "file_name": self.file_name,
            "size_bytes": self.size_bytes,
            "architecture": self.architecture,
            "kind": self.kind,
            "context_length": self.context_length,
            "embedding_length": self.embedding_length,
            "pooling": self.pooling,
            "quantization": self.quantization,
            "num_parameters": self.num_parameters,
            "has_chat_template": self.has_chat_template,
            "state": self.state,
            "error": self.error,
            "load_percent": self.load_percent,
            "placement": self.placement,
            "can_be_lifted": self.can_be_lifted,
            "reason": self.reason,
        }
        return {
            "id": self.id,
            "object": "model",
            "created": self.created,
            "owned_by": "hearth",
            "root": self.id,
            "max_model_len": self.context_length,
            "meta": meta,
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> ModelInfo:
        return cls(id=body["id"], created=int(body.get("created", 0)), **body["meta"])
