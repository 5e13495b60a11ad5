"""All of a document instead of passages: when it is short, or when the question is about all of it.

A summary of the five passages that are most like the word "summary" is none. What is too long to be read whole is
read in parts from everywhere, and said to be. Left out: reading a long document piece by piece with many requests.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from django.contrib.auth.models import AbstractBaseUser

from rag import principals, retrieval
from rag.models import Document
from rag.search import Passage, of_row
from rag.words import STOP_WORDS, words

# Shorter than what a search would give the model to read anyway.
SHORT_TOKENS = 800
# What is put around sources in a prompt, and how far the embedding model may count from the chat model.
FRAME_TOKENS = 200
SLACK = 125  # percent
# Chunks of one section are given as one source up to this length.
SECTION_TOKENS = 600

_ABOUT_ALL = re.compile(
    r"\b(?:summar(?:y|ies|i[sz]e[sd]?|i[sz]ing)|tl;?dr|overview|outline|key (?:points|takeaways)|"
    r"main (?:points|ideas?|topics?)|"
    r"gist|(?:entire|whole|full|complete) (?:document|file|text|report|paper|contract)|"
    r"what (?:is|are) (?:this|the|these) (?:documents?|files?|texts?|reports?|papers?) about|"
    r"proofread|translate (?:it|this|the (?:document|file|text))|"
    r"zusammenfass\w*|fasse?\b.{0,60}\bzusammen|überblick|gliederung|kernaussagen?|hauptpunkte|"
    r"(?:ganze[ns]?|gesamte[ns]?|vollständige[ns]?) (?:dokuments?|datei|text(?:es)?|bericht[es]*|vertrag[es]*)|"
    r"worum geht es (?:in|im|hier)|(?:übersetze?) (?:das|den|die|es)|korrekturles\w*)\b",
    re.IGNORECASE,
)

_FILLERS = frozenset(
    (  # noqa: SIM905
        "please me give write make create short brief long sentences sentence bullet points words three five two ten "
        "document documents file files text pdf manual report attached uploaded bitte mir gib schreibe erstelle kurz "
        "kurze sätzen sätze stichpunkten wörtern drei fünf zwei zehn dokument dokumente datei angehängt handbuch"
    ).split()
)
# "Summarise the manual for a new nurse" is still about all of it.
MAX_OTHER_WORDS = 2


@dataclass(frozen=True)
class Whole:
    """passages in the order of the documents. is_everything: False when parts had to be chosen."""

    passages: list[Passage] = field(default_factory=list)
    is_everything: bool = True


def is_about_all(question: str) -> bool:
    """It asks for a summary, an overview or a translation, in English or German."""
    return bool(_ABOUT_ALL.search(question))


def is_about_nothing_else(question: str) -> bool:
    """Besides that it names next to nothing that one could search for."""
    rest = set(words(_ABOUT_ALL.sub(" ", question))) - STOP_WORDS - _FILLERS
    return len(rest) <= MAX_OTHER_WORDS


def read(
    question: str, *, employee: AbstractBaseUser, documents: Iterable[Document], max_tokens: int, some_tokens: int
) -> Whole | None:
    """What to read instead of searching, or None when searching is better. Three statements.

    max_tokens: what whole documents may take; some_tokens: what a choice of parts may take.
    """
    ids = [document.pk for document in documents]
    scope = retrieval.Scope(principals.ids_of(employee), ids)
    if not ids or not scope.principals:
        return None
    with retrieval.snapshot() as cursor:
        seen = retrieval.visible(cursor, scope)
        sizes = retrieval.sizes(cursor, seen)
        num_tokens = sum(size for _chunk, size in sizes)
        about_all = is_about_all(question)
        if not sizes or (num_tokens > SHORT_TOKENS and not about_all) or min(max_tokens, some_tokens) <= 0:
            return None
        is_everything = num_tokens <= max_tokens
        if not is_everything and not is_about_nothing_else(question):
            return None
        chosen = [chunk for chunk, _size in sizes] if is_everything else spread(sizes, some_tokens)
        rows = retrieval.rows(cursor, seen, chosen)
    size_of = dict(sizes)
    found = [(of_row(rows[pk], 1.0), rows[pk].ordinal, size_of[pk]) for pk in chosen if pk in rows]
    return Whole(sections(found), is_everything)


def most_tokens(
    question: str, *, employee: AbstractBaseUser, documents: Iterable[Document], max_tokens: int, some_tokens: int
) -> int:
    """What these documents would take at most, read whole or searched for the question. Two statements."""
    scope = retrieval.Scope(principals.ids_of(employee), [document.pk for document in documents])
    if not scope.documents or not scope.principals:
        return 0
    with retrieval.snapshot() as cursor:
        sizes = retrieval.sizes(cursor, retrieval.visible(cursor, scope))
    num_tokens = sum(size for _chunk, size in sizes)
    if not num_tokens:
        return 0
    limit = max_tokens if num_tokens <= SHORT_TOKENS or is_about_all(question) else some_tokens
    return min(limit, num_tokens * SLACK // 100 + FRAME_TOKENS)


def spread(sizes: Sequence[tuple[int, int]], max_tokens: int) -> list[int]:
    """Chunks at equal distances, the first among them, that take about max_tokens together."""
    average = sum(size for _chunk, size in sizes) / len(sizes)
    count = max(1, min(len(sizes), int(max_tokens / max(average, 1.0))))
    return [sizes[index * len(sizes) // count][0] for index in range(count)]


def sections(found: Sequence[tuple[Passage, int, int]]) -> list[Passage]:
    """(passage, ordinal, tokens) with what follows one another in a section of a page made one passage."""
    merged: list[Passage] = []
    room = 0
    for before, (passage, ordinal, size) in zip([None, *found[:-1]], found, strict=True):
        last = merged[-1] if merged else None
        goes_on = (
            before is not None
            and last is not None
            and before[1] + 1 == ordinal
            and (last.version_id, last.heading, last.page_no) == (passage.version_id, passage.heading, passage.page_no)
        )
        if goes_on and last is not None and size <= room:
            merged[-1] = replace(last, text=f"{last.text}\n{passage.text}", spans=[*last.spans, *passage.spans])
            room -= size
        else:
            merged.append(passage)
            room = SECTION_TOKENS - size
    return merged
