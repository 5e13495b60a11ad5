"""Read the header of a GGUF file without llama.cpp and without trusting one number in it.

A length in a damaged or hostile file is only believed if it fits below a cap and inside the file, arrays are
skipped (not kept), and the tensor table is compared with the size of the file, so that a download that was cut
off is found before anybody waits for it. Left out: tensor data, and everything about how a model is run.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from inference.reasons import Reason

MAX_HEADER_BYTES = 512 * 1024 * 1024
MAX_ENTRIES = 100_000
MAX_KEY_BYTES = 4096
MAX_TEXT_BYTES = 4 * 1024 * 1024
MAX_ARRAY_ITEMS = 16_000_000
# Of the whole header. An honest vocabulary with its merges has 800,000 texts, which take a second to skip.
MAX_ARRAY_TEXTS = 2_000_000
MAX_KEPT_BYTES = 16 * 1024 * 1024
MAX_DIMENSIONS = 8
_CHUNK_BYTES = 1 << 20

_SCALARS = {
    0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d",
}  # fmt: skip
_STRING, _ARRAY = 8, 9

# Tensor type -> (elements of a block, bytes of a block), from ggml.h. Types missing here are not measured.
_BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 36),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292),
    16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82),
    23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2),
    34: (256, 54), 35: (256, 66), 39: (32, 17),
}  # fmt: skip


class BrokenFile(Exception):
    """The file cannot be a usable model; `reason` is a sentence for an admin."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = sentence if isinstance(sentence, Reason) else Reason("bad_header", sentence)


@dataclass(frozen=True, slots=True)
class Header:
    """Scalars and texts by key (arrays are absent), the number of parameters, the smallest file that could hold all
    tensors, and how many items each array has."""

    metadata: dict[str, Any]
    num_parameters: int
    num_tensors: int
    least_size_bytes: int
    array_lengths: dict[str, int]


def read(path: Path) -> Header:
    """Parse and check the header. Raises BrokenFile with a sentence, or OSError."""
    size_bytes = path.stat().st_size
    with path.open("rb") as file:
        header = _Reader(file, size_bytes).header()
    if header.least_size_bytes > size_bytes:
        raise BrokenFile(
            Reason(
                "cut_off",
                f"The file is cut off: it has {size_bytes:,} bytes, its tensors need {header.least_size_bytes:,}.",
                size_bytes=size_bytes,
                needed_bytes=header.least_size_bytes,
            )
        )
    return header


class _Reader:
    """Takes bytes from the front of the file, each read bounded by what is left of the file."""

    def __init__(self, file: BinaryIO, size_bytes: int) -> None:
        self._file = file
        self._left = min(size_bytes, MAX_HEADER_BYTES)
        self._size_bytes = size_bytes
        self._read = 0
        self._num_kept_bytes = 0
        self._num_array_texts = 0
        self._last_length: int | None = None
        self._array_lengths: dict[str, int] = {}

    def header(self) -> Header:
        if self._take(4) != b"GGUF":
            raise BrokenFile(Reason("no_gguf", "This is not a GGUF file."))
        version = self._scalar("<I")
        if version not in (2, 3):
            sentence = f"GGUF version {version} is not supported."
            raise BrokenFile(Reason("gguf_version", sentence, version=version))
        num_tensors = self._count("tensors", MAX_ENTRIES)
        num_entries = self._count("metadata entries", MAX_ENTRIES)
        metadata: dict[str, Any] = {}
        for _ in range(num_entries):
            key = self._text(MAX_KEY_BYTES)
            value = self._value(self._scalar("<I"))
            if value is not None:
                metadata[key] = value
            elif self._last_length is not None:
                self._array_lengths[key] = self._last_length
        return self._with_tensors(metadata, num_tensors)

    def _with_tensors(self, metadata: dict[str, Any], num_tensors: int) -> Header:
        num_parameters = end = 0
        for _ in range(num_tensors):
            num_elements, tensor_end = self._tensor()
            num_parameters += num_elements
            end = max(end, tensor_end)
        alignment = metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or not 1 <= alignment <= 1 << 20:
            raise BrokenFile("The header names an impossible alignment.")
        start = (self._read + alignment - 1) // alignment * alignment
        least = start + end if num_tensors else self._read
        return Header(metadata, num_parameters, num_tensors, least, self._array_lengths)

    def _tensor(self) -> tuple[int, int]:
        """(number of elements, end offset within the data part); the end is 0 for types we cannot measure."""
        self._text(MAX_KEY_BYTES)
        num_dimensions = self._scalar("<I")
        if not 1 <= num_dimensions <= MAX_DIMENSIONS:
            raise BrokenFile(f"A tensor with {num_dimensions} dimensions cannot be.")
        num_elements = 1
        for _ in range(num_dimensions):
            num_elements *= self._scalar("<Q")
        if num_elements > 1 << 48:
            raise BrokenFile("A tensor is larger than any machine.")
        kind, offset = self._scalar("<I"), self._scalar("<Q")
        if kind not in _BLOCKS:
            return num_elements, 0
        block, block_bytes = _BLOCKS[kind]
        return num_elements, offset + (num_elements + block - 1) // block * block_bytes

    def _value(self, kind: int) -> Any:
        """A scalar or a text; None for an array, which is skipped."""
        if kind in _SCALARS:
            return self._scalar(_SCALARS[kind])
        if kind == _STRING:
            return self._text(MAX_TEXT_BYTES)
        if kind != _ARRAY:
            raise BrokenFile(f"The header holds a value of unknown type {kind}.")
        item_kind, num_items = self._scalar("<I"), self._count("array items", MAX_ARRAY_ITEMS)
        self._last_length = num_items
        if item_kind in _SCALARS:
            self._skip(num_items * struct.calcsize(_SCALARS[item_kind]))
        elif item_kind == _STRING:
            self._num_array_texts += num_items
            if self._num_array_texts > MAX_ARRAY_TEXTS:
                raise BrokenFile(f"The header claims {self._num_array_texts:,} texts.")
            for _ in range(num_items):
                self._skip(self._scalar("<Q"))
        else:
            raise BrokenFile("The header holds nested arrays, which no model needs.")
        return None

    def _count(self, what: str, most: int) -> int:
        count: int = self._scalar("<Q")
        if count > most:
            raise BrokenFile(f"The header claims {count:,} {what}.")
        return count

    def _text(self, most: int) -> str:
        length = self._scalar("<Q")
        if length > most:
            raise BrokenFile(f"The header holds a text of {length:,} bytes.")
        self._num_kept_bytes += length
        if self._num_kept_bytes > MAX_KEPT_BYTES:
            raise BrokenFile("The header holds more text than any model needs.")
        return self._take(length).decode("utf-8", errors="replace")

    def _scalar(self, layout: str) -> Any:
        return struct.unpack(layout, self._take(struct.calcsize(layout)))[0]

    def _take(self, count: int) -> bytes:
        self._claim(count)
        data = self._file.read(count)
        if len(data) != count:
            raise BrokenFile("The file ends inside its header.")
        return data

    def _skip(self, count: int) -> None:
        self._claim(count)
        while count:
            data = self._file.read(min(count, _CHUNK_BYTES))
            if not data:
                raise BrokenFile("The file ends inside its header.")
            count -= len(data)

    def _claim(self, count: int) -> None:
        if count > self._left:
            raise BrokenFile("The file ends inside its header.")
        self._left -= count
        self._read += count
