"""What an admin wants otherwise for one model: a file MODEL.json beside MODEL.gguf.

    {"keep_alive": "30m", "context_length": 4096, "kv_type": "q8_0", "gpu_layers": 20, "kv_unified": false,
     "backend_sampling": true}

Read afresh whenever the model's file is looked at; a change loads the model anew, and running answers end first.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from inference import errors, fields
from inference.durations import keep_alive

_MAX_BYTES = 64 * 1024
_KNOWN = {"keep_alive", "context_length", "kv_type", "gpu_layers", "kv_unified", "backend_sampling"}


@dataclass(frozen=True, slots=True)
class Settings:
    """None: as for every model. `problem` is a sentence when the file cannot be used."""

    keep_alive_seconds: float | None = None
    context_length: int | None = None
    kv_type: str | None = None
    gpu_layers: int | None = None
    kv_unified: bool | None = None
    backend_sampling: bool = False
    problem: str | None = None


def read(path: Path) -> Settings:
    """Never raises for what the file contains; no file, no wishes."""
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_BYTES)
    except FileNotFoundError:
        return Settings()
    except OSError as error:
        return Settings(problem=f"Its settings cannot be read: {error.strerror}.")
    try:
        body = fields.parse(raw)
        fields.refuse_unknown(body, _KNOWN)
        kv_type = body.get("kv_type")
        if kv_type not in (None, "f16", "q8_0"):
            fields.bad("kv_type", "kv_type must be f16 or q8_0.")
        return Settings(
            keep_alive_seconds=keep_alive(body.get("keep_alive")),
            context_length=fields.whole(body, "context_length", None, 16, 2**24),
            kv_type=kv_type,
            gpu_layers=fields.whole(body, "gpu_layers", None, -1, 10_000),
            kv_unified=fields.flag(body, "kv_unified") if "kv_unified" in body else None,
            backend_sampling=fields.flag(body, "backend_sampling"),
        )
    except errors.BadParameter as error:
        return Settings(problem=f"Its settings in {path.name} cannot be used: {error.sentence}")
