"""Small GGUF files for tests: a real header over tensors of zeros."""

from __future__ import annotations

import struct
from pathlib import Path

Entries = dict[str, str | int | list[str]]


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def entry(key: str, value: str | int | list[str]) -> bytes:
    if isinstance(value, str):
        return text(key) + struct.pack("<I", 8) + text(value)
    if isinstance(value, int):
        return text(key) + struct.pack("<II", 4, value)
    return text(key) + struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(text, value))


def header(entries: Entries, num_elements: int = 64) -> bytes:
    """A header with one F32 tensor, padded to where its data begins."""
    body = b"GGUF" + struct.pack("<IQQ", 3, 1, len(entries))
    body += b"".join(entry(key, value) for key, value in entries.items())
    body += text("token_embd.weight") + struct.pack("<IQIQ", 1, num_elements, 0, 0)
    return body + b"\0" * (-len(body) % 32)


def write_model(path: Path, num_elements: int = 64, more: Entries | None = None) -> bytes:
    """A file that describes itself well but holds nothing llama.cpp could run. Returns its bytes."""
    entries: Entries = {
        "general.architecture": "llama",
        "general.file_type": 2,
        "llama.context_length": 2048,
        "llama.embedding_length": 64,
        "llama.block_count": 2,
        "llama.attention.head_count": 4,
        "tokenizer.ggml.tokens": ["a", "b", "c"],
        "tokenizer.chat_template": "{{ messages }}",
    }
    data = header(entries | (more or {}), num_elements) + b"\0" * (4 * num_elements)
    path.write_bytes(data)
    return data
