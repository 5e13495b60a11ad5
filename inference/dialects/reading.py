"""The readers of calls, one for each form. Each begins after the mark that opens calls.

A reader returns True when there were calls. Otherwise it has said nothing and what it read is in `source` again: what
looked like a call and is none is text after all, and nothing a model says is lost.
"""

from __future__ import annotations

import re

from inference.dialects.calls import Calls, dumped, is_text, read_gemma, read_json, read_python, value_of
from inference.dialects.families import Dialect, Tags
from inference.dialects.nested import read_nested
from inference.dialects.source import (
    MOST_HEAD_CHARS,
    Reading,
    Source,
    copy_object,
    copy_until,
    gather_until,
    match,
    skip_blank,
    starts_with,
)

_JSON_HEAD = re.compile(
    r'\s*(?:```(?:json)?\s*)?\[?\s*\{\s*(?:"(?:id|type|tool_call_id)"\s*:\s*"[^"\\]{0,64}"\s*,\s*)*'
    r'"(?:name|tool_name)"\s*:\s*"([^"\\]{1,64})"\s*,\s*"(?:arguments|parameters)"\s*:\s*(?=\{)'
)
_FIRST_KEY = re.compile(r'\s*\[?\s*\{\s*"((?:[^"\\]|\\.)*)"\s*:\s*')
_HEAD_KEYS = ("id", "type", "tool_call_id", "name", "tool_name", "arguments", "parameters", "function")


def read_calls(source: Source, dialect: Dialect, calls: Calls) -> Reading[bool]:
    """Whatever form the family has; the older form of JSON is understood everywhere."""
    blanks = yield from skip_blank(source)
    if dialect.head is not None and not source.held.startswith(("{", "[")):
        is_call = yield from _read_named(source, dialect, dialect.head, calls)
    elif dialect.form == "python":
        is_call = yield from _read_python(source, dialect, calls)
    else:
        is_call = yield from read_json_calls(source, dialect.close, calls, is_bare=False)
    if not is_call:
        source.held = blanks + source.held
    return is_call


def read_json_calls(source: Source, close: str, calls: Calls, *, is_bare: bool) -> Reading[bool]:
    """Objects with name and arguments, one or a list of them. Bare ones must name a function that was offered."""
    num_before = calls.num
    while True:
        head = yield from _json_head(source, close, calls, is_bare=is_bare)
        if head is None:
            break
        yield calls.begin(head)
        yield from copy_object(source, calls.more)
        yield from skip_blank(source, "}],;`")
        if source.held[:1] not in ("{", "["):
            break
    if calls.num > num_before:
        yield from _end(source, close)
        return True
    return (yield from _read_whole_json(source, close, calls, is_bare=is_bare))


def _json_head(source: Source, close: str, calls: Calls, *, is_bare: bool) -> Reading[str | None]:
    """The name, when its arguments come next. None as soon as that is out of the question."""
    while True:
        found = _JSON_HEAD.match(source.held)
        if found:
            if is_bare and not calls.has(found[1]):
                return None
            source.take(found.end())
            return found[1]
        first = _FIRST_KEY.match(source.held)
        is_other = bool(first) and first[1] not in _HEAD_KEYS if first else len(source.held) > 4 * MOST_HEAD_CHARS
        if source.is_over or is_other or (close and close in source.held):
            return None
        yield None


def _read_whole_json(source: Source, close: str, calls: Calls, *, is_bare: bool) -> Reading[bool]:
    """Its keys stand in another order, or it is something else: known once it is whole."""
    first = _FIRST_KEY.match(source.held)
    if is_bare and first and first[1] not in _HEAD_KEYS:
        return False
    text, mark = yield from gather_until(source, (close,) if close else ())
    found = read_json(text)
    if not found or (is_bare and not all(calls.has(name) for name, _ in found)):
        source.held = text + (mark or "") + source.held
        return False
    for name, arguments in found:
        yield from calls.whole(name, arguments)
    return True


def _read_named(source: Source, dialect: Dialect, pattern: re.Pattern[str], calls: Calls) -> Reading[bool]:
    """Calls whose name stands before their arguments."""
    num_before = calls.num
    while True:
        head = yield from match(source, pattern)
        if head is None:
            break
        if dialect.form == "gemma":
            is_call = yield from _read_gemma(source, dialect, calls, head[0], head[1])
            return is_call
        yield calls.begin(head[1])
        if dialect.form == "nested":
            yield from read_nested(source, dialect, calls, head[1])
        elif dialect.tags is not None:
            yield from _read_tags(source, dialect, dialect.tags, calls, head[1])
        else:
            yield from copy_object(source, calls.more)
            yield from skip_blank(source, "`")
        yield from skip_blank(source)
        if dialect.tail:
            yield from starts_with(source, dialect.tail)
        yield from skip_blank(source)
        if dialect.is_repeated:
            break
        if dialect.close and (yield from starts_with(source, dialect.close)):
            return True
        if source.is_over:
            break
    if calls.num == num_before:
        return False
    yield from _end(source, dialect.close)
    return True


def _read_tags(source: Source, dialect: Dialect, tags: Tags, calls: Calls, name: str) -> Reading[None]:
    """Arguments between marks, passed on as the JSON that they mean. A text goes out while it comes."""
    yield calls.more("{")
    separator = ""
    opening = re.compile(f"(?:{tags.opening.pattern})|(?=\\s*{re.escape(dialect.tail or dialect.close)})")
    while (found := (yield from match(source, opening))) and found[1]:
        key = found[1]
        if tags.line:
            yield from starts_with(source, tags.line)
        schema = calls.schema_of(name, key)
        says_text = found.re.groups > 1 and found[2] == "true"
        yield calls.more(f"{separator}{dumped(key)}: ")
        separator = ", "
        ends = (tags.line + tags.end, tags.end)
        if says_text or is_text(schema):
            yield calls.more('"')
            yield from copy_until(source, ends, lambda text: calls.more(dumped(text)[1:-1]))
            yield calls.more('"')
        else:
            text, _ = yield from gather_until(source, ends)
            yield calls.more(dumped(value_of(text, schema)))
    yield calls.more("}")


def _read_gemma(source: Source, dialect: Dialect, calls: Calls, head: str, name: str) -> Reading[bool]:
    text, mark = yield from gather_until(source, (dialect.close,))
    arguments = read_gemma(text)
    if arguments is None:
        source.held = head + text + (mark or "") + source.held
        return False
    yield from calls.whole(name, arguments)
    return True


def _read_python(source: Source, dialect: Dialect, calls: Calls) -> Reading[bool]:
    text, mark = yield from gather_until(source, (dialect.close,))
    found = read_python(text) or read_json(text)
    if not found:
        source.held = text + (mark or "") + source.held
        return False
    for name, arguments in found:
        yield from calls.whole(name, arguments)
    return True


def _end(source: Source, close: str) -> Reading[None]:
    yield from skip_blank(source)
    if close:
        yield from starts_with(source, close)
