"""Frames between the supervisor and a child: four bytes of length (big-endian), then msgpack.

Both ends are ours, but a child runs on untrusted model files, so lengths are capped on the way in.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import Any

import msgpack

MAX_FRAME_BYTES = 256 * 1024 * 1024
_LENGTH = struct.Struct(">I")


class BrokenFrame(Exception):
    """The other end speaks nonsense; the connection is to be given up."""


def encode(message: Any) -> bytes:
    body: bytes = msgpack.packb(message, use_bin_type=True)
    return _LENGTH.pack(len(body)) + body


class Decoder:
    """Collects bytes in any pieces and gives back whole messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Any]:
        self._buffer += data
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            if length > MAX_FRAME_BYTES:
                raise BrokenFrame(f"a frame of {length} bytes")
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[_LENGTH.size : end])
            del self._buffer[:end]
            try:
                yield msgpack.unpackb(body, raw=False, strict_map_key=False)
            except (ValueError, msgpack.exceptions.UnpackException) as error:
                raise BrokenFrame(str(error)) from error


def messages(sock: socket.socket) -> Iterator[Any]:
    """Blocking: every message until the other end closes."""
    decoder = Decoder()
    while True:
        try:
            data = sock.recv(1 << 18)
        except ConnectionError:
            return
        if not data:
            return
        yield from decoder.feed(data)
