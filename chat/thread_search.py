"""Find threads by the words in their titles and messages, with the place where they stand.

Words are looked for as they are written and as beginnings ("reise" finds "Reisekosten"), in whatever language. A thread
counts once, with its newest message that has all the words; the title counts more. Filters such as `model:` narrow it
down (chat.search_query), and alone they list. Left out: what is being written now, and temporary threads.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime, time

from django.contrib.postgres.search import SearchHeadline, SearchQuery, SearchVector
from django.db.models import F, Func, Q, TextField, Value
from django.db.models.functions import Concat, Left, Lower, Right, Trim
from django.utils import timezone

from chat.models import Employee, Message, Thread
from chat.models.message import PENDING
from chat.models.thread import ThreadQuerySet
from chat.search_query import ThreadQuery, parse

MAX_THREADS = 30
INDEXED_CHARS = 100_000  # PostgreSQL indexes at most a megabyte of one text
# Split off again below. A text that holds them itself marks a word too many at worst.
START, END = "\x02", "\x03"
MAX_LEAD_CHARS = 40  # before the first hit, so that it is in view in a narrow list
NUM_EDGE_CHARS = 60  # of a text, to see whether a snippet begins or ends with it
COMPARED_CHARS = 20
ELLIPSIS = "…"

# The same expressions as in the indexes thread_words and message_words.
TITLE_WORDS = SearchVector("title", config="simple")
_TAGS = Func(F("tags"), Value(START), function="array_to_string", output_field=TextField())
FOLDED_TAGS = Lower(Concat(Value(START), _TAGS, Value(START), output_field=TextField()))
MESSAGE_WORDS = SearchVector(Left("text", INDEXED_CHARS), config="simple")


@dataclass(frozen=True)
class Hit:
    thread: Thread
    snippet: list[tuple[str, bool]]
    """Parts of the text around the words: (text, whether it is one of them), whole words, with an ellipsis where the
    text goes on. Empty where only the title has them."""


def search(employee: Employee, text: str) -> list[Hit]:
    """At most MAX_THREADS, titles first, then newest first. Three queries; one where there are only filters."""
    asked = parse(text)
    if asked.is_empty:
        return []
    threads = _narrowed(Thread.objects.for_employee(employee).kept(), asked)
    if not asked.words:
        return [Hit(thread, []) for thread in threads.order_by("-updated_at")[:MAX_THREADS]]
    query = SearchQuery(" & ".join(f"'{word}':*" for word in asked.words), config="simple", search_type="raw")
    titled = list(threads.annotate(words=TITLE_WORDS).filter(words=query).order_by("-updated_at")[:MAX_THREADS])
    snippets = _by_message(employee, query, None if asked == ThreadQuery(asked.words) else threads)
    found = threads.in_bulk(list(snippets))
    told = sorted((found[pk] for pk in snippets if pk in found), key=lambda thread: thread.updated_at, reverse=True)
    order = [*titled, *(thread for thread in told if thread not in titled)]
    return [Hit(thread, snippets.get(thread.pk, [])) for thread in order[:MAX_THREADS]]


def _narrowed(threads: ThreadQuerySet, asked: ThreadQuery) -> ThreadQuerySet:
    """Those that the filters leave. A name counts from its beginning on, as words do."""
    if asked.model:
        is_named = Q(messages__model_name__icontains=asked.model) | Q(model__title__icontains=asked.model)
        threads = threads.filter(pk__in=threads.filter(is_named).values("pk"))
    if asked.folder:
        threads = threads.filter(folder__name__istartswith=asked.folder)
    if asked.tag:
        # One person's threads are few: comparing without case costs less than an index of its own.
        threads = threads.alias(folded_tags=FOLDED_TAGS).filter(
            folded_tags__contains=f"{START}{asked.tag.lower()}{START}"
        )
    if asked.before:
        threads = threads.filter(updated_at__lt=_midnight(asked.before))
    if asked.after:
        threads = threads.filter(updated_at__gte=_midnight(asked.after))
    if asked.has_document:
        threads = threads.filter(
            pk__in=threads.filter(documents__deleted_at=None, documents__isnull=False).values("pk")
        )
    return threads


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))


def _by_message(
    employee: Employee, query: SearchQuery, within: ThreadQuerySet | None
) -> dict[uuid.UUID, list[tuple[str, bool]]]:
    """The snippet of the newest hit in each thread."""
    hits = Message.objects.for_employee(employee).filter(thread__is_temporary=False).exclude(status=PENDING)
    if within is not None:
        hits = hits.filter(thread__in=within.values("pk"))
    found = hits.annotate(words=MESSAGE_WORDS).filter(words=query)
    newest = found.order_by("thread", "-created_at").distinct("thread").values("pk")
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
    told = rows.annotate(
        headline=headline, begins=Left(Trim("text"), NUM_EDGE_CHARS), ends=Right(Trim("text"), NUM_EDGE_CHARS)
    )
    return {
        thread: _snippet(line, _one_line(begins), _one_line(ends))
        for thread, line, begins, ends in told.values_list("thread_id", "headline", "begins", "ends")
    }


def _snippet(headline: str, begins: str, ends: str) -> list[tuple[str, bool]]:
    """The headline at its marks. begins, ends: the first and last characters of the whole text, of which PostgreSQL
    leaves short words and full stops out."""
    parts = _parts(headline)
    plain = "".join(text for text, _ in parts)
    at = begins.find(plain[:COMPARED_CHARS])
    before = begins[:at] if at >= 0 else ELLIPSIS
    at = ends.rfind(plain[-COMPARED_CHARS:])
    after = ends[at + len(plain[-COMPARED_CHARS:]) :] if at >= 0 else ELLIPSIS
    lead = before
    if parts and not parts[0][1]:
        lead += parts.pop(0)[0]
    if len(lead) > MAX_LEAD_CHARS:
        lead = ELLIPSIS + _last_words(lead)
    return [(text, is_hit) for text, is_hit in ((lead, False), *parts, (after, False)) if text]


def _last_words(lead: str) -> str:
    """Its end, from the beginning of a word on; a word that is longer than the room keeps its last characters."""
    _cut, space, rest = lead[-MAX_LEAD_CHARS:].partition(" ")
    return rest if space and rest.strip() else lead[-MAX_LEAD_CHARS:]


def _one_line(text: str) -> str:
    return " ".join(text.replace(START, " ").replace(END, " ").split())


def _parts(headline: str) -> list[tuple[str, bool]]:
    """The headline at its marks; line ends are spaces."""
    parts: list[tuple[str, bool]] = []
    for piece in " ".join(headline.split()).split(START):
        hit, mark, rest = piece.partition(END)
        parts += [(hit, True), (rest, False)] if mark else [(piece, False)]
    return [(text, is_hit) for text, is_hit in parts if text]
