"""Channels: an answer is a row of messages, each with a header that says to whom it speaks.

<|channel|>analysis<|message|>…<|end|>                                                     reasoning
<|start|>assistant<|channel|>commentary to=functions.NAME <|constrain|>json<|message|>{…}  a call
<|start|>assistant<|channel|>final<|message|>…                                             the answer
"""

from __future__ import annotations

import re

from inference import wire
from inference.dialects.calls import Calls
from inference.dialects.source import Reading, Source, copy_until, starts_with

_ENDS = ("<|end|>", "<|return|>", "<|call|>", "<|start|>")
_TO = re.compile(r"to=functions\.([A-Za-z0-9_.-]{1,64})")
_MOST_HEADER_CHARS = 512


def read_channels(source: Source, calls: Calls) -> Reading[None]:
    """The whole answer. What has no header is the answer itself."""
    mark: str | None = ""
    while mark is not None:
        if source.is_over and not source.held:
            return
        header = yield from _header(source)
        to = _TO.search(header)
        if to and calls.has(to[1]):
            yield calls.begin(to[1])
            mark = yield from copy_until(source, _ENDS, calls.more)
        elif "analysis" in header:
            mark = yield from copy_until(source, _ENDS, lambda text: wire.Delta("", text))
        else:
            mark = yield from copy_until(source, _ENDS, wire.Delta)


def _header(source: Source) -> Reading[str]:
    """What stands before <|message|>; nothing when there is no header."""
    yield from starts_with(source, "<|start|>")
    is_header = yield from _begins_header(source)
    if not is_header:
        return ""
    while "<|message|>" not in source.held and not source.is_over and len(source.held) < _MOST_HEADER_CHARS:
        yield None
    header, mark, rest = source.held.partition("<|message|>")
    if not mark:
        return ""
    source.held = rest
    return header


def _begins_header(source: Source) -> Reading[bool]:
    beginnings = ("<|channel|>", "assistant", " to=functions.")
    while not source.is_over and any(each.startswith(source.held) for each in beginnings):
        yield None
    return source.held.startswith(beginnings)
