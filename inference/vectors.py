"""Vectors as bytes (little-endian float32), in the forms that callers ask for."""

from __future__ import annotations

import base64
import math
import struct


def shortened(vector: bytes, dimensions: int) -> bytes:
    """Its first dimensions, again of unit length."""
    values = as_floats(vector)[:dimensions]
    norm = math.sqrt(sum(value * value for value in values))
    return struct.pack(f"<{len(values)}f", *(value / norm if norm else value for value in values))


def as_base64(vector: bytes) -> str:
    return base64.b64encode(vector).decode()


def as_floats(vector: bytes) -> list[float]:
    return list(struct.unpack(f"<{len(vector) // 4}f", vector))
