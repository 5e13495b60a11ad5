"""A model that knows nothing but the grammar: reads GBNF and writes random texts of it."""

from __future__ import annotations

import random
import re
from functools import cache
from typing import Any

# What a node is: ("text", str) ("class", negated, [(low, high)]) ("rule", name) ("repeat", node, low, high)
# ("sequence", [nodes]) ("choice", [nodes])
Node = tuple[Any, ...]
_TOKEN = re.compile(r'\s+|::=|"(?:[^"\\]|\\.)*"|\[(?:[^\]\\]|\\.)*\]|[A-Za-z0-9-]+|[()|*+?]|\{[0-9]*,?[0-9]*\}')
_DEEP = 60


class Grammar:
    def __init__(self, text: str) -> None:
        self.rules: dict[str, Node] = {}
        for line in filter(None, text.split("\n")):
            name, _, body = line.partition(" ::= ")
            self.rules[name] = _Reader(body).choice()
        self._depths = self._shortest()

    def write(self, luck: random.Random, rule: str = "root") -> str:
        """A random text; the deeper it gets, the shorter the way out that is taken."""
        parts: list[str] = []
        self._write(self.rules[rule], luck, 0, parts)
        return "".join(parts)

    def _write(self, node: Node, luck: random.Random, depth: int, parts: list[str]) -> None:
        kind = node[0]
        if kind == "text":
            parts.append(node[1])
        elif kind == "class":
            parts.append(_character(node, luck))
        elif kind == "rule":
            self._write(self.rules[node[1]], luck, depth + 1, parts)
        elif kind == "sequence":
            for each in node[1]:
                self._write(each, luck, depth, parts)
        elif kind == "choice":
            short = min(node[1], key=self._depth)
            self._write(short if depth > _DEEP or len(parts) > 2000 else luck.choice(node[1]), luck, depth, parts)
        else:
            _, inside, low, high = node
            most = low + luck.randint(0, 3) if high is None else min(high, low + 3)
            for _ in range(low if depth > _DEEP else luck.randint(low, most)):
                self._write(inside, luck, depth + 1, parts)

    def _depth(self, node: Node) -> float:
        kind = node[0]
        if kind in ("text", "class"):
            return 0
        if kind == "rule":
            return self._depths.get(node[1], float("inf")) + 1
        if kind == "sequence":
            return max(map(self._depth, node[1]), default=0)
        if kind == "choice":
            return min(map(self._depth, node[1]))
        return 0 if node[2] == 0 else self._depth(node[1])

    def _shortest(self) -> dict[str, float]:
        """How deep each rule has to go at least; a rule without an end stays infinite."""
        self._depths: dict[str, float] = {}
        for _ in range(len(self.rules) + 1):
            before = dict(self._depths)
            self._depths = {name: self._depth(node) for name, node in self.rules.items()}
            if self._depths == before:
                break
        return self._depths


class _Reader:
    def __init__(self, body: str) -> None:
        self._tokens = [token for token in _tokens(body) if token.strip()]
        self._place = 0

    def choice(self) -> Node:
        found = [self._sequence()]
        while self._peek() == "|":
            self._place += 1
            found.append(self._sequence())
        return ("choice", found)

    def _sequence(self) -> Node:
        found: list[Node] = []
        while (token := self._peek()) not in ("", "|", ")"):
            self._place += 1
            if token == "(":
                found.append(self.choice())
                self._place += 1
            elif token[0] == '"':
                found.append(("text", _plain(token[1:-1])))
            elif token[0] == "[":
                found.append(_class(token[1:-1]))
            elif token[0] in "*+?{":
                low, high = _times(token)
                found.append(("repeat", found.pop(), low, high))
            else:
                found.append(("rule", token))
        return ("sequence", found)

    def _peek(self) -> str:
        return self._tokens[self._place] if self._place < len(self._tokens) else ""


def _tokens(body: str) -> list[str]:
    tokens, place = [], 0
    while place < len(body):
        found = _TOKEN.match(body, place)
        assert found, body[place : place + 40]
        tokens.append(found[0])
        place = found.end()
    return tokens


def _times(token: str) -> tuple[int, int | None]:
    if token in ("*", "+", "?"):
        return (1 if token == "+" else 0), (1 if token == "?" else None)
    low, comma, high = token[1:-1].partition(",")
    return int(low or 0), int(high) if high else None if comma else int(low)


def _characters(text: str) -> list[str]:
    """Each character of a literal or class, with a "-" that is no range as "\\-"."""
    found = re.findall(r"\\x[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\U[0-9a-fA-F]{8}|\\.|.", text, re.DOTALL)
    return [_unescaped(each) for each in found]


def _unescaped(each: str) -> str:
    if each[0] != "\\":
        return each
    if each[1] in "xuU":
        return chr(int(each[2:], 16))
    return {"n": "\n", "r": "\r", "t": "\t"}.get(each[1], each[1])


def _plain(text: str) -> str:
    return "".join(_characters(text))


def _class(text: str) -> Node:
    is_negated = text.startswith("^")
    characters = _characters(text[is_negated:])
    ranges, place = [], 0
    while place < len(characters):
        if characters[place + 1 : place + 2] == ["-"] and place + 2 < len(characters):
            ranges.append((ord(characters[place]), ord(characters[place + 2])))
            place += 3
        else:
            ranges.append((ord(characters[place]), ord(characters[place])))
            place += 1
    return ("class", is_negated, tuple(ranges))


@cache
def _others(ranges: tuple[tuple[int, int], ...]) -> list[str]:
    some = [*range(128), 0xDF, 0x4E2D, 0x1F600]
    return [chr(code) for code in some if not any(low <= code <= high for low, high in ranges)]


def _character(node: Node, luck: random.Random) -> str:
    if node[1]:
        return luck.choice(_others(node[2]))
    low, high = luck.choice(node[2])
    return chr(luck.randint(low, min(high, low + 200)))
