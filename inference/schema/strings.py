"""Texts of a given layout as GBNF: formats, and the regular expressions that a grammar can hold.

Anything in a pattern that looks around, looks back or asks for a word's border is refused. Characters that JSON would
have to escape are only written where the pattern names them.
"""

from __future__ import annotations

import json

from inference.schema.gbnf import SchemaRefused, literal

MAX_PATTERN_CHARS, MAX_PATTERN_REPEATS = 1024, 500
_LEAP = '(([12] [0-9] ("0" [48] | [2468] [048] | [13579] [26])) | ("12" | "16" | "20" | "24" | "28") "00")'
_DATE = (
    '([12] [0-9]{3} "-" (("0" [1-9] | "1" [0-2]) "-" ("0" [1-9] | "1" [0-9] | "2" [0-8])'
    ' | ("0" [13-9] | "1" [0-2]) "-" ("29" | "30") | ("0" [13578] | "1" [02]) "-31")'
    f' | {_LEAP} "-02-29")'
)
_CLOCK = '([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9]'
_TIME = f'{_CLOCK} ":" [0-5] [0-9] ("." [0-9]{{1,6}})? ("Z" | [-+] {_CLOCK})'
_BYTE = '("25" [0-5] | "2" [0-4] [0-9] | "1" [0-9] [0-9] | [1-9] [0-9] | [0-9])'
_LABEL = "[a-z0-9] ([-a-z0-9]{0,40} [a-z0-9])?"
_HOST = f'{_LABEL} ("." {_LABEL}){{0,4}} "." [a-z]{{2,20}}'
_SPAN = "[1-9] [0-9]{0,3}"
_CLOCK_SPAN = f'"T" ({_SPAN} "H" ({_SPAN} "M")? ({_SPAN} "S")? | {_SPAN} "M" ({_SPAN} "S")? | {_SPAN} "S")'
_HEX = "[0-9a-f]{1,4}"
# Each a narrower language than the format's: what is written fits, and not all that fits can be written.
FORMATS = {
    "date": _DATE,
    "time": _TIME,
    "date-time": f'{_DATE} "T" {_TIME}',
    "uuid": ' "-" '.join(f"[0-9a-f]{{{length}}}" for length in (8, 4, 4, 4, 12)),
    "ipv4": ' "." '.join([_BYTE] * 4),
    "ipv6": ' ":" '.join([_HEX] * 8),
    "hostname": _HOST,
    "email": f'[A-Za-z0-9] ([-_+A-Za-z0-9]{{0,40}}) ("." [A-Za-z0-9] [-_+A-Za-z0-9]{{0,40}}){{0,3}} "@" {_HOST}',
    "uri": f'("https://" | "http://") {_HOST} ("/" [-._~A-Za-z0-9]{{0,60}}){{0,12}}'
    ' ("?" [-._~A-Za-z0-9=&]{1,200})? ("#" [-._~A-Za-z0-9]{1,60})?',
    "duration": f'"P" ({_SPAN} "W" | ({_SPAN} "D") ({_CLOCK_SPAN})? | {_CLOCK_SPAN}'
    f' | {_SPAN} "Y" ({_SPAN} "M")? ({_SPAN} "D")? ({_CLOCK_SPAN})? | {_SPAN} "M" ({_SPAN} "D")? ({_CLOCK_SPAN})?)',
}

_NEVER = r'"\\\x00-\x1f\x7f'  # in a class: what a JSON text cannot hold as it stands
_CLASSES = {"d": "0-9", "w": "A-Za-z0-9_", "s": " "}
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}


def pattern(text: str) -> str:
    """GBNF for the inside of a JSON string that the regular expression is found in. Raises SchemaRefused."""
    if len(text) > MAX_PATTERN_CHARS:
        raise SchemaRefused(f"'pattern' may have {MAX_PATTERN_CHARS} characters")
    reader = _Reader(text)
    alternatives = reader.alternatives(is_outermost=True)
    if reader.place < len(text):
        raise SchemaRefused("'pattern' closes a group that it never opened")
    return alternatives


class _Reader:
    """Recursive descent over one regular expression."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.place = 0
        self._num_repeats = 0

    def alternatives(self, *, is_outermost: bool = False) -> str:
        found = [self._sequence(is_outermost)]
        while self._skip("|"):
            found.append(self._sequence(is_outermost))
        return f"({' | '.join(found)})"

    def _sequence(self, is_outermost: bool) -> str:
        """Unless it is anchored, anything may stand before and after the outermost ones."""
        parts = []
        if is_outermost and not self._skip("^"):
            parts.append("char*")
        is_anchored = False
        while self.place < len(self._text) and self._peek() not in "|)":
            if self._skip("$"):
                is_anchored = True
                if not is_outermost or (self.place < len(self._text) and self._peek() != "|"):
                    raise SchemaRefused("'pattern' can hold '^' and '$' only at its ends")
                break
            parts.append(self._repeated(self._atom()))
        if is_outermost and not is_anchored:
            parts.append("char*")
        return " ".join(parts) or '""'

    def _atom(self) -> str:
        character = self._next()
        if character == "(":
            if self._skip("?") and not self._skip(":"):
                raise SchemaRefused("'pattern' can hold groups, and nothing that looks ahead or back")
            inside = self.alternatives()
            if not self._skip(")"):
                raise SchemaRefused("'pattern' opens a group that it never closes")
            return inside
        if character == ".":
            return "plain"
        if character == "[":
            return self._class()
        if character == "\\":
            return self._escape()
        if character in "*+?{^":
            raise SchemaRefused(f"'pattern' cannot hold {character!r} here")
        return self._character(character)

    def _escape(self) -> str:
        kind = self._next()
        if kind in _CLASSES:
            return f"[{_CLASSES[kind]}]"
        if kind.lower() in _CLASSES:
            return f"[^{_CLASSES[kind.lower()]}{_NEVER}]"
        return self._character(self._escaped(kind))

    def _escaped(self, kind: str) -> str:
        if kind in _ESCAPED:
            return _ESCAPED[kind]
        if kind in "ux":
            digits = self._take(4 if kind == "u" else 2)
            try:
                return chr(int(digits, 16))
            except ValueError:
                raise SchemaRefused("'pattern' holds a broken escape") from None
        if kind.isalnum():
            raise SchemaRefused(f"'pattern' cannot hold '\\{kind}'")
        return kind

    def _class(self) -> str:
        is_negated = self._skip("^")
        parts: list[str] = []
        is_first = True
        while is_first or not self._skip("]"):
            is_first = False
            character = self._next()
            if character == "\\" and self._peek() in _CLASSES:
                parts.append(_CLASSES[self._next()])
                continue
            first = self._escaped(self._next()) if character == "\\" else character
            if self._peek() == "-" and self._text[self.place + 1 : self.place + 2] not in ("]", ""):
                self.place += 1
                character = self._next()
                last = self._escaped(self._next()) if character == "\\" else character
                parts += _span(first, last, is_negated)
            else:
                parts += _span(first, first, is_negated)
        if is_negated:
            return f"[^{''.join(parts)}{_NEVER}]"
        if not parts:
            raise SchemaRefused("'pattern' holds a class without a character that a text can hold")
        return f"[{''.join(parts)}]"

    def _repeated(self, atom: str) -> str:
        if self.place >= len(self._text):
            return atom
        mark = self._peek()
        if mark in "*+?":
            self.place += 1
            self._skip("?")  # lazy or not, the same texts fit
            return atom + mark
        if mark != "{":
            return atom
        self.place += 1
        end = self._text.find("}", self.place)
        least, comma, most = self._text[self.place : end].partition(",")
        if end < 0 or not least.isdecimal() or not (most == "" or most.isdecimal()):
            raise SchemaRefused("'pattern' holds a broken repetition")
        self.place = end + 1
        self._skip("?")
        low, high = int(least[:9]), int((most or least)[:9])
        self._num_repeats += max(low, high)
        if self._num_repeats > MAX_PATTERN_REPEATS or high < low:
            raise SchemaRefused(f"'pattern' may repeat {MAX_PATTERN_REPEATS} times in all")
        return f"{atom}{{{low},{'' if comma and not most else high}}}"

    @staticmethod
    def _character(character: str) -> str:
        return literal(json.dumps(character, ensure_ascii=False)[1:-1])

    def _peek(self) -> str:
        return self._text[self.place : self.place + 1]

    def _next(self) -> str:
        return self._take(1)

    def _take(self, count: int) -> str:
        taken = self._text[self.place : self.place + count]
        if len(taken) < count:
            raise SchemaRefused("'pattern' ends too early")
        self.place += count
        return taken

    def _skip(self, character: str) -> bool:
        if self._peek() != character:
            return False
        self.place += 1
        return True


def _span(first: str, last: str, is_negated: bool) -> list[str]:
    """A range for a class. What JSON has to escape is left out of it, so a class that only holds such is refused."""
    if last < first:
        raise SchemaRefused("'pattern' holds a range that runs backwards")
    if is_negated or not any(ord(first) <= code <= ord(last) for code in (*range(32), 34, 92, 127)):
        return [_in_class(first) if first == last else f"{_in_class(first)}-{_in_class(last)}"]
    kept = []
    for low, high in ((32, 33), (35, 91), (93, 126), (128, 0x10FFFF)):
        low, high = max(low, ord(first)), min(high, ord(last))
        if low <= high:
            kept.append(f"{_in_class(chr(low))}-{_in_class(chr(high))}")
    return kept


def _in_class(character: str) -> str:
    code = ord(character)
    if character.isascii() and character.isalnum():
        return character
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
