"""Settings of the service and of one engine. This side's only reader of the environment.

Every variable and its unit stands in .env.example. A value out of bounds stops start-up with a sentence.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from inference import errors

MIB = 1024 * 1024
BackendName = Literal["llama", "fake"]

# What a child may see of our environment: enough to find libraries and devices, none of our secrets.
_CHILD_VARIABLES = (
    "PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPATH", "VIRTUAL_ENV",
    "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "GGML_CUDA_NO_PINNED",
)  # fmt: skip


def _check(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise errors.BadParameter(name, f"{name} must be between {least} and {most}, not {value}.")


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """One child's bounds. Sizes are tokens unless the name says otherwise; times are seconds.

    A step's prefill is cut so that the step stays near `decode_step_seconds` while answers are being written, and near
    `prefill_step_seconds` otherwise, so that a cancel never waits long.
    """

    num_threads: int = 1
    context_length: int = 8192
    num_cells: int = 8192
    num_offloaded: int = 0  # of sequences that nobody is using, kept in ordinary memory
    max_running: int = 8
    num_sequences: int = 16
    max_waiting: int = 256
    batch_tokens: int = 512
    ubatch_tokens: int = 256
    gpu_layers: int = -1
    kv_type: str = "f16"
    kv_unified: bool = True
    nice: int = 0  # of its process, where the system allows it
    backend_sampling: bool = False  # words are chosen where the model is evaluated, where a request allows it
    decode_step_seconds: float = 0.4
    prefill_step_seconds: float = 0.5
    age_seconds: float = 30.0
    fake_tokens_per_second: float = 0.0
    fake_load_seconds: float = 0.0

    def __post_init__(self) -> None:
        _check("num_threads", self.num_threads, 1, 512)
        _check("context_length", self.context_length, 16, 2**24)
        _check("num_cells", self.num_cells, self.context_length, 2**26)
        _check("num_offloaded", self.num_offloaded, 0, 2**26)
        _check("max_running", self.max_running, 1, 128)
        _check("num_sequences", self.num_sequences, self.max_running, 256)
        _check("max_waiting", self.max_waiting, 0, 100_000)
        _check("batch_tokens", self.batch_tokens, self.max_running, 65_536)
        _check("ubatch_tokens", self.ubatch_tokens, 1, self.batch_tokens)
        if self.kv_type not in ("f16", "q8_0"):
            raise errors.BadParameter("kv_type", "kv_type must be f16 or q8_0.")
        _check("nice", self.nice, -20, 19)
        _check("decode_step_seconds", self.decode_step_seconds, 0.001, 10)
        _check("prefill_step_seconds", self.prefill_step_seconds, 0.001, 60)
        _check("fake_tokens_per_second", self.fake_tokens_per_second, 0, 1e6)
        _check("fake_load_seconds", self.fake_load_seconds, 0, 600)


@dataclass(frozen=True, slots=True)
class ServiceConfig:
    """The supervisor's settings. `context_length` None: each model's own, at most 8192. `keep_alive_seconds` None: the
    model of each kind that was used last stays, the others leave after five minutes. `memory_limit_bytes` is for all
    models together; None: what the machine has. `nice` is of chat models (`urgency`). `kv_unified` None: chosen for
    each model (`kv_mode`)."""

    secret: str = field(repr=False)
    host: str = "127.0.0.1"
    port: int = 8081
    models_dir: Path = Path(".hearth/models")
    backend: BackendName = "llama"
    num_threads: int = 1
    nice: int = -5
    context_length: int | None = None
    max_running: int = 8
    max_waiting: int = 256
    gpu_layers: int = -1
    kv_unified: bool | None = None
    keep_alive_seconds: float | None = None
    memory_limit_bytes: int | None = None
    load_timeout_seconds: float = 600.0
    prepare_timeout_seconds: float = 60.0
    stall_seconds: float = 60.0
    drain_seconds: float = 30.0
    body_max_bytes: int = 32 * MIB
    fake_tokens_per_second: float = 0.0
    fake_load_seconds: float = 0.0

    def __post_init__(self) -> None:
        if not self.secret:
            raise errors.BadParameter(
                "HEARTH_INFERENCE_SECRET", "HEARTH_INFERENCE_SECRET is not set: it guards the service."
            )
        if self.backend not in ("llama", "fake"):
            raise errors.BadParameter("HEARTH_BACKEND", "HEARTH_BACKEND must be llama or fake.")
        _check("HEARTH_INFERENCE_PORT", self.port, 1, 65_535)
        _check("HEARTH_THREADS", self.num_threads, 1, 512)
        _check("HEARTH_NICE", self.nice, -20, 19)
        _check("HEARTH_MAX_RUNNING", self.max_running, 1, 128)
        _check("HEARTH_MAX_WAITING", self.max_waiting, 0, 100_000)
        if self.keep_alive_seconds is not None:
            _check("HEARTH_KEEP_ALIVE_SECONDS", self.keep_alive_seconds, -1, 10**9)
        if self.memory_limit_bytes is not None:
            _check("HEARTH_MEMORY_LIMIT_BYTES", self.memory_limit_bytes, 1, 2**60)
        _check("HEARTH_STALL_SECONDS", self.stall_seconds, 0.5, 86_400)
        if self.context_length is not None:
            _check("HEARTH_CONTEXT_LENGTH", self.context_length, 16, 2**24)


def service_config(env: Mapping[str, str] | None = None) -> ServiceConfig:
    """Read the environment. Raises BadParameter with the variable's name."""
    values = os.environ if env is None else env

    def number(name: str, default: float) -> float:
        text = values.get(name, "").strip()
        try:
            return float(text) if text else default
        except ValueError:
            raise errors.BadParameter(name, f"{name} must be a number, not {text!r}.") from None

    def is_given(name: str) -> bool:
        return bool(values.get(name, "").strip())

    context_length = int(number("HEARTH_CONTEXT_LENGTH", 0))
    backend = values.get("HEARTH_BACKEND", "llama")
    return ServiceConfig(
        secret=_secret(values),
        host=values.get("HEARTH_INFERENCE_HOST", "127.0.0.1"),
        port=int(number("HEARTH_INFERENCE_PORT", 8081)),
        models_dir=Path(values.get("HEARTH_MODELS_DIR") or _default_models_dir(values)),
        backend="fake" if backend == "fake" else "llama" if backend == "llama" else backend,  # type: ignore[arg-type]  # checked in __post_init__
        num_threads=int(number("HEARTH_THREADS", _default_threads())),
        nice=int(number("HEARTH_NICE", -5)),
        context_length=context_length or None,
        max_running=int(number("HEARTH_MAX_RUNNING", 8)),
        max_waiting=int(number("HEARTH_MAX_WAITING", 256)),
        gpu_layers=int(number("HEARTH_GPU_LAYERS", -1)),
        keep_alive_seconds=number("HEARTH_KEEP_ALIVE_SECONDS", 0) if is_given("HEARTH_KEEP_ALIVE_SECONDS") else None,
        memory_limit_bytes=int(number("HEARTH_MEMORY_LIMIT_BYTES", 0)) or None,
        stall_seconds=number("HEARTH_STALL_SECONDS", 60.0),
        drain_seconds=number("HEARTH_DRAIN_SECONDS", 30.0),
        body_max_bytes=int(number("HEARTH_INFERENCE_BODY_MAX_BYTES", 32 * MIB)),
        fake_tokens_per_second=number("HEARTH_FAKE_TOKENS_PER_SECOND", 0.0),
        fake_load_seconds=number("HEARTH_FAKE_LOAD_SECONDS", 0.0),
    )


def child_environment() -> dict[str, str]:
    """The environment of a model's process.

    GOMP_SPINCOUNT=0: with OpenMP's default spinning a decode on a busy 2-core machine ran at 2.5 tok/s, without
    at 151. GGML_NO_BACKTRACE=1: otherwise an abort starts a debugger. Both must be set before the library loads.
    """
    kept = {name: os.environ[name] for name in _CHILD_VARIABLES if name in os.environ}
    package_parent = str(Path(__file__).resolve().parents[1])
    paths = [package_parent, *filter(None, [kept.get("PYTHONPATH")])]
    return kept | {
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONSAFEPATH": "1",
        "PYTHONUNBUFFERED": "1",
        "GOMP_SPINCOUNT": "0",
        "GGML_NO_BACKTRACE": "1",
    }


def _secret(values: Mapping[str, str]) -> str:
    file_name = values.get("HEARTH_INFERENCE_SECRET_FILE", "")
    if file_name:
        return Path(file_name).read_text().strip()
    return values.get("HEARTH_INFERENCE_SECRET", "")


def _default_models_dir(values: Mapping[str, str]) -> Path:
    return Path(values.get("HEARTH_DATA_DIR") or ".hearth") / "models"


def _default_threads() -> int:
    """All cores but one, and both of two: beside two programs that spin, one thread wrote 1.9 words a second and two
    7.9, and a process that waits for its turn had it as soon."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(min(2, cores), cores - 1)
