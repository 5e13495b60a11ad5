"""What is typed into the search field, as words and filters."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.search_query import ThreadQuery, days_of, parse


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("travel costs", ThreadQuery(("travel", "costs"))),
        ("model:qwen hotel", ThreadQuery(("hotel",), model="qwen")),
        ('in:"Q3 plans"', ThreadQuery(folder="Q3 plans")),
        ("Modell:qwen ORDNER:Reise", ThreadQuery(model="qwen", folder="Reise")),
        ("before:2026-03", ThreadQuery(before=date(2026, 3, 1))),
        ("after:2026-03-31", ThreadQuery(after=date(2026, 4, 1))),
        ("after:2025", ThreadQuery(after=date(2026, 1, 1))),
        ("has:document tag:urgent", ThreadQuery(tag="urgent", has_document=True)),
        ("before:soon x", ThreadQuery(("x",), ignored=("before:soon",))),
        # Not filters: words.
        ("at 10:30", ThreadQuery(("at", "10", "30"))),
        ("https://example.com/a", ThreadQuery(("https", "example", "com", "a"))),
        ("", ThreadQuery()),
    ],
)
def test_parse(text: str, query: ThreadQuery) -> None:
    assert parse(text) == query


@pytest.mark.parametrize("text", ["2026-13", "2026-02-30", "26", "2026-1-1-1", "0000", "9999-12-31"])
def test_no_such_day(text: str) -> None:
    assert days_of(text) is None


@given(st.text(max_size=300))
def test_anything_can_be_typed(text: str) -> None:
    """Bounded, and nothing that PostgreSQL cannot store."""
    query = parse(text)
    assert len(query.words) <= 12
    assert all("\x00" not in word and len(word) <= 60 for word in query.words)
