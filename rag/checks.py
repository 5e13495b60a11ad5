"""What an answer's sentence says that its sources do not: numbers, dates, amounts and names. Pure.

A mark here accuses, so doubt goes in favour of the answer: 1.000 may be a thousand or one, a month may be a word or a
number, and a German noun is no name because it is capitalised.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from rag.clean import joined
from rag.words import STOP_WORDS, language, words

MAX_MISSING = 4
# 1 000 may be a thousand, or two numbers that stand side by side.
_NUMBER = re.compile(
    r"(?<![\w.,])\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?!\d)(?:[.,]\d+)?|"
    r"(?<![\w.,])\d+(?:[.,'’\u00a0\u202f]\d+)*|(?<=[^\W\d_])\d+|(?<=[.,-])\d+"
)
_UNIT_CHARS = 5
_GERMAN_WORDS = frozenset(
    [
        "der",
        "die",
        "das",
        "den",
        "dem",
        "des",
        "und",
        "ist",
        "nicht",
        "ein",
        "eine",
        "einen",
        "einem",
        "einer",
        "es",
        "man",
        "mit",
        "von",
        "zu",
        "zum",
        "zur",
        "auf",
        "für",
        "im",
        "wird",
        "werden",
        "sind",
        "oder",
        "bei",
        "wie",
        "aus",
        "nach",
        "nein",
        "ja",
        "ab",
        "über",
        "unter",
        "sich",
        "auch",
        "nur",
        "kann",
        "muss",
    ]
)
_TOKEN = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")
_ENGLISH = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_GERMAN = ["eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn", "elf", "zwölf"]
_TENS = ["zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig"]
_TENS_EN = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_ORDINALS = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"]
_ORDINALS_DE = ["erst", "zweit", "dritt", "viert", "fünft", "sechst", "siebt", "acht", "neunt", "zehnt"]
_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_MONTHS_DE = [
    "januar",
    "februar",
    "märz",
    "april",
    "mai",
    "juni",
    "juli",
    "august",
    "september",
    "oktober",
    "november",
    "dezember",
]
_DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_DAYS_DE = ["montag", "dienstag", "mittwoch", "donnerstag", "freitag", "samstag", "sonntag", "sonnabend"]
_WORDS: dict[str, str] = {
    **{word: str(n) for names in (_ENGLISH, _GERMAN) for n, word in enumerate(names, start=1)},
    **{word: str(10 * n) for names in (_TENS, _TENS_EN) for n, word in enumerate(names, start=2)},
    "dreissig": "30",
    "hundred": "100",
    "hundert": "100",
    "thousand": "1000",
    "tausend": "1000",
    "half": "0.5",
    "halbe": "0.5",
    "twice": "2",
    "zweimal": "2",
    "once": "1",
    "einmal": "1",
    "double": "2",
    "doppelt": "2",
}
# What only the source may say in a word: "a" and "first" are no claims of a number.
_SOURCE_WORDS: dict[str, str] = _WORDS | {
    **dict.fromkeys(("a", "an", "single", "ein", "eine", "einen", "einem", "einer", "eines"), "1"),
    **{word: str(n) for n, word in enumerate(_ORDINALS, start=1)},
    **{f"{word}e{end}": str(n) for n, word in enumerate(_ORDINALS_DE, start=1) for end in ("", "n", "r", "s", "m")},
    **{word: str(n) for names in (_MONTHS, _MONTHS_DE) for n, word in enumerate(names, start=1)},
    **{word[:3]: str(n) for names in (_MONTHS, _MONTHS_DE) for n, word in enumerate(names, start=1)},
    "both": "2",
    "beide": "2",
    "beiden": "2",
    "pair": "2",
    "dozen": "12",
    "dutzend": "12",
}
_CLAIMED = {word for word, value in _WORDS.items() if value not in ("1", "0.5")} - {"acht", "second"}
_SCALES = {"million": 6, "millionen": 6, "mio": 6, "billion": 9, "milliarden": 9, "mrd": 9, "thousand": 3, "tausend": 3}
_NO_NAMES = {*_MONTHS, *_MONTHS_DE, *_DAYS, *_DAYS_DE, *_WORDS, *_ORDINALS, "yes", "no", "ja", "nein", "note",
             "source", "sources", "quelle", "quellen", "table", "figure", "section", "chapter", "page", "tabelle",
             "abbildung", "abschnitt", "kapitel", "seite", "answer", "question", "however", "therefore"}  # fmt: skip
_PREFIX_CHARS = 4  # Norway, Norwegian


class Held:
    """What sources say, read once for all statements that cite them. Names may also come from the question."""

    def __init__(self, sources: Iterable[str], question: str = "") -> None:
        known = " \n ".join(joined(text) for text in sources)
        self._values = _values_in(known)
        self._folded = known.casefold()
        self._names = f"{self._folded} \n {joined(question).casefold()}"
        self._tokens = frozenset(words(self._names))
        self._prefixes = frozenset(token[:_PREFIX_CHARS] for token in self._tokens)

    def missing(self, statement: str) -> list[str]:
        """Words of the statement, as written and in order, that no source holds: at most four.

        A number in the question makes it no truer.
        """
        said = joined(statement)
        absent = [*self._absent_numbers(said), *self._absent_names(said)]
        whole = [(at, text) for at, text in absent if not any(_holds(other, at, text) for other in absent)]
        return list(dict.fromkeys(text for _position, text in sorted(whole)))[:MAX_MISSING]

    def _absent_numbers(self, said: str) -> Iterator[tuple[int, str]]:
        for match in _NUMBER.finditer(said):
            readings = _readings(match.group(), said[match.end() :])
            if not readings & self._values and not _parts_are(match.group(), self._values):
                yield match.start(), match.group()
        for match in _TOKEN.finditer(said):
            word = match.group().casefold()
            if word in _CLAIMED and _WORDS[word] not in self._values and word not in self._folded:
                yield match.start(), match.group()

    def _absent_names(self, said: str) -> Iterator[tuple[int, str]]:
        is_german = language(said) == "german" or not _GERMAN_WORDS.isdisjoint(words(said))
        for match in _TOKEN.finditer(said):
            if _is_name(match, said, is_german=is_german) and not self._knows(match.group()):
                yield match.start(), match.group()

    def _knows(self, name: str) -> bool:
        return name.casefold() in self._names or all(
            part in self._tokens
            or (len(part) > _PREFIX_CHARS and part[:_PREFIX_CHARS] in self._prefixes)
            or len(part) < 2
            for part in words(name)
        )


def missing(statement: str, sources: Iterable[str], question: str = "") -> list[str]:
    """See Held.missing."""
    return Held(sources, question).missing(statement)


def _holds(other: tuple[int, str], position: int, text: str) -> bool:
    """The 4 of GPT-4."""
    start, longer = other
    return len(longer) > len(text) and start <= position < start + len(longer)


def _values_in(text: str) -> set[str]:
    """Every number of the text in all its readings, those in words too."""
    found: set[str] = set()
    for match in _NUMBER.finditer(text):
        found |= _readings(match.group(), text[match.end() :])
        found |= {_plain(part) for part in re.split(r"\D", match.group()) if part}
    tokens = words(text)
    found |= {_SOURCE_WORDS[word] for word in tokens if word in _SOURCE_WORDS}
    for tens, ones in pairwise(tokens):
        if _WORDS.get(tens, "").endswith("0") and len(_WORDS.get(ones, "")) == 1:
            found.add(str(int(_WORDS[tens]) + int(_WORDS[ones])))
    for word in tokens:  # fünfundzwanzig
        ones, _und, tens = word.partition("und")
        if tens in _TENS and (ones in _GERMAN or ones == "ein"):
            found.add(str(int(_WORDS[tens]) + int(_WORDS.get(ones, "1"))))
    return found


def _readings(number: str, after: str) -> set[str]:
    """1.000 is a thousand to one reader and one to another; 2,5 million is 2500000."""
    clean = re.sub(r"['’ \u00a0\u202f]", "", number)
    marks = re.findall(r"[.,]", clean)
    found: set[str] = set()
    if not marks:
        found.add(_plain(clean))
    if marks and re.fullmatch(r"\d{1,3}(?:[.,]\d{3})+", clean):
        found.add(_plain(re.sub(r"[.,]", "", clean)))
    if len(marks) == 1:
        found.add(_plain(clean.replace(",", ".")))
    elif len(set(marks)) == 2 and marks.count(marks[-1]) == 1:
        whole, _mark, part = clean.rpartition(marks[-1])
        found.add(_plain(f"{re.sub(r'[.,]', '', whole)}.{part}"))
    elif marks:
        found.add(clean)
    scale = _SCALES.get((words(after[:14]) or [""])[0], 0)
    return found | {_scaled(value, scale) for value in found if scale and value.count(".") < 2}


def _scaled(value: str, zeros: int) -> str:
    whole, _point, part = value.partition(".")
    return _plain(whole + part.ljust(zeros, "0")) if len(part) <= zeros else value


def _plain(number: str) -> str:
    """007 and 7, 2.50 and 2.5 are the same."""
    whole, point, part = number.partition(".")
    part = part.rstrip("0")
    return (whole.lstrip("0") or "0") + (point + part if part else "")


def _parts_are(number: str, available: set[str]) -> bool:
    """A date, a version or a row of numbers, of which the source has every part: 14.03.2026 and 14 March 2026."""
    parts = re.split(r"\D", number)
    return (len(parts) > 2 or re.search(r"\s", number) is not None) and all(_plain(part) in available for part in parts)


def _is_name(match: re.Match[str], text: str, *, is_german: bool) -> bool:
    token = match.group()
    if token.isdigit() or len(token) < 2 or not {*words(token)}.isdisjoint(_NO_NAMES | STOP_WORDS):
        return False
    if any(char.isdigit() for char in token):
        return any(char.isupper() for char in token)
    if any(char.isupper() for char in token[1:]):
        # 10 kOhm is 10 kΩ.
        return not (len(token) <= _UNIT_CHARS and re.search(r"\d\s?$", text[: match.start()]))
    if not token[0].isupper() or len(token) < 3:
        return False
    before = text[: match.start()].rstrip(" \"'“„(*_")
    return bool(before) and before[-1] not in ".!?:•-–|#>;…" and not is_german
