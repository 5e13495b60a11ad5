"""The library itself, and weights in memory."""

from __future__ import annotations

import contextlib
import ctypes
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import llama_cpp.llama_cpp as llama

from inference import errors
from inference.backend.vocab import LlamaVocab
from inference.config import EngineConfig
from inference.reasons import Reason

log = logging.getLogger(__name__)

_is_quiet = False
_callbacks: list[Any] = []  # C keeps these pointers, so Python must keep the objects


def start_library() -> None:
    """Once per process, before anything else here. Errors of the library go to our log."""

    @llama.llama_log_callback  # type: ignore[untyped-decorator]  # a ctypes function type
    def on_log(level: int, text: bytes, _data: object) -> None:
        if level in (3, 4) and not _is_quiet:  # GGML_LOG_LEVEL_WARN, GGML_LOG_LEVEL_ERROR
            log.warning("llama.cpp: %s", text.decode("utf-8", errors="replace").strip())

    _callbacks.append(on_log)
    llama.llama_log_set(on_log, ctypes.c_void_p(0))
    llama.llama_backend_init()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """What the library says meanwhile is expected."""
    global _is_quiet  # as there is one log of the library
    _is_quiet = True
    try:
        yield
    finally:
        _is_quiet = False


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
            raise errors.ModelBroken(Reason("not_loaded", "llama.cpp cannot load this file."))
        self.vocab = LlamaVocab(self.handle)

    def chat_template(self) -> str | None:
        text = llama.llama_model_chat_template(self.handle, None)
        return text.decode("utf-8", errors="replace") if text else None

    def text_of(self, key: str) -> bytes:
        """A value of the file's header, at most 255 bytes of it."""
        buffer = ctypes.create_string_buffer(256)
        length = llama.llama_model_meta_val_str(self.handle, key.encode(), buffer, 256)
        return buffer.value if length >= 0 else b""

    def context(self, params: Any) -> Any:
        context = llama.llama_init_from_model(self.handle, params)
        if not context:
            raise errors.OutOfMemory(Reason("no_room", "There is not enough memory for the model's context."))
        return context

    def close(self) -> None:
        llama.llama_model_free(self.handle)
