"""Marks for sentences that a model left without."""

from __future__ import annotations

import uuid

import pytest

from rag.attribution import Mark, attribute, with_marks
from rag.search import Passage

HOTELS = "For stays in Norway the limit is NOK 2,400 a night including breakfast. For Sweden the limit is EUR 190."
TRAINS = "Employees travel first class when the ride takes longer than two hours."


def passage(text: str) -> Passage:
    return Passage(
        document_id=uuid.uuid4(),
        document_title="Travel policy",
        version_id=1,
        chunk_id=1,
        page_no=0,
        page_label="1",
        heading="",
        text=text,
        score=1.0,
        spans=[(0, 0, len(text))],
    )


SOURCES = {1: passage(HOTELS), 2: passage(TRAINS)}


def marked(answer: str) -> str:
    return with_marks(answer, attribute(answer, SOURCES))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            "The limit for a hotel night in Norway is NOK 2,400. Employees travel first class on rides over two hours.",
            "The limit for a hotel night in Norway is NOK 2,400. [1] "
            "Employees travel first class on rides over two hours. [2]",
        ),
        ("The limit for a night in Norway is 2400 NOK.", "The limit for a night in Norway is 2400 NOK. [1]"),
        ("- The limit in Sweden is EUR 190\n- Bring a coat", "- The limit in Sweden is EUR 190 [1]\n- Bring a coat"),
    ],
)
def test_each_sentence_is_given_the_source_it_rests_on(answer: str, expected: str) -> None:
    """Sentences in prose and in lists, each with its own source; what rests on none gets none."""
    assert marked(answer) == expected


@pytest.mark.parametrize(
    "answer",
    [
        "The limit for a night in Norway is NOK 3,100 including breakfast.",  # a number that no source holds
        "The limit in Norway is NOK 2,400 a night. [2]",  # the model has said it, rightly or not
        "The limit in Norway [1] is NOK 2,400 a night.",
        "# The limit in Norway is NOK 2,400",
        "| limit in Norway | NOK 2,400 a night |",
        "```\nthe limit in Norway is NOK 2,400 a night.\n```",
        "Cats sleep for most of the day and hunt at dawn.",
        "What is the limit in Norway, is it NOK 2,400 a night?",
        "Yes.",
        "",
    ],
)
def test_what_proves_nothing_gets_no_mark(answer: str) -> None:
    """Better no mark than a wrong one."""
    assert attribute(answer, SOURCES) == []


def test_marks_keep_their_place_behind_characters_outside_the_basic_plane() -> None:
    """Offsets count code points, whatever stands before."""
    answer = "🔥 The limit in Norway is NOK 2,400 a night."
    assert attribute(answer, SOURCES) == [Mark(len(answer), 1)]
