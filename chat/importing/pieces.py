"""A large JSON text as its conversations, one after the other: the elements of an array, or the one object. Pure.

Parsing 200 MB at once costs about 1.5 GB. Here the text of one conversation is in memory, and its depth is counted
before it is parsed, so that nesting cannot exhaust the parser's stack.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

MAX_ITEM_CHARS = 32 * 1024 * 1024
MAX_DEPTH = 64
MAX_DIGITS = 40
_MARK = re.compile(r'["\\{}\[\],]')
_IN_STRING = re.compile(r'["\\]')


class BadJson(Exception):
    """The text is no list of JSON objects: code not_json, too_deep or item_too_large."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def items(chunks: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Each object in turn. Raises BadJson where the text stops being what it should be; what came before was good."""
    decode = codecs.getincrementaldecoder("utf-8-sig")("replace").decode
    scanner = _Scanner()
    for chunk in chunks:
        for text in scanner.feed(decode(chunk)):
            yield _parsed(text)
    for text in scanner.feed(decode(b"", True)):
        yield _parsed(text)
    if not scanner.is_over:
        raise BadJson("not_json")


class _Scanner:
    """Cuts the text where an object at the top, or in the array at the top, ends."""

    def __init__(self) -> None:
        self._text = ""
        self._at = 0  # looked at up to here
        self._start = -1  # where the open object begins
        self._depth = 0
        self._is_array: bool | None = None
        self._in_string = False
        self.is_over = False

    def feed(self, more: str) -> Iterator[str]:
        self._text = self._text[self._at if self._start < 0 else self._start :] + more
        self._at -= self._at if self._start < 0 else self._start
        self._start = min(self._start, 0)
        while not self.is_over and (found := self._next_mark()) is not None:
            text = self._take(found)
            if text is not None:
                yield text
        if self.is_over and self._text[self._at :].strip():
            raise BadJson("not_json")
        if self._start >= 0 and len(self._text) > MAX_ITEM_CHARS:
            raise BadJson("item_too_large")

    def _next_mark(self) -> str | None:
        """The next character that means something; what stands between objects must be space."""
        match = (_IN_STRING if self._in_string else _MARK).search(self._text, self._at)
        if match is None:
            if self._start < 0 and self._text[self._at :].strip():
                raise BadJson("not_json")
            self._at = len(self._text)
            return None
        if match[0] == "\\" and match.end() == len(self._text):
            self._at = match.start()  # what it escapes has not come yet
            return None
        if self._start < 0 and self._text[self._at : match.start()].strip():
            raise BadJson("not_json")
        self._at = match.end() + (match[0] == "\\")
        return match[0]

    def _take(self, mark: str) -> str | None:
        if mark == '"' and self._start >= 0:
            self._in_string = not self._in_string
        elif self._in_string or (mark in '\\,"' and self._start >= 0):
            pass
        elif mark in "{[":
            self._open(mark)
        elif mark in "}]":
            return self._close()
        elif mark != "," or not self._is_array:
            raise BadJson("not_json")
        return None

    def _open(self, mark: str) -> None:
        if self._start < 0:
            if mark == "[":
                if self._is_array is not None:
                    raise BadJson("not_json")
                self._is_array = True
                return
            if self._is_array is None:
                self._is_array = False
            self._start = self._at - 1
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise BadJson("too_deep")

    def _close(self) -> str | None:
        if self._start < 0:
            if not self._is_array:
                raise BadJson("not_json")
            self.is_over = True
            return None
        self._depth -= 1
        if self._depth:
            return None
        text, self._start = self._text[self._start : self._at], -1
        self.is_over = not self._is_array
        return text


def _parsed(text: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(text, parse_int=_number, parse_constant=_refuse, strict=False)
    except (ValueError, RecursionError):
        raise BadJson("not_json") from None
    return found


def _number(digits: str) -> int:
    """No honest export has longer ones, and turning a million digits into a number takes minutes."""
    if len(digits) > MAX_DIGITS:
        raise BadJson("not_json")
    return int(digits)


def _refuse(name: str) -> NoReturn:
    raise BadJson("not_json")
