"""What every child does before it looks at a stranger's file: give up memory, files, network and identity.

Also the frames in which a child answers: 4 bytes of length, then JSON or a picture. No Django here.
"""

from __future__ import annotations

import contextlib
import ctypes
import encodings.utf_16_le  # noqa: F401 - nothing can be imported once the process is shut in
import json
import os
import resource
import struct
import sys
from collections.abc import Callable, Iterator

MEMORY_BYTES = 1_500 * 1024 * 1024
NOBODY = 65_534
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
OUT_OF_MEMORY = 77

MAX_PAGES = 5_000
MAX_OUTLINE_ITEMS = 20_000
MAX_TITLE_CHARS = 300
MAX_LABEL_CHARS = 40
# What PostgreSQL cannot store becomes one other character, so that offsets stay true.
UNSTORABLE: dict[int, str] = {code: " " for code in [*range(0x20), 0x7F] if chr(code) not in "\t\n\r"}
UNSTORABLE |= dict.fromkeys(range(0xD800, 0xE000), "\ufffd")


class Refused(Exception):
    """The file is at fault. code is one of rag.errors."""

    def __init__(self, code: str, **params: object) -> None:
        self.answer = {"error": code, "params": params}


def run(cpu_seconds: int, answer: Callable[[bool], Iterator[bytes]]) -> int:
    """The whole life of a child: 0 with frames on standard output, of which the last may be an error.

    answer is told whether the network could be given up.
    """
    is_isolated = shut_in(cpu_seconds)
    try:
        for frame in answer(is_isolated):
            send(frame)
    except Refused as refusal:
        send(json.dumps(refusal.answer).encode())
    except MemoryError:
        return OUT_OF_MEMORY
    return 0


def shut_in(cpu_seconds: int) -> bool:
    """Give up everything reading does not need. False when the kernel would not take the network away."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    libc = ctypes.CDLL(None, use_errno=True)
    # Root can drop the network alone; anybody else needs a user namespace first, which some kernels refuse.
    is_isolated = any(libc.unshare(flags) == 0 for flags in (CLONE_NEWNET, CLONE_NEWUSER | CLONE_NEWNET))
    if os.geteuid() == 0:
        with contextlib.suppress(OSError):  # in a user namespace of its own the process has no other ids
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
    return is_isolated


def send(frame: bytes) -> None:
    sys.stdout.buffer.write(struct.pack(">I", len(frame)) + frame)
    sys.stdout.buffer.flush()
