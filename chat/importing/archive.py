"""The JSON texts in an uploaded file: the file itself, or those of a zip that hold conversations.

Whatever a zip claims, no more than MAX_JSON_BYTES is unpacked, and nothing is ever written to disk. Zips in zips are
not opened; other files are not read.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

MIB = 1024 * 1024
PIECE_BYTES = MIB
MAX_JSON_BYTES = 1024 * MIB
MAX_ENTRIES = 200_000  # an export with pictures has one for each
MAX_RATIO = 200
RATIO_FROM_BYTES = 16 * MIB
# ChatGPT's (also in parts), Hearth's own, and any list at the top of a zip.
_WANTED = re.compile(r"^(?:[^/]{1,120}/)?(?:conversations(?:-\d{1,4})?\.json|(?:threads|trash)/[^/]{1,200}\.json)$")
_AT_TOP = re.compile(r"^[^/]{1,200}\.json$")
_OTHERS = {"user.json", "message_feedback.json", "shared_conversations.json", "model_comparisons.json"}

# What zipfile lets through when a part is damaged or packed in a way that it does not know.
_DAMAGES = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, OverflowError, RuntimeError)


class BadFile(Exception):
    """code: broken, needs_password, unpacks_too_large, too_many_files, no_threads."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def texts(path: Path) -> Iterator[Iterator[bytes]]:
    """Each JSON text in pieces; one must be read before the next is asked for. Raises BadFile, also in the middle."""
    with path.open("rb") as file:
        is_zip = file.read(4).startswith(b"PK")
    if not is_zip:
        yield _plain(path)
        return
    try:
        with zipfile.ZipFile(path) as archive:
            budget = [MAX_JSON_BYTES]
            for info in _wanted(archive):
                yield _unpacked(archive, info, budget)
    except _DAMAGES as error:
        raise BadFile("broken") from error


def _plain(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield piece


def _wanted(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    members = archive.infolist()
    if len(members) > MAX_ENTRIES:
        raise BadFile("too_many_files")
    found = [info for info in members if _WANTED.match(info.filename)]
    if not found:
        found = [info for info in members if _AT_TOP.match(info.filename) and info.filename not in _OTHERS]
    if not found:
        raise BadFile("no_threads")
    for info in found:
        if info.flag_bits & 1:
            raise BadFile("needs_password")
        if info.file_size > RATIO_FROM_BYTES and info.file_size > MAX_RATIO * max(info.compress_size, 1):
            raise BadFile("unpacks_too_large")
    if sum(info.file_size for info in found) > MAX_JSON_BYTES:
        raise BadFile("unpacks_too_large")
    return found


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: list[int]) -> Iterator[bytes]:
    """What really comes out is counted, whatever the directory says; budget is what all texts share."""
    try:
        with archive.open(info) as file:
            while piece := file.read(PIECE_BYTES):
                budget[0] -= len(piece)
                if budget[0] < 0:
                    raise BadFile("unpacks_too_large")
                yield piece
    except _DAMAGES as error:
        raise BadFile("broken") from error
