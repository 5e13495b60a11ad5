"""What lies in the models folder: one entry per GGUF file, with what its header says.

Read afresh for every question, but a header is only parsed again when the file's size or time changed (an array of
250,000 texts takes a quarter of a second). A file that is damaged stays in the list, with the reason.
Left out: whether a model is loaded; that is the pool's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from inference import errors, gguf_header, model_settings
from inference.model_settings import Settings
from inference.reasons import Reason
from inference.wire import ModelKind

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_ENCODERS = {
    "bert", "nomic-bert", "nomic-bert-moe", "jina-bert-v2", "jina-bert-v3", "modern-bert", "neo-bert", "eurobert",
}  # fmt: skip
_POOLING_RANK = 4
_POOLINGS = {1: "mean", 2: "cls", 3: "last"}  # llama.cpp's numbers
_FILE_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M",
    13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS",
    21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S",
    29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """One file. `version` changes whenever the file or its settings do; `broken` is a sentence or None."""

    id: str
    path: Path
    size_bytes: int
    modified_ns: int
    kind: ModelKind = "chat"
    architecture: str = ""
    context_length: int = 0
    embedding_length: int = 0
    pooling: str = ""
    quantization: str = ""
    num_parameters: int | None = None
    chat_template: str | None = field(default=None, repr=False)
    tokenizer: str = ""
    kv_bytes_per_token: int = 0
    num_layers: int = 0
    inner_length: int = 0
    num_tokens: int = 0
    settings: Settings = field(default_factory=Settings)
    broken: str | None = None

    @property
    def version(self) -> tuple[Any, ...]:
        return (self.size_bytes, self.modified_ns, self.settings)

    @property
    def is_encoder(self) -> bool:
        """It reads a text as a whole and has no next word."""
        return self.architecture in _ENCODERS


class Library:
    """The folder. `entries` and `get` look at the disk every time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._described: dict[str, Entry] = {}

    def entries(self) -> list[Entry]:
        """Usable and broken files alike, by name. An absent folder has none."""
        found: dict[str, Entry] = {}
        for path in self._files():
            found[path.stem] = self._entry(path)
        self._described = {name: entry for name, entry in self._described.items() if name in found}
        return [found[name] for name in sorted(found)]

    def get(self, name: str) -> Entry:
        """Raises UnknownModel when no such file is there now, ModelBroken when it cannot be used."""
        path = self._folder / f"{name}.gguf"
        if not _NAME.fullmatch(name) or not self._is_ours(path, self._folder.resolve()):
            raise errors.UnknownModel(f"There is no model {name[:128]!r} here.")
        entry = self._entry(path)
        if entry.broken:
            raise errors.ModelBroken(f"The model {name} cannot be used. {entry.broken}")
        return entry

    def _files(self) -> list[Path]:
        """Regular files that really lie in the folder: a link may not point out of it."""
        try:
            root = self._folder.resolve(strict=True)
            names = sorted(path.name for path in root.glob("*.gguf"))
        except OSError:
            return []
        paths = [self._folder / name for name in names]
        return [path for path in paths if self._is_ours(path, root)]

    @staticmethod
    def _is_ours(path: Path, root: Path) -> bool:
        try:
            real = path.resolve(strict=True)
            return real.is_file() and real.is_relative_to(root) and bool(_NAME.fullmatch(path.stem))
        except OSError:
            return False

    def _entry(self, path: Path) -> Entry:
        try:
            status = path.stat()
        except OSError as error:
            return Entry(path.stem, path, 0, 0, broken=_unreadable(error))
        known = self._described.get(path.stem)
        if not known or (known.size_bytes, known.modified_ns) != (status.st_size, status.st_mtime_ns):
            known = self._described[path.stem] = describe(path, status.st_size, status.st_mtime_ns)
        settings = model_settings.read(path.with_suffix(".json"))
        return replace(known, settings=settings, broken=known.broken or _told(settings.problem))


def describe(path: Path, size_bytes: int, modified_ns: int) -> Entry:
    """Parse one file's header into an entry; never raises for what the file contains."""
    try:
        header = gguf_header.read(path)
        return Entry(path.stem, path, size_bytes, modified_ns, **_facts(header))
    except gguf_header.BrokenFile as error:
        return Entry(path.stem, path, size_bytes, modified_ns, broken=error.reason)
    except OSError as error:
        return Entry(path.stem, path, size_bytes, modified_ns, broken=_unreadable(error))


def _told(problem: str | None) -> str | None:
    return Reason("settings", problem) if problem else None


def _unreadable(error: OSError) -> Reason:
    return Reason("unreadable", f"The file cannot be read: {error.strerror}.")


def _facts(header: gguf_header.Header) -> dict[str, Any]:
    metadata = header.metadata
    architecture = metadata.get("general.architecture")
    if not isinstance(architecture, str) or not architecture:
        raise gguf_header.BrokenFile("The header names no architecture.")

    def whole(key: str, default: int = 0) -> int:
        value = metadata.get(f"{architecture}.{key}", default)
        return value if isinstance(value, int) and 0 <= value < 1 << 31 else default

    template = metadata.get("tokenizer.chat_template")
    file_type = metadata.get("general.file_type")
    return {
        "kind": _kind(architecture, whole("pooling_type", -1)),
        "architecture": architecture[:64],
        "context_length": whole("context_length"),
        "embedding_length": whole("embedding_length"),
        "pooling": _POOLINGS.get(whole("pooling_type"), ""),
        "quantization": _quantization(file_type, metadata.get("general.name")),
        "num_parameters": header.num_parameters,
        "chat_template": template if isinstance(template, str) else None,
        "tokenizer": str(metadata.get("tokenizer.ggml.model", ""))[:32],
        "num_layers": whole("block_count"),
        "inner_length": whole("feed_forward_length") or 4 * whole("embedding_length"),
        "num_tokens": header.array_lengths.get("tokenizer.ggml.tokens", 0),
        "kv_bytes_per_token": _kv_bytes_per_token(whole),
    }


def _kind(architecture: str, pooling: int) -> ModelKind:
    if pooling == _POOLING_RANK:
        return "rerank"
    return "embedding" if architecture in _ENCODERS or pooling > 0 else "chat"


def _quantization(file_type: object, name: object) -> str:
    if isinstance(file_type, int) and file_type in _FILE_TYPES:
        return _FILE_TYPES[file_type]
    match = re.search(r"\b((?:I?Q\d\w*)|BF16|F16|F32)\b", str(name or ""), re.IGNORECASE)
    return match[1].upper() if match else ""


def _kv_bytes_per_token(whole: Any) -> int:
    """Two bytes a value (f16), keys and values, over all layers. An upper bound for windowed models."""
    num_heads = whole("attention.head_count")
    num_kv_heads = whole("attention.head_count_kv") or num_heads
    head_length = whole("embedding_length") // num_heads if num_heads else 0
    key_length = whole("attention.key_length") or head_length
    value_length = whole("attention.value_length") or head_length
    return int(2 * whole("block_count") * num_kv_heads * (key_length + value_length))
