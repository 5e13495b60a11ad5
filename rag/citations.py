"""Where a mark [n] points, for somebody who may read the document now. Rights are asked again on every click.

A citation is one source of one answer; rag/citing.py makes it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Q, QuerySet

from rag import geometry
from rag.clean import joined
from rag.locating import Found
from rag.models import Citation, Document, Page, Version

AROUND_CHARS = 160


@dataclass(frozen=True)
class Spot:
    """One place as the page shows it. rects are PDF points (y up, before rotation), fractions the same boxes as
    [left, top, right, bottom] between 0 and 1 of the page as shown. before and after are what stands around the quote.
    """

    page_no: int
    page_label: str
    page_width: float
    page_height: float
    page_rotation: int
    quote: str
    before: str
    after: str
    char_start: int
    char_end: int
    strength: str
    rects: list[geometry.Rect]
    fractions: list[geometry.Rect]
    is_scanned: bool = False
    """The text was read out of the page's picture."""

    def summary(self) -> dict[str, object]:
        return {
            "page": {
                "index": self.page_no,
                "label": self.page_label,
                "width": self.page_width,
                "height": self.page_height,
                "rotation": self.page_rotation,
            },
            "quote": self.quote,
            "before": self.before,
            "after": self.after,
            "chars": [self.char_start, self.char_end],
            "rects": self.rects,
            "fractions": self.fractions,
            "strength": self.strength,
            "is_scanned": self.is_scanned,
        }


@dataclass(frozen=True)
class Resolved:
    """A citation for somebody who may read its document now. is_current: no newer version is being searched.

    uses: for each mark with this n, in the order of the answer, {"places": [indexes], "strength", "missing": [words]}.
    """

    id: uuid.UUID
    message_id: uuid.UUID
    n: int
    document_id: uuid.UUID
    document_title: str
    version_number: int
    is_current: bool
    place: str
    num_pages: int
    size_bytes: int
    heading: str
    strength: str
    score: float
    places: list[Spot]
    uses: list[dict[str, Any]]

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
                "place": self.place,
                "num_pages": self.num_pages,
                "size_bytes": self.size_bytes,
            },
            "heading": self.heading,
            "strength": self.strength,
            "places": [spot.summary() for spot in self.places],
            "uses": self.uses,
        }


def resolve(employee: AbstractBaseUser, citation_id: uuid.UUID) -> Resolved:
    """Where the citation points, for somebody who may read the document now. Raises Citation.DoesNotExist."""
    citation = _readable(employee).get(pk=citation_id)
    return _resolved(citation, _pages_of([citation]))


def for_message(employee: AbstractBaseUser, message_id: uuid.UUID) -> list[Resolved]:
    """The citations of an answer that the employee may read now, by n."""
    citations = list(_readable(employee).filter(message_id=message_id).order_by("n"))
    pages = _pages_of(citations)
    return [_resolved(citation, pages) for citation in citations]


def version(employee: AbstractBaseUser, citation_id: uuid.UUID) -> tuple[Document, Version]:
    """What the answer was given, also when a newer version is searched now. Raises Citation.DoesNotExist."""
    citation = _readable(employee).get(pk=citation_id)
    return citation.document, citation.version


def page(employee: AbstractBaseUser, citation_id: uuid.UUID, page_no: int) -> tuple[Document, Page]:
    """A page of the cited version, from 0. Raises Citation.DoesNotExist, Page.DoesNotExist."""
    document, cited = version(employee, citation_id)
    return document, Page.objects.get(version=cited, page_no=page_no)


def _readable(employee: AbstractBaseUser) -> QuerySet[Citation]:
    return Citation.objects.for_employee(employee).select_related("document", "version")


def _pages_of(citations: Sequence[Citation]) -> dict[tuple[int, int], Page]:
    wanted = Q(pk__in=[])
    for citation in citations:
        numbers = {citation.page_no, *(place[0] for place in citation.places)}
        wanted |= Q(version_id=citation.version_id, page_no__in=numbers)
    return {(each.version_id, each.page_no): each for each in Page.objects.filter(wanted)}


def _resolved(citation: Citation, pages: Mapping[tuple[int, int], Page]) -> Resolved:
    document, cited = citation.document, citation.version
    kept = citation.places or [[citation.page_no, citation.char_start, citation.char_end, citation.score]]
    return Resolved(
        id=citation.pk,
        message_id=citation.message_id,
        n=citation.n,
        document_id=document.pk,
        document_title=document.title,
        version_number=cited.number,
        is_current=document.live_version_id == citation.version_id,
        place=cited.format.place,
        num_pages=cited.num_pages,
        size_bytes=cited.size_bytes,
        heading=citation.heading,
        strength=citation.strength,
        score=citation.score,
        places=[
            _spot(pages.get((citation.version_id, page_no)), Found(page_no, start, end, citation.quote, score))
            for page_no, start, end, score in kept
        ],
        uses=citation.uses,
    )


def _spot(page: Page | None, place: Found) -> Spot:
    start, end = place.char_start, place.char_end
    rects = page.rects(start, end) if page else []
    width, height = page.shown_size if page else (0.0, 0.0)
    text = page.text if page else ""
    return Spot(
        page_no=place.page_no,
        page_label=page.shown_label if page else str(place.page_no + 1),
        page_width=width,
        page_height=height,
        page_rotation=page.rotation if page else 0,
        quote=joined(text[start:end])[:600] if page else place.quote,
        before=joined(text[max(0, start - AROUND_CHARS) : start]),
        after=joined(text[end : end + AROUND_CHARS]),
        char_start=start,
        char_end=end,
        strength=place.strength,
        rects=rects,
        fractions=page.fractions(rects) if page else [],
        is_scanned=page is not None and page.source == Page.Source.OCR,
    )


def forget(message_ids: Iterable[uuid.UUID]) -> None:
    """The messages are deleted for ever: what they cited is nobody's to open any more."""
    Citation.objects.filter(message_id__in=list(message_ids)).delete()
