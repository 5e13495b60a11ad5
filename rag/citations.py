"""From a mark [n] in an answer to the sentence on the page that it rests on.

The sentence of the passage that shares most with the answer's sentence is marked; where none shares enough the whole
passage is, and the citation says that it is weak. Never a wrong sentence. Rights are asked again on every click.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Q, QuerySet

from rag import geometry
from rag.clean import joined
from rag.layout import RawPage, breaks
from rag.models import Citation, Document, Page
from rag.search import Passage
from rag.split import sentences
from rag.support import STRONG_SHARE, content, share

MAX_QUOTE_CHARS = 600
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.S)
_MARK = re.compile(r"[\[【]\s*(\d{1,3}(?:\s*,\s*\d{1,3})*)\s*[\]】]")
_MARKS_AFTER_STOP = re.compile(r"([.!?…])((?:\s*[\[【]\s*\d[\d,\s]*[\]】])+)")


@dataclass(frozen=True)
class Found:
    """A place in a page: characters of its raw text, and how well it matches (0 to 1)."""

    page_no: int
    char_start: int
    char_end: int
    quote: str
    score: float


@dataclass(frozen=True)
class Resolved:
    """A citation as the page shows it. rects are PDF points (y up, before rotation), fractions the same boxes as
    [left, top, right, bottom] between 0 and 1 of the page as shown. is_current: no newer version is being searched.
    """

    id: uuid.UUID
    message_id: uuid.UUID
    n: int
    document_id: uuid.UUID
    document_title: str
    version_number: int
    is_current: bool
    page_no: int
    page_label: str
    place: str
    page_width: float
    page_height: float
    page_rotation: int
    heading: str
    quote: str
    char_start: int
    char_end: int
    strength: str
    score: float
    rects: list[geometry.Rect]
    fractions: list[geometry.Rect]

    def summary(self) -> dict[str, object]:
        """For the page. Left out on purpose: which answer it came from."""
        return {
            "id": str(self.id),
            "n": self.n,
            "document": {
                "id": str(self.document_id),
                "title": self.document_title,
                "version": self.version_number,
                "is_current": self.is_current,
            },
            "page": {
                "index": self.page_no,
                "label": self.page_label,
                "place": self.place,
                "width": self.page_width,
                "height": self.page_height,
                "rotation": self.page_rotation,
            },
            "quote": self.quote,
            "chars": [self.char_start, self.char_end],
            "rects": self.rects,
            "fractions": self.fractions,
            "heading": self.heading,
            "strength": self.strength,
        }


def marks(answer: str) -> dict[int, list[str]]:
    """n -> the answer's sentences that carry [n]. Marks inside code do not count."""
    text = _CODE.sub(lambda match: " " * len(match.group()), answer)
    # "It rains. [1]" means the sentence before the mark.
    text = _MARKS_AFTER_STOP.sub(r"\2\1", text)
    found: dict[int, list[str]] = {}
    for start, end in sentences(text):
        sentence = text[start:end]
        bare = _MARK.sub(" ", sentence)
        for match in _MARK.finditer(sentence):
            for number in match.group(1).split(","):
                found.setdefault(int(number), []).append(bare)
    return found


@transaction.atomic
def store(message_id: uuid.UUID, passages_by_n: Mapping[int, Passage], answer_text: str = "") -> dict[int, Citation]:
    """Keep where each n points. Call it when the sources are known and again with the finished answer.

    Without an answer every passage gets a weak citation of its beginning; with one, those that the answer marks get
    their sentence. A number that was not given is dropped. The same message and n keep their id.
    """
    marked = marks(answer_text)
    pages = _pages(passages_by_n.values())
    stored: dict[int, Citation] = {}
    for n, passage in sorted(passages_by_n.items()):
        place = locate(" ".join(marked.get(n, ())), passage, pages)
        stored[n], _created = Citation.objects.update_or_create(
            message_id=message_id,
            n=n,
            defaults={
                "document_id": passage.document_id,
                "version_id": passage.version_id,
                "chunk_id": passage.chunk_id,
                "page_no": place.page_no,
                "char_start": place.char_start,
                "char_end": place.char_end,
                "quote": place.quote,
                "heading": passage.heading,
                "strength": Citation.Strength.STRONG if place.score >= STRONG_SHARE else Citation.Strength.WEAK,
                "score": round(place.score, 4),
            },
        )
    return stored


def locate(statement: str, passage: Passage, pages: Mapping[tuple[int, int], Page]) -> Found:
    """The sentence of the passage that the statement rests on, or the passage's first page part with score 0."""
    wanted = content(statement)
    best: Found | None = None
    for page_no, text, start, end, cuts in _parts(passage, pages):
        for a, b in sentences(text, start, end, cuts):
            raw = text[a:b]
            score = share(wanted, content(raw))
            if score > 0 and (best is None or score > best.score):
                best = Found(page_no, a, b, joined(raw)[:MAX_QUOTE_CHARS], score)
    if best is not None and best.score >= STRONG_SHARE:
        return best
    page_no, start, end = next((span for span in passage.spans if span[0] == passage.page_no), passage.spans[0])
    score = best.score if best is not None else 0.0
    return Found(page_no, start, end, joined(passage.text)[:MAX_QUOTE_CHARS], min(score, STRONG_SHARE - 0.01))


def resolve(employee: AbstractBaseUser, citation_id: uuid.UUID) -> Resolved:
    """Where the citation points, for somebody who may read the document now. Raises Citation.DoesNotExist."""
    citation = _readable(employee).get(pk=citation_id)
    return _resolved(citation, _page_of(citation))


def for_message(employee: AbstractBaseUser, message_id: uuid.UUID) -> list[Resolved]:
    """The citations of an answer that the employee may read now, by n."""
    citations = list(_readable(employee).filter(message_id=message_id).order_by("n"))
    return [_resolved(citation, _page_of(citation)) for citation in citations]


def _readable(employee: AbstractBaseUser) -> QuerySet[Citation]:
    return Citation.objects.for_employee(employee).select_related("document", "version")


def _page_of(citation: Citation) -> Page | None:
    return Page.objects.filter(version_id=citation.version_id, page_no=citation.page_no).first()


def _resolved(citation: Citation, page: Page | None) -> Resolved:
    rects = page.rects(citation.char_start, citation.char_end) if page else []
    width, height = page.shown_size if page else (0.0, 0.0)
    document: Document = citation.document
    return Resolved(
        id=citation.pk,
        message_id=citation.message_id,
        n=citation.n,
        document_id=document.pk,
        document_title=document.title,
        version_number=citation.version.number,
        is_current=document.live_version_id == citation.version_id,
        page_no=citation.page_no,
        page_label=page.shown_label if page else str(citation.page_no + 1),
        place=document.format.place,
        page_width=width,
        page_height=height,
        page_rotation=page.rotation if page else 0,
        heading=citation.heading,
        quote=citation.quote,
        char_start=citation.char_start,
        char_end=citation.char_end,
        strength=citation.strength,
        score=citation.score,
        rects=rects,
        fractions=page.fractions(rects) if page else [],
    )


def _pages(passages: Iterable[Passage]) -> dict[tuple[int, int], Page]:
    wanted = Q(pk__in=[])
    for passage in passages:
        numbers = [span[0] for span in passage.spans]
        wanted |= Q(version_id=passage.version_id, page_no__in=numbers)
    return {(page.version_id, page.page_no): page for page in Page.objects.filter(wanted)}


def _parts(
    passage: Passage, pages: Mapping[tuple[int, int], Page]
) -> Iterator[tuple[int, str, int, int, Sequence[int]]]:
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
