"""Pieces of GBNF, llama.cpp's notation for grammars."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Any

MAX_GRAMMAR_CHARS = 256 * 1024
# Of any_text_of: how few texts are simply listed, and how often they are parted.
_FEW, _MOST_TURNS = 8, 12
ANY_OBJECT: dict[str, Any] = {"type": "object"}

# Half of a surrogate pair is no character, so \u may not spell one. A control token's text is no word either, but
# that is the sampler's business: a grammar knows characters only.
BASE = r"""
ws ::= | " " | "\n" [ \t]{0,20}
plain ::= [^"\\\x00-\x1f\x7f]
hex ::= [0-9a-fA-F]
char ::= plain | "\\" (["\\/bfnrt] | "u" ([0-9a-cA-CefEF] hex{3} | [dD] [0-7] hex{2}))
string ::= "\"" char* "\""
integer ::= "-"? ("0" | [1-9] [0-9]{0,15})
number ::= integer ("." [0-9]{1,16})? ([eE] [-+]? [0-9]{1,2})?
boolean ::= "true" | "false"
null ::= "null"
value ::= object | array | string | number | boolean | null
object ::= "{" ws (string ":" ws value ("," ws string ":" ws value)*)? ws "}"
array ::= "[" ws (value ("," ws value)*)? ws "]"
"""


class SchemaRefused(ValueError):
    """With a sentence for the caller."""


def literal(text: str) -> str:
    """A quoted terminal."""
    return '"' + re.sub(r'[\\"\x00-\x1f\x7f]', lambda found: f"\\x{ord(found[0]):02x}", text) + '"'


def one_of(characters: str, *, but: bool = False) -> str:
    """A class of single characters; with `but`, of all others."""
    escaped = "".join(f"\\x{ord(c):02x}" if ord(c) < 128 and not c.isalnum() else c for c in sorted(characters))
    return f"[{'^' if but else ''}{escaped}]"


def any_text_of(texts: Sequence[str], depth: int = 0) -> str:
    """Alternatives; many of them by their common beginnings, because every open one is asked about each token."""
    if len(texts) <= _FEW or depth > _MOST_TURNS:
        return " | ".join(map(literal, texts))
    found = []
    for _, group in itertools.groupby(sorted(set(texts)), key=lambda text: text[:1]):
        same = list(group)
        if len(same) == 1:
            found.append(literal(same[0]))
            continue
        pairs = enumerate(zip(same[0], same[-1], strict=False))  # sorted, so what these two share all share
        beginning = same[0][: next((n for n, (one, other) in pairs if one != other), len(same[0]))]
        found.append(f"{literal(beginning)} ({any_text_of([text[len(beginning) :] for text in same], depth + 1)})")
    return " | ".join(found)


def until(mark: str, name: str) -> dict[str, str]:
    """Rules, the first called `name`, for any text that ends with the first `mark` in it, which is included.

    One rule for each beginning of the mark that was just seen (Knuth, Morris and Pratt), so no text can hide a mark.
    """
    rules = {}
    for seen in range(len(mark)):
        following: dict[int, str] = {}
        for character in sorted(set(mark)):
            text = mark[:seen] + character
            longest = next(n for n in range(len(text), -1, -1) if text.endswith(mark[:n]))
            following[longest] = following.get(longest, "") + character
        back = following.pop(0, "")
        parts = [
            f"{one_of(characters)}{'' if state == len(mark) else ' ' + _state(name, state)}"
            for state, characters in following.items()
        ]
        parts.append(f"{one_of(mark, but=True)} {name}")
        if back:
            parts.append(f"{one_of(back)} {name}")
        rules[_state(name, seen)] = " | ".join(parts)
    return rules


def _state(name: str, seen: int) -> str:
    return f"{name}{seen}" if seen else name
