"""From paragraphs to chunks of about 260 tokens that never leave their section. Pure apart from the counter.

No overlap: neighbours are added when passages are packed. Anchors are character spans in the raw page texts, so
nothing is ever searched for again as a string.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from rag.clean import joined
from rag.layout import Block, OutlineItem, RawPage, Span, blocks

TARGET_TOKENS = 260
MAX_TOKENS = 480
# The prefix of title and headings may take a quarter of what is embedded.
MAX_PREFIX_TOKENS = 60
HARD_BREAK_LEVEL = 2
# What is compared with a question besides the chunk. Two or three in a chunk.
EXCERPT_CHARS = 400

_HEADING_MARKS = re.compile(r"^[#=\s]+|[#=\s]+$")
CountTokens = Callable[[Sequence[str]], list[int]]


@dataclass(frozen=True)
class Piece:
    """A paragraph, or a part of one that was too long."""

    text: str
    spans: tuple[Span, ...]
    level: int | None
    num_tokens: int


@dataclass
class Draft:
    """A chunk before it is stored."""

    heading: str
    pieces: list[Piece] = field(default_factory=list)

    @property
    def body(self) -> str:
        return "\n".join(piece.text for piece in self.pieces)

    @property
    def num_tokens(self) -> int:
        return sum(piece.num_tokens for piece in self.pieces)

    @property
    def spans(self) -> list[Span]:
        """Neighbouring spans of a page are one: what lies between them is line ends."""
        merged: list[Span] = []
        for span in (span for piece in self.pieces for span in piece.spans):
            if merged and merged[-1][0] == span[0] and 0 <= span[1] - merged[-1][2] <= 2:
                merged[-1] = (span[0], merged[-1][1], max(merged[-1][2], span[2]))
            else:
                merged.append(span)
        return merged

    @property
    def has_body(self) -> bool:
        return any(piece.level is None for piece in self.pieces)


def split(pages: Sequence[RawPage], outline: Sequence[OutlineItem], count_tokens: CountTokens) -> list[Draft]:
    """The chunks of a document in reading order, each at most MAX_TOKENS long by the counter given."""
    found = blocks(pages, outline)
    texts = {page.page_no: page.text for page in pages}
    return pack(sized(found, texts, count_tokens))


def estimate_tokens(texts: Sequence[str]) -> list[int]:
    """For when no tokenizer can be asked: rather too many. Measured 4.05 characters a token for e5 on manuals."""
    return [len(text.encode()) // 3 + 2 for text in texts]


def sized(found: Sequence[Block], texts: dict[int, str], count_tokens: CountTokens) -> list[Piece]:
    """Every block as pieces of at most MAX_TOKENS: first by sentences, then at spaces.

    All that is too long is cut and counted in the same round, so that a document costs a few requests.
    """
    bodies = [block.text for block in found]
    pieces = [
        [Piece(block.text, tuple(block.spans), block.level, num_tokens)]
        for block, num_tokens in zip(found, count_tokens(bodies) if bodies else [], strict=True)
    ]
    cut: Callable[[Piece, dict[int, str]], list[Piece]] = _by_sentences
    while too_long := [parts for parts in pieces if any(_is_too_long(part) for part in parts)]:
        for parts in too_long:
            parts[:] = [smaller for part in parts for smaller in (cut(part, texts) if _is_too_long(part) else [part])]
        new = [part for parts in too_long for part in parts if part.num_tokens < 0]
        counts = dict(zip(map(id, new), count_tokens([part.text for part in new]) if new else [], strict=True))
        for parts in too_long:
            parts[:] = [replace(part, num_tokens=counts[id(part)]) if id(part) in counts else part for part in parts]
        cut = _in_halves
    return [part for parts in pieces for part in (_grouped(parts) if len(parts) > 1 else parts) if part.text]


def pack(pieces: Iterable[Piece]) -> list[Draft]:
    """Greedy: fill up to the target, break before headings, take the heading along with what it heads."""
    drafts: list[Draft] = []
    path: list[tuple[int, str]] = []
    current = Draft("")
    for piece in pieces:
        if piece.level is not None:
            path = [(level, text) for level, text in path if level < piece.level] + [
                (piece.level, title_of(piece.text))
            ]
        if _must_break(current, piece):
            drafts.append(current)
            current = Draft("")
        if not current.has_body:
            current.heading = " > ".join(text for _level, text in path)[:500]
        current.pieces.append(piece)
    return [draft for draft in [*drafts, current] if draft.pieces]


def title_of(heading: str) -> str:
    """Without Markdown's and a wiki's marks."""
    return _HEADING_MARKS.sub("", heading) or heading


def _must_break(current: Draft, piece: Piece) -> bool:
    if not current.pieces:
        return False
    after = current.num_tokens + piece.num_tokens
    if after > MAX_TOKENS:
        return True
    if not current.has_body:
        return False
    if piece.level is not None:
        return piece.level <= HARD_BREAK_LEVEL or current.num_tokens >= TARGET_TOKENS // 2
    overshoot, shortfall = after - TARGET_TOKENS, TARGET_TOKENS - current.num_tokens
    return overshoot > 0 and overshoot > shortfall


_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+(?=[\"'“‘(\[]*[A-ZÄÖÜ0-9])|(?<=[。！？])|\r?\n(?=\s*[•\-–*]\s)")
_ABBREVIATION = re.compile(
    r"(?:\b(?:[A-Za-z]|e\.g|i\.e|z\.\s?B|d\.\s?h|u\.\s?a|etc|usw|bzw|ca|vgl|cf|vs|Nr|No|Abs|Art|Fig|Abb|Tab|Dr|Prof|Mr|Mrs|St))\.$"
)


def sentences(text: str, start: int = 0, end: int | None = None, cuts: Iterable[int] = ()) -> list[tuple[int, int]]:
    """(start, end) of each sentence in text[start:end], whitespace outside; none goes over one of the cuts.

    A regex and a list of abbreviations, no model.
    """
    stop = len(text) if end is None else end
    edges = [start, *(cut for cut in sorted(cuts) if start < cut < stop), stop]
    return [each for a, b in itertools.pairwise(edges) for each in _sentences(text, a, b)]


def _sentences(text: str, start: int, stop: int) -> Iterator[tuple[int, int]]:
    part, first = text[start:stop], 0
    ends = [match for match in _SENTENCE_END.finditer(part) if not _is_abbreviated(part, match.start())]
    for end in [*(match.end() for match in ends), len(part)]:
        raw = part[first:end]
        if raw.strip():
            yield start + first + len(raw) - len(raw.lstrip()), start + first + len(raw.rstrip())
        first = end


def _is_abbreviated(text: str, position: int) -> bool:
    return bool(_ABBREVIATION.search(text[max(0, position - 12) : position]))


def excerpts(body: str) -> list[str]:
    """A chunk's text in parts of whole sentences and lines, at most EXCERPT_CHARS long unless a sentence is longer."""
    found: list[str] = []
    for start, end in sentences(body, cuts=line_starts(body)):
        if found and len(found[-1]) + end - start <= EXCERPT_CHARS:
            found[-1] += " " + body[start:end]
        else:
            found.append(body[start:end])
    return found


def line_starts(text: str) -> list[int]:
    """Where lines begin. In a passage's body a line is a paragraph, a heading or a row."""
    return [match.end() for match in re.finditer("\n", text)]


def _is_too_long(piece: Piece) -> bool:
    """A single character cannot be cut, however many tokens it is."""
    return piece.num_tokens > MAX_TOKENS and any(end - start > 1 for _page_no, start, end in piece.spans)


def _by_sentences(piece: Piece, texts: dict[int, str]) -> list[Piece]:
    """One piece a sentence, not counted yet."""
    return [
        Piece(joined(texts[page_no][start + a : start + b]), ((page_no, start + a, start + b),), piece.level, -1)
        for page_no, start, end in piece.spans
        for a, b in sentences(texts[page_no][start:end])
    ]


def _in_halves(piece: Piece, texts: dict[int, str]) -> list[Piece]:
    """Cut at the space nearest before the middle, not counted yet."""
    page_no, start, end = piece.spans[0]
    raw, middle = texts[page_no], (start + end) // 2
    space = max(raw.rfind(" ", start + 1, middle), raw.rfind("\n", start + 1, middle))
    middle = space if space > start + (end - start) // 4 else middle
    halves = ((start, middle), (middle, end))
    return [Piece(joined(raw[a:b]), ((page_no, a, b),), piece.level, -1) for a, b in halves]


def _grouped(parts: Iterable[Piece]) -> list[Piece]:
    """Sentences back together while they stay below the target."""
    grouped: list[Piece] = []
    for part in parts:
        last = grouped[-1] if grouped else None
        if last is not None and last.num_tokens + part.num_tokens <= TARGET_TOKENS:
            grouped[-1] = replace(
                last,
                text=f"{last.text} {part.text}",
                spans=(*last.spans, *part.spans),
                num_tokens=last.num_tokens + part.num_tokens,
            )
        else:
            grouped.append(part)
    return grouped
