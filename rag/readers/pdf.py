"""A PDF inside another file, read in a process of its own: one that breaks its reader costs the attachment alone.

Each page is a page of the paper. What its pictures say is read later, like any scan's (rag.readers.pictures). Called in
the reading child, which has given everything up already; the process made here has its memory and less time.
"""

from __future__ import annotations

import contextlib
import ctypes
import heapq  # noqa: F401 - Counter looks for it when it is first needed, which is too late here
import json
import os
import resource
import struct
from collections.abc import Callable
from typing import Any

from rag import extract_child, layout
from rag.jail import Refused
from rag.readers.paper import Paper

MAX_PAGES = 300
CPU_SECONDS = 12
MAX_OUTPUT_BYTES = 32 * 1024 * 1024
_HEAD = struct.Struct(">4sI")


def read(data: bytes) -> Paper:
    """Pages labelled by their number. Raises Refused with the code of rag.errors, "killed" when the reader died."""
    answer = _apart(lambda: _read(data))
    if "error" in answer:
        raise Refused(answer["error"], **answer["params"])
    paper = Paper(has_pages=True)
    paper.num_left_out = max(answer["num_pages"] - MAX_PAGES, 0)
    pages = answer["pages"]
    raw = [layout.RawPage(page["no"], page["text"], page["lines"], page["height"]) for page in pages]
    blocks: dict[int, list[layout.Block]] = {}
    for block in layout.blocks(raw, answer["outline"]):
        blocks.setdefault(block.spans[0][0], []).append(block)
    for page in pages:
        number = page["no"]
        if page["is_scan"]:
            paper.picture(_drawing(data, number), str(number + 1))
        else:
            paper.page(str(number + 1))
        for block in blocks.get(number, []) if not page["is_scan"] else ():
            if block.level is None:
                paper.paragraph(block.text)
            else:
                paper.heading(block.text, block.level)
    return paper


def _read(data: bytes) -> dict[str, Any]:
    with extract_child.opened((ctypes.c_char * len(data)).from_buffer_copy(data)) as document:
        found = extract_child.probe(document)
        count = min(found["num_pages"], MAX_PAGES)
        return found | {"pages": [extract_child.read_page(document, number) for number in range(count)]}


def _drawing(data: bytes, number: int) -> Callable[[], bytes]:
    def draw() -> bytes:
        with extract_child.opened((ctypes.c_char * len(data)).from_buffer_copy(data)) as document:
            return extract_child.draw_grey(document, number)[_HEAD.size :]

    return draw


def _apart(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What work returns, done in a process that may die."""
    from_child, to_parent = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        with contextlib.suppress(BaseException):
            os.close(from_child)
            resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
            with os.fdopen(to_parent, "wb") as output:
                try:
                    output.write(json.dumps(work()).encode())
                except Refused as refusal:
                    output.write(json.dumps(refusal.answer).encode())
            status = 0
        os._exit(status)
    os.close(to_parent)
    with os.fdopen(from_child, "rb") as answer:
        found = answer.read(MAX_OUTPUT_BYTES + 1)
    _pid, status = os.waitpid(child, 0)
    if len(found) > MAX_OUTPUT_BYTES:
        raise Refused("too_much_text")
    if status:
        raise Refused("killed")
    parsed: dict[str, Any] = json.loads(found)
    return parsed
