"""What can stop a start, each as one sentence that says what to do about it.

A Problem ends the program with its exit code and its sentence; a traceback would only hide the sentence.

    Problem
    ├── Unusable     this machine or folder lacks something   exit 1
    ├── Busy         a port or the data folder is in use      exit 2
    └── StepFailed   a set-up step or process gave up         exit 3
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO

MIB = 1024 * 1024
MINIMUM_PYTHON = (3, 11)
COMPILERS = ("c++", "g++", "clang++")


class Problem(Exception):
    """A sentence for the person at the terminal."""

    exit_code = 1

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class Unusable(Problem):
    exit_code = 1


class Busy(Problem):
    exit_code = 2


class StepFailed(Problem):
    exit_code = 3


def check_python(version: tuple[int, ...] = sys.version_info[:2]) -> None:
    if version < MINIMUM_PYTHON:
        raise Unusable(
            f"Hearth needs Python 3.11 or newer; this is Python {version[0]}.{version[1]}. Set PYTHON to a newer one."
        )


def check_compiler(find: Callable[[str], str | None] = shutil.which) -> None:
    """Only asked when llama.cpp has to be compiled."""
    if os.environ.get("CXX") and find(os.environ["CXX"]):
        return
    if not any(find(name) for name in COMPILERS):
        raise Unusable(
            "Compiling the inference engine needs a C++ compiler, and there is none: "
            "apt-get install g++ (or set CXX), then start again."
        )


def check_disk(folder: Path, needed_mib: int) -> None:
    """Before anything is written: a full disk half-way leaves worse messages behind."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free_mib = shutil.disk_usage(existing).free // MIB
    if free_mib < needed_mib:
        raise Unusable(
            f"The disk of {folder} has {free_mib} MiB free; {needed_mib} MiB are needed: make room, then try again."
        )


def check_writable(folder: Path) -> None:
    """Make the folder if need be and prove that a file can be written in it; mode bits do not say that for root."""
    probe = folder / f".probe-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise from_os_error(error, folder) from error


def check_port(host: str, port: int, variable: str) -> None:
    """Raise Busy when somebody else listens there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # Connections of the last run in TIME_WAIT are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise Busy(
                    f"Port {port} of {host} is in use by another program: stop it, or choose another with {variable}."
                ) from error
            raise Unusable(
                f"Cannot listen on {host} port {port} ({error.strerror}): choose another address or {variable}."
            ) from error


def hold_folder(folder: Path) -> IO[str]:
    """Lock the data folder; the lock goes with the returned file. Raises Busy when another Hearth holds it."""
    handle = (folder / "hearth.lock").open("a+")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        handle.seek(0)
        owner = handle.read().strip() or "unknown"
        handle.close()
        raise Busy(
            f"Hearth already runs in {folder} (process {owner}): stop it first, or set HEARTH_DATA_DIR."
        ) from error
    handle.truncate(0)
    handle.write(str(os.getpid()))
    handle.flush()
    return handle


def from_os_error(error: OSError, folder: Path) -> Problem:
    """The sentence for a failed read or write below the folder."""
    name = error.filename or folder
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Unusable(f"The disk is full ({name}): make room, then start again.")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return Unusable(
            f"Cannot write to {name} ({error.strerror}): give this user the right to, or set HEARTH_DATA_DIR."
        )
    return Unusable(f"{error.strerror or error} ({name}).")
