"""Find threads by the words in their titles and messages, with the place where they stand.

Words are looked for as they are written and as beginnings ("reise" finds "Reisekosten"), in whatever language. A thread
counts once, with its newest message that has all the words; the title counts more. Left out: what is being written now.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass

from django.contrib.postgres.search import SearchHeadline, SearchQuery, SearchVector
from django.db.models.functions import Left

from chat.models import Employee, Message, Thread
from chat.models.message import PENDING

MAX_THREADS = 30
MAX_WORDS = 12
MAX_WORD_CHARS = 60
INDEXED_CHARS = 100_000  # PostgreSQL indexes at most a megabyte of one text
# Split off again below. A text that holds them itself marks a word too many at worst.
START, END = "\x02", "\x03"

# The same expressions as in the indexes thread_words and message_words.
TITLE_WORDS = SearchVector("title", config="simple")
MESSAGE_WORDS = SearchVector(Left("text", INDEXED_CHARS), config="simple")


@dataclass(frozen=True)
class Hit:
    thread: Thread
    snippet: list[tuple[str, bool]]
    """Parts of the text around the words: (text, whether it is one of them). Empty where only the title has them."""


def search(employee: Employee, text: str) -> list[Hit]:
    """At most MAX_THREADS, titles first, then newest first. Three queries."""
    words = [word[:MAX_WORD_CHARS] for word in re.findall(r"\w+", text.replace("\x00", ""))[:MAX_WORDS]]
    if not words:
        return []
    query = SearchQuery(" & ".join(f"'{word}':*" for word in words), config="simple", search_type="raw")
    titled = _by_title(employee, query)
    snippets = _by_message(employee, query)
    threads = Thread.objects.for_employee(employee).in_bulk(list(snippets))
    told = sorted((threads[pk] for pk in snippets if pk in threads), key=lambda thread: thread.updated_at, reverse=True)
    order = [*titled, *(thread for thread in told if thread not in titled)]
    return [Hit(thread, _parts(snippets.get(thread.pk, ""))) for thread in order[:MAX_THREADS]]


def _by_title(employee: Employee, query: SearchQuery) -> list[Thread]:
    threads = Thread.objects.for_employee(employee).annotate(words=TITLE_WORDS).filter(words=query)
    return list(threads.order_by("-updated_at")[:MAX_THREADS])


def _by_message(employee: Employee, query: SearchQuery) -> dict[uuid.UUID, str]:
    """The headline of the newest hit in each thread."""
    hits = Message.objects.for_employee(employee).exclude(status=PENDING).annotate(words=MESSAGE_WORDS)
    newest = hits.filter(words=query).order_by("thread", "-created_at").distinct("thread").values("pk")
    headline = SearchHeadline(
        Left("text", INDEXED_CHARS),
        query,
        config="simple",
        start_sel=START,
        stop_sel=END,
        max_words=18,
        min_words=8,
        max_fragments=1,
    )
    rows = Message.objects.for_employee(employee).filter(pk__in=newest).order_by("-created_at")[:MAX_THREADS]
    return dict(rows.annotate(headline=headline).values_list("thread_id", "headline"))


def _parts(headline: str) -> list[tuple[str, bool]]:
    """The headline at its marks; line ends are spaces."""
    parts: list[tuple[str, bool]] = []
    for piece in " ".join(headline.split()).split(START):
        hit, mark, rest = piece.partition(END)
        parts += [(hit, True), (rest, False)] if mark else [(piece, False)]
    return [(text, is_hit) for text, is_hit in parts if text]
