"""From a sentence of an answer to the sentences of a passage that it rests on. Pure apart from the given comparison.

The best sentence first, then at most two more that bear out what the first does not. Where no sentence shares enough,
the place is the passage as a whole, and weak. Never a wrong sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from rag.clean import joined
from rag.layout import RawPage, breaks
from rag.meaning import is_foreign
from rag.models import Page
from rag.search import Passage
from rag.split import sentences
from rag.support import STRONG_SHARE, Content, content, share, weight

MAX_QUOTE_CHARS = 600
MAX_SENTENCES = 3
# A second sentence must bear out that much of the statement which the first does not, and more than a word of it.
MIN_GAIN = 0.25
MIN_GAIN_WEIGHT = 2.0

Pages = Mapping[tuple[int, int], Page]
Compare = Callable[[str, Sequence[str]], int | None]


@dataclass(frozen=True)
class Found:
    """A place in a page: characters of its raw text, and how well it matches (0 to 1)."""

    page_no: int
    char_start: int
    char_end: int
    quote: str
    score: float

    @property
    def is_strong(self) -> bool:
        return self.score >= STRONG_SHARE

    @property
    def strength(self) -> str:
        return "strong" if self.is_strong else "weak"


def locate(statement: str, passage: Passage, pages: Pages, means: Compare | None = None) -> list[Found]:
    """The sentences that the statement rests on, best first, or one weak place: what the passage holds of its page.

    means: which of some sentences says the same in another language, see rag.meaning.best.
    """
    wanted = content(statement)
    candidates = [
        (Found(page_no, a, b, _quote(text[a:b]), share(wanted, held)), held)
        for page_no, text, start, end, cuts in _parts(passage, pages)
        for a, b in sentences(text, start, end, cuts)
        if (held := content(text[a:b]))
    ]
    best, held = max(candidates, key=lambda each: each[0].score, default=(None, Content()))
    if best is None or not best.is_strong:
        same = _by_meaning(statement, passage, [found for found, _held in candidates], means)
        return [same or _whole(passage, best.score if best else 0.0)]
    return [best, *_others(wanted, held, [each for each in candidates if each[0] is not best])]


def _by_meaning(statement: str, passage: Passage, found: Sequence[Found], means: Compare | None) -> Found | None:
    if means is None or not statement.strip() or not is_foreign(statement, passage.text):
        return None
    index = means(statement, [each.quote for each in found])
    return None if index is None else replace(found[index], score=STRONG_SHARE)


def _others(wanted: Content, held: Content, candidates: Sequence[tuple[Found, Content]]) -> Iterator[Found]:
    """What else is needed for the rest of the statement, if there is a rest."""
    rest = wanted - held
    for _number in range(MAX_SENTENCES - 1):
        gain, found, more = max(
            ((weight(rest & more), found, more) for found, more in candidates),
            key=lambda each: (each[0], each[1].score),
            default=(0.0, None, Content()),
        )
        if found is None or gain < max(MIN_GAIN_WEIGHT, MIN_GAIN * weight(wanted)):
            return
        yield Found(found.page_no, found.char_start, found.char_end, found.quote, STRONG_SHARE)
        rest -= more


def _whole(passage: Passage, score: float) -> Found:
    """All that the passage holds of its page."""
    page_no = passage.page_no if any(span[0] == passage.page_no for span in passage.spans) else passage.spans[0][0]
    mine = [span for span in passage.spans if span[0] == page_no]
    start, end = min(span[1] for span in mine), max(span[2] for span in mine)
    return Found(page_no, start, end, _quote(passage.text), min(score, STRONG_SHARE - 0.01))


def _quote(raw: str) -> str:
    return joined(raw)[:MAX_QUOTE_CHARS]


def _parts(passage: Passage, pages: Pages) -> Iterator[tuple[int, str, int, int, Sequence[int]]]:
    """(page_no, its text, from, to, where sentences end at the latest) of what the passage holds of each page."""
    cuts: dict[int, list[int]] = {}
    for page_no, start, end in passage.spans:
        page = pages.get((passage.version_id, page_no))
        if page is None:
            continue
        if page_no not in cuts:
            raw = RawPage(page_no, page.text, page.lines, page.height)
            cuts[page_no] = breaks(raw, passage.heading.split(" > "))
        yield page_no, page.text, start, end, cuts[page_no]
