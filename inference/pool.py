"""All models: which files there are, which are in memory, and who has to go when memory is short.

One load is prepared at a time; idle models are unloaded after their keep-alive. Left out: how memory is shared out
(`room` and `placement`), and the life of one model (`served`).
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

from inference import errors, reasons
from inference.config import EngineConfig, ServiceConfig
from inference.fake_library import FakeLibrary
from inference.jobs import AnswerStream
from inference.library import Entry, Library
from inference.parsing import Style
from inference.process import Process
from inference.room import Room, Wish
from inference.served import ServedModel
from inference.wire import ModelInfo

log = logging.getLogger(__name__)

_DEFAULT_CONTEXT = 8192
# A whole text goes through in one piece, so buffers grow with the square of this.
_DEFAULT_EMBEDDING_CONTEXT = 2048
_DEFAULT_KEEP_ALIVE_SECONDS = 300.0
_TICK_SECONDS = 1.0
_SHARE_OUT_TICKS = 3
_KIND_OF_CALL = {"embed": "embedding", "rerank": "rerank"}
_VERBS = {"chat": "chats", "embedding": "makes embeddings", "rerank": "ranks"}


class Pool:
    def __init__(self, config: ServiceConfig) -> None:
        self.is_draining = False
        self._config = config
        self._library = FakeLibrary() if config.backend == "fake" else Library(config.models_dir)
        self._served: dict[str, ServedModel] = {}
        self._load_lock = asyncio.Lock()
        self._room = Room(config, self._served)
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

    def answer(self, name: str, body: dict[str, Any], keep_alive: float | None = None) -> AnswerStream:
        """keep_alive: seconds after the last use, or None for no wish."""
        model = self._model(name, "chat")
        model.keep_alive_seconds = keep_alive
        return model.answer(body)

    async def call(self, name: str, kind: str, body: dict[str, Any], keep_alive: float | None = None) -> list[Any]:
        model = self._model(name, _KIND_OF_CALL.get(kind))
        if kind in _KIND_OF_CALL:  # counting tokens says nothing about what will be used
            model.keep_alive_seconds = keep_alive
        return await model.call(kind, body)

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

    def lift(self, name: str) -> str:
        """Let a model that was put off be tried again; its state after that."""
        self._library.get(name)
        model = self._served.get(name)
        if model is not None:
            model.lift()
        return model.state if model else "unloaded"

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
            model = self._served[name] = ServedModel(entry, self._prepare)
        elif model.entry.version != entry.version:
            log.info("model file changed", extra={"model": name})
            model.replace(entry)
        return model

    def _let_go(self, name: str) -> None:
        """The file has gone or is damaged: what runs may end, nothing new starts."""
        model = self._served.get(name)
        if model is not None:
            model.drain_soon()

    async def _prepare(self, process: Process) -> dict[str, Any]:
        """What the child is told; checks file and memory first. Raises why it must not be loaded."""
        async with self._load_lock:
            entry = process.entry
            self._library.get(entry.id)
            wish = Wish(self._wished_mode(entry), lambda is_unified: self._wanted(entry, is_unified))
            config, process.placement = await self._room.make(process, wish)
            mode = process.placement.mode
            kept = "one pool of cells" if mode.is_unified else "cells of its own for each sequence"
            log.info("%s: %s", kept, mode.sentence, extra={"model": entry.id})
            if process.placement.note:
                log.warning("%s", process.placement.note, extra={"model": entry.id})
            return {
                "backend": self._config.backend,
                "path": str(entry.path),
                "kind": entry.kind,
                "tokenizer": entry.tokenizer,
                "config": {name: getattr(config, name) for name in EngineConfig.__dataclass_fields__},
            }

    def _wished_mode(self, entry: Entry) -> bool | None:
        wish = entry.settings.kv_unified
        return self._config.kv_unified if wish is None else wish

    def _wanted(self, entry: Entry, kv_unified: bool) -> EngineConfig:
        """What the model gets when memory is no matter."""
        config, settings, length = self._config, entry.settings, self._wanted_length(entry)
        gpu_layers = config.gpu_layers if settings.gpu_layers is None else settings.gpu_layers
        return EngineConfig(
            num_threads=config.num_threads,
            nice=config.nice if entry.kind == "chat" else 0,
            context_length=length,
            num_cells=length if kv_unified else length * config.max_running,
            max_running=config.max_running,
            num_sequences=min(256, 2 * config.max_running) if kv_unified else config.max_running,
            max_waiting=config.max_waiting,
            batch_tokens=max(512, config.max_running + 16),
            gpu_layers=gpu_layers,
            kv_type=settings.kv_type or "f16",
            kv_unified=kv_unified,
            backend_sampling=settings.backend_sampling,
            fake_tokens_per_second=config.fake_tokens_per_second,
            fake_load_seconds=config.fake_load_seconds,
        )

    def _context_length(self, entry: Entry) -> int:
        """Of the loaded model as it was fitted into memory; else what it will get if it fits."""
        model = self._served.get(entry.id)
        placement = model.placement if model and model.entry.version == entry.version else None
        return placement.context_length if placement else self._wanted_length(entry)

    def _wanted_length(self, entry: Entry) -> int:
        default = _DEFAULT_CONTEXT if entry.kind == "chat" else _DEFAULT_EMBEDDING_CONTEXT
        wanted = entry.settings.context_length or self._config.context_length or default
        return max(16, min(entry.context_length or wanted, wanted))

    async def _tick(self) -> None:
        for number in itertools.count(1):
            await asyncio.sleep(_TICK_SECONDS)
            now = time.monotonic()
            if number % _SHARE_OUT_TICKS == 0 and not self._load_lock.locked():
                self._room.share_out()
            for model in list(self._served.values()):
                model.check(now, self._config.stall_seconds, self._config.prepare_timeout_seconds)
                if model.state == "loaded" and model.is_idle and now - model.last_used_at > self._keep_alive(model):
                    log.info("unloading, it was idle", extra={"model": model.entry.id})
                    model.drain_soon()

    def _keep_alive(self, model: ServedModel) -> float:
        """Seconds. The wish of the latest request, else the model's own, else everybody's; and where nobody said
        anything, the model of each kind that was used last stays: nobody waits for it every five minutes, and when
        another needs its memory it goes anyway."""
        told = (model.keep_alive_seconds, model.entry.settings.keep_alive_seconds, self._config.keep_alive_seconds)
        wish = next((seconds for seconds in told if seconds is not None), None)
        if wish is not None:
            return math.inf if wish < 0 else wish
        alike = [
            each for each in self._served.values() if each.entry.kind == model.entry.kind and each.state == "loaded"
        ]
        is_latest = model is max(alike, key=lambda each: each.last_used_at)
        return math.inf if is_latest else _DEFAULT_KEEP_ALIVE_SECONDS

    def _info(self, entry: Entry) -> ModelInfo:
        model = self._served.get(entry.id)
        state, error, percent, placement = "unloaded", None, None, None
        if entry.broken:
            state, error = "broken", entry.broken
        elif model is not None and model.entry.version == entry.version:
            state, percent, placement = model.state, model.load_percent, model.placement
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
            reason=reasons.to_json(error),
            load_percent=percent,
            placement=placement.to_json() if placement else None,
            can_be_lifted=state == "broken" and not entry.broken,
        )
