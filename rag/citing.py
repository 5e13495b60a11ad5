"""From the marks [n] of an answer to the sentences that they rest on, kept as citations.

A citation is one source of one answer: every sentence of the answer that carries [n] has its places in the source.
rag/citations.py opens them again, for those who may.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Q

from rag import checks, meaning
from rag.locating import Found, locate
from rag.marks import Use, uses
from rag.models import Chunk, Citation, Page, Version
from rag.search import Passage


@transaction.atomic
def store(
    message_id: uuid.UUID, passages_by_n: Mapping[int, Passage], answer_text: str = "", question: str = ""
) -> dict[int, Citation]:
    """Keep where each n points. Call it when the sources are known and again with the finished answer.

    Without an answer every passage gets a weak citation of its beginning; with one, those that the answer marks get
    their sentences. A number that was not given is dropped. The same message and n keep their id.
    """
    passages_by_n, chunks = _still_there(passages_by_n)
    found_uses = [use for use in uses(answer_text) if use.n in passages_by_n]
    pages = _pages(passages_by_n.values())
    held: dict[frozenset[int], checks.Held] = {}
    stored: dict[int, Citation] = {}
    for n, passage in sorted(passages_by_n.items()):
        mine = [use for use in found_uses if use.n == n]
        places, described = _places(mine, passage, pages)
        for use, description in zip(mine, described, strict=True):
            beside = use.beside.intersection(passages_by_n)
            if beside not in held:
                held[beside] = checks.Held((_all_of(passages_by_n[other]) for other in sorted(beside)), question)
            description["missing"] = held[beside].missing(use.statement)
        first = places[described[0]["places"][0]] if described else places[0]
        stored[n], _created = Citation.objects.update_or_create(
            message_id=message_id,
            n=n,
            defaults={
                "document_id": passage.document_id,
                "version_id": passage.version_id,
                "chunk_id": passage.chunk_id if passage.chunk_id in chunks else None,
                "page_no": first.page_no,
                "char_start": first.char_start,
                "char_end": first.char_end,
                "quote": first.quote,
                "heading": passage.heading,
                "strength": first.strength,
                "score": round(first.score, 4),
                "places": [[p.page_no, p.char_start, p.char_end, round(p.score, 4)] for p in places],
                "uses": described,
            },
        )
    return stored


def _places(
    mine: Sequence[Use], passage: Passage, pages: Mapping[tuple[int, int], Page]
) -> tuple[list[Found], list[dict[str, Any]]]:
    """All places of one source, each once, and what each use says of them."""
    places: list[Found] = []
    described: list[dict[str, Any]] = []
    for use in mine:
        indexes = []
        found = locate(use.statement, passage, pages, meaning.best)
        for place in found:
            index = next((n for n, old in enumerate(places) if _span(old) == _span(place)), len(places))
            if index == len(places):
                places.append(place)
            elif places[index].score < place.score:
                places[index] = place
            indexes.append(index)
        described.append({"places": indexes, "strength": found[0].strength})
    return places or locate("", passage, pages), described


def _span(place: Found) -> tuple[int, int, int]:
    return place.page_no, place.char_start, place.char_end


def _all_of(passage: Passage) -> str:
    """What the model was given of it."""
    return f"{passage.document_title} {passage.heading} {passage.page_label} {passage.text}"


def _still_there(passages_by_n: Mapping[int, Passage]) -> tuple[dict[int, Passage], set[int]]:
    """What was not deleted and purged while the answer was being written, and which chunks there still are."""
    passages = passages_by_n.values()
    versions = set(
        Version.objects.filter(pk__in={passage.version_id for passage in passages}).values_list("pk", flat=True)
    )
    chunks = set(Chunk.objects.filter(pk__in={passage.chunk_id for passage in passages}).values_list("pk", flat=True))
    return {n: passage for n, passage in passages_by_n.items() if passage.version_id in versions}, chunks


def _pages(passages: Iterable[Passage]) -> dict[tuple[int, int], Page]:
    wanted = Q(pk__in=[])
    for passage in passages:
        numbers = [span[0] for span in passage.spans]
        wanted |= Q(version_id=passage.version_id, page_no__in=numbers)
    return {(page.version_id, page.page_no): page for page in Page.objects.filter(wanted)}
