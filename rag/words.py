"""Words as the index and a question both see them, so that the two meet. Pure.

PostgreSQL's parser has its own idea of hyphens, dots and file names: ABC-1234 becomes "abc" and "-1234". So the
parts of every identifier are written beside the text, and a question takes its words apart in the same way.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

_WORD = re.compile(r"[^\W_]+")
_IDENTIFIER = re.compile(
    r"[^\W_]+(?:[-_./:@+][^\W_]+)+|[a-z]+(?:[A-Z][a-z0-9]+)+|[^\W\d_]+\d+[^\W_]*|\d+[^\W\d_]+[^\W_]*"
)
_PART = re.compile(r"[A-ZÄÖÜ]?[a-zäöüß]+|[A-ZÄÖÜ]+(?![a-z])|\d+|[^\W\d_]+")
_CODE = re.compile(r"\d|\"|„|“|[^\W_]+[-_./:][^\W_]+|\b[A-Z]{2,}\b|[a-z][A-Z]")
MAX_QUESTION_WORDS = 64


def words(text: str) -> list[str]:
    """Lower-case words in order."""
    return [match.group().casefold() for match in _WORD.finditer(text)]


def identifier_parts(text: str) -> list[str]:
    """For ABC-1234: "abc", "1234" and "abc1234". In order of appearance, each once."""
    found: dict[str, None] = {}
    for match in _IDENTIFIER.finditer(text):
        parts = [part.casefold() for part in _PART.findall(match.group())]
        if len(parts) > 1:
            found.update(dict.fromkeys(parts))
            found["".join(parts)] = None
    return list(found)


def question_words(question: str) -> list[str]:
    """What to look up for a question: its words and the parts of its identifiers, each once, at most 64."""
    return list(dict.fromkeys([*words(question), *identifier_parts(question)]))[:MAX_QUESTION_WORDS]


def looks_exact(question: str) -> bool:
    """It names a code, a number or a quotation: words will find that better than meaning."""
    return bool(_CODE.search(question))


def fingerprint(text: str) -> int:
    """The same for texts that differ in case, spacing and punctuation only. Fits a signed 64-bit column."""
    digest = hashlib.blake2b(" ".join(words(text)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


_STOP_WORDS = {
    "english": "the of and to in is that it for on with as are was be by this not or from at which have an can if "
    "will you your when what how do does who where we our they their has been must may should",
    "german": "der die das und ist nicht ein eine einen mit von zu den auf für im dem des sich auch wird werden als "
    "sind oder bei wie wenn wer was wann kann muss ich sie wir es hat nach aus am zum zur durch über",
}
_STOP_SETS = {language: frozenset(text.split()) for language, text in _STOP_WORDS.items()}
STOP_WORDS: frozenset[str] = frozenset().union(*_STOP_SETS.values())
# An eighth of running text in either language are these words; a table of names has none.
_MIN_SHARE = 0.08


def language(text: str | Iterable[str]) -> str:
    """ "english", "german" or "simple": the name of PostgreSQL's text search configuration."""
    found = words(text) if isinstance(text, str) else list(text)
    if not found:
        return "simple"
    shares = {name: sum(word in stop for word in found) / len(found) for name, stop in _STOP_SETS.items()}
    best = max(shares, key=lambda name: shares[name])
    return best if shares[best] >= _MIN_SHARE else "simple"
