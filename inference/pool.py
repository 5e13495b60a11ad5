"""All models: which files there are, which are in memory, and who has to go when memory is short.

One load at a time, after a look at free memory; idle models are unloaded after their keep-alive, or at once, the
longest idle first, when another needs the room. Left out: the ladder of smaller settings when nothing fits.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from inference import errors, memory
from inference.config import EngineConfig, ServiceConfig
from inference.jobs import AnswerStream
from inference.library import Entry, Library
from inference.parsing import Style
from inference.served import ServedModel
from inference.wire import ModelInfo

log = logging.getLogger(__name__)

_DEFAULT_CONTEXT = 8192
# A whole text goes through in one piece, so buffers grow with the square of this.
_DEFAULT_EMBEDDING_CONTEXT = 2048
_OVERHEAD_BYTES = 200 * 1024 * 1024
_TICK_SECONDS = 1.0
_KIND_OF_CALL = {"embed": "embedding", "rerank": "rerank"}
_VERBS = {"chat": "chats", "embedding": "makes embeddings", "rerank": "ranks"}


class Pool:
    def __init__(self, config: ServiceConfig) -> None:
        self.is_draining = False
        self._config = config
        self._library = FakeLibrary() if config.backend == "fake" else Library(config.models_dir)
        self._served: dict[str, ServedModel] = {}
        self._load_lock = asyncio.Lock()
        self._ticker: asyncio.Task[None] | None = None

    @property
    def served(self) -> dict[str, ServedModel]:
        """What is or was in use, by name; for metrics."""
        return self._served

    def start(self) -> None:
        self._ticker = asyncio.get_running_loop().create_task(self._tick())

    def models(self) -> list[ModelInfo]:
        """Every file, read afresh, with its state."""
        return [self._info(entry) for entry in self._library.entries()]

    def answer(self, name: str, body: dict[str, Any]) -> AnswerStream:
        return self._model(name, "chat").answer(body)

    async def call(self, name: str, kind: str, body: dict[str, Any]) -> list[Any]:
        return await self._model(name, _KIND_OF_CALL.get(kind)).call(kind, body)

    def answer_style(self, name: str, tools: Sequence[Mapping[str, Any]]) -> Style:
        """What to look for in the answers of this model."""
        return Style.of(self._library.get(name).chat_template, tools)

    def context_length(self, name: str) -> int:
        """Tokens that prompt and answer of one request may have together."""
        return self._context_length(self._library.get(name))

    async def load(self, name: str) -> None:
        await self._model(name, None).load()

    async def unload(self, name: str) -> None:
        model = self._served.get(name)
        if model is None:
            self._library.get(name)  # 404 for what never was
        else:
            await model.unload()

    async def close(self) -> None:
        """Refuse newcomers, let running answers end for drain_seconds, then end all children."""
        self.is_draining = True
        with contextlib.suppress(TimeoutError):
            drained = asyncio.gather(*(model.unload() for model in self._served.values()))
            await asyncio.wait_for(drained, self._config.drain_seconds)
        if self._ticker is not None:
            self._ticker.cancel()
        error = errors.ShuttingDown("The inference service is being stopped.", retry_after_seconds=5.0)
        await asyncio.gather(*(model.close(error) for model in self._served.values()))

    def _model(self, name: str, kind: str | None) -> ServedModel:
        if self.is_draining:
            raise errors.ShuttingDown("The inference service is being stopped.", retry_after_seconds=5.0)
        try:
            entry = self._library.get(name)
        except (errors.UnknownModel, errors.ModelBroken):
            self._let_go(name)
            raise
        if kind is not None and entry.kind != kind:
            raise errors.BadParameter("model", f"{name} is no model that {_VERBS[kind]}; it is a {entry.kind} model.")
        model = self._served.get(name)
        if model is None:
            model = self._served[name] = ServedModel(entry, self._load_body)
        elif model.entry.version != entry.version:
            model.replace(entry)
        return model

    def _let_go(self, name: str) -> None:
        """The file has gone or is damaged: what runs may end, nothing new starts."""
        model = self._served.get(name)
        if model is not None:
            model.drain_soon()

    async def _load_body(self, entry: Entry) -> dict[str, Any]:
        """What the child is told; checks file and memory first. Raises why it must not be loaded."""
        async with self._load_lock:
            current = self._library.get(entry.id)
            engine = self._engine_config(current)
            if self._config.backend == "llama":
                await self._make_room(current, engine)
            return {
                "backend": self._config.backend,
                "path": str(current.path),
                "kind": current.kind,
                "tokenizer": current.tokenizer,
                "config": {name: getattr(engine, name) for name in EngineConfig.__dataclass_fields__},
            }

    def _engine_config(self, entry: Entry) -> EngineConfig:
        config, length = self._config, self._context_length(entry)
        num_cells = length
        if entry.kind == "chat" and 2 * length * entry.kv_bytes_per_token < memory.available_bytes() // 5:
            num_cells = 2 * length  # one long conversation should not keep all others waiting
        has_room = num_cells * entry.kv_bytes_per_token < memory.available_bytes() // 5
        return EngineConfig(
            num_threads=config.num_threads,
            context_length=length,
            num_cells=num_cells,
            num_offloaded=num_cells if entry.kind == "chat" and has_room else 0,
            max_running=config.max_running,
            num_sequences=min(256, 2 * config.max_running),
            max_waiting=config.max_waiting,
            batch_tokens=max(512, config.max_running + 16),
            gpu_layers=config.gpu_layers,
            fake_tokens_per_second=config.fake_tokens_per_second,
            fake_load_seconds=config.fake_load_seconds,
        )

    def _context_length(self, entry: Entry) -> int:
        default = _DEFAULT_CONTEXT if entry.kind == "chat" else _DEFAULT_EMBEDDING_CONTEXT
        wanted = self._config.context_length or default
        return max(16, min(entry.context_length or wanted, wanted))

    async def _make_room(self, entry: Entry, engine: EngineConfig) -> None:
        need = entry.size_bytes + engine.num_cells * entry.kv_bytes_per_token + _OVERHEAD_BYTES
        while memory.available_bytes() < need:
            idle = [model for model in self._served.values() if model.state == "loaded" and model.is_idle]
            if not idle:
                free, needed = memory.available_bytes() >> 20, need >> 20
                sentence = f"{entry.id} needs about {needed:,} MiB of memory, and {free:,} MiB are free."
                raise errors.OutOfMemory(sentence)
            oldest = min(idle, key=lambda model: model.last_used_at)
            log.info("unloading for room", extra={"model": oldest.entry.id})
            await oldest.unload()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            now = time.monotonic()
            for model in list(self._served.values()):
                model.fail_overdue(self._config.prepare_timeout_seconds)
                idle_for = now - model.last_used_at
                if model.state == "loaded" and model.is_idle and idle_for > self._config.keep_alive_seconds:
                    model.drain_soon()

    def _info(self, entry: Entry) -> ModelInfo:
        model = self._served.get(entry.id)
        state, error, percent = "unloaded", None, None
        if entry.broken:
            state, error = "broken", entry.broken
        elif model is not None and model.entry.version == entry.version:
            state, percent = model.state, model.load_percent
            error = model.error.sentence if model.error else None
        return ModelInfo(
            id=entry.id,
            file_name=entry.path.name,
            size_bytes=entry.size_bytes,
            kind=entry.kind,
            state=state,  # type: ignore[arg-type]  # one of ModelState in every branch
            created=entry.modified_ns // 10**9,
            architecture=entry.architecture,
            context_length=self._context_length(entry) if not entry.broken else 0,
            embedding_length=entry.embedding_length,
            pooling=entry.pooling,
            quantization=entry.quantization,
            num_parameters=entry.num_parameters,
            has_chat_template=entry.chat_template is not None,
            error=error,
            load_percent=percent,
        )


class FakeLibrary:
    """The three models of the fake backend; no folder is looked at."""

    def entries(self) -> list[Entry]:
        chat = Entry("fake-chat", Path("fake-chat.gguf"), 1, 1, "chat", "fake", 1 << 24, 384)
        embed = Entry("fake-embed", Path("fake-embed.gguf"), 1, 1, "embedding", "fake", 2048, 384)
        rerank = Entry("fake-rerank", Path("fake-rerank.gguf"), 1, 1, "rerank", "fake", 2048, 384)
        return [chat, embed, rerank]

    def get(self, name: str) -> Entry:
        for entry in self.entries():
            if entry.id == name:
                return entry
        raise errors.UnknownModel(f"There is no model {name[:128]!r} here.")
