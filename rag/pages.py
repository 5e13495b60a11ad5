"""Pictures of pages, drawn in the limited child and kept beside the file."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from django.db import close_old_connections, connection

from rag import extract
from rag.errors import UnreadableFile
from rag.models import Document, Version

SCALES = (1.0, 1.5, 2.0, 3.0)
# A drawing child may take 1.5 GB; a web process must not start one for every reader at once.
_drawing = threading.BoundedSemaphore(2)


def image(document: Document, page_no: int, scale: float = 2.0) -> bytes:
    """The page as PNG; see image_path."""
    return image_path(document, page_no, scale).read_bytes()


def image_path(document: Document, page_no: int, scale: float = 2.0) -> Path:
    """A PNG of the page, scale pixels a point (rounded up to one of SCALES). About 150 ms, kept for the next time.

    Raises UnreadableFile when there is no such page or it cannot be drawn, ChildKilled when drawing ran over a limit.
    """
    version = document.live_version or document.newest_version
    if version is None or not 0 <= page_no < version.num_pages:
        raise UnreadableFile("page_missing")
    size = next((known for known in SCALES if known >= scale), SCALES[-1])
    kept = image_folder(version) / f"{page_no}@{size}.png"
    if not kept.exists():
        if not connection.in_atomic_block:
            close_old_connections()  # those who wait for a drawing would hold the whole pool
        with _drawing:
            drawn = extract.image(version.path, page_no, size)
        _keep(kept, drawn)
    return kept


def image_folder(version: Version) -> Path:
    """Where a version's pictures are kept."""
    return version.path.with_name(version.path.name + ".pages")


def _keep(path: Path, content: bytes) -> None:
    """All of it or nothing: another reader may ask for the same picture now."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}")
    part.write_bytes(content)
    part.replace(path)
