"""From raw page text to the copy that is embedded, searched and shown to models. Pure.

Offsets always mean the raw text; nothing here is ever mapped back. What nobody can see is dropped, because a
hidden instruction is still one: tag characters, direction overrides, zero-width characters.
"""

from __future__ import annotations

import re
import unicodedata

# ZWNJ and ZWJ shape Arabic, Persian and Indic words and stay between such letters.
_JOINERS = "\u200c\u200d"
_INVISIBLE = re.compile(
    "[\U000e0000-\U000e007f"  # tags
    "\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c"  # direction
    "\u200b\u2060-\u2065\ufeff\u180e"  # zero width
    "\ufff9-\ufffb]"  # interlinear annotation
)
_STRAY_JOINER = re.compile(
    f"(?<![\u0600-\u08ff\u0900-\u0dff])[{_JOINERS}]|[{_JOINERS}](?![\u0600-\u08ff\u0900-\u0dff])"
)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_LINE_END = re.compile(r"\s*(?:\r\n|\r|\n)\s*")
# A hyphen between a letter and a lower-case letter at a line's end was put there by the typesetter.
_HYPHENATED = re.compile(r"(?<=[^\W\d_])(?:\u00ad|\u2010|-)[ \t]*(?:\r\n|\r|\n)[ \t]*(?=[^\W\d_A-ZÄÖÜ])")
_SOFT_HYPHEN_AT_END = re.compile(r"\u00ad[ \t]*(?:\r\n|\r|\n)[ \t]*")

_WORD = re.compile(r"[A-Za-zÄÖÜäöüß]{4,}")
_MEANINGLESS = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ufffd\ue000-\uf8ff]")
_VOWEL = re.compile(r"[aeiouyäöü]", re.I)
# What tells text that a font's wrong or missing table of characters made.
JUNK_SHARE, VOWEL_SHARE, MIN_WORDS, SAMPLE_CHARS = 0.3, 0.5, 30, 4_000


def num_visible(text: str) -> int:
    """Characters that are no space. Fast: it is asked of every page."""
    return len("".join(text.split()))


def is_junk(text: str) -> bool:
    """Are these characters without meaning, or words that neither English nor German can have?"""
    sample = text[:SAMPLE_CHARS]
    num_seen = num_visible(sample)
    if len(_MEANINGLESS.findall(sample)) > JUNK_SHARE * max(num_seen, 1):
        return True
    words = _WORD.findall(sample)
    if len(words) < MIN_WORDS or sum(map(len, words)) < num_seen / 2:
        return False
    return sum(map(bool, map(_VOWEL.search, words))) < VOWEL_SHARE * len(words)


def visible(text: str) -> str:
    """Without the characters that nobody sees. Line ends stay."""
    text = _INVISIBLE.sub("", text)
    text = _STRAY_JOINER.sub("", text)
    return _CONTROL.sub(" ", text)


def joined(text: str) -> str:
    """One line of visible text: typesetters' hyphens joined, ligatures spelled out, spaces single."""
    text = visible(text)
    text = _HYPHENATED.sub("", text)
    text = _SOFT_HYPHEN_AT_END.sub("-", text).replace("\u00ad", "")
    text = _LINE_END.sub(" ", text)
    return " ".join(unicodedata.normalize("NFKC", text).split())
