"""Marks as models write them, the sentences they rest on, and what a sentence says that its source does not."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from rag import checks, citations, citing, meaning, search
from rag.marks import uses
from rag.models import Citation, Document, Space
from tests.rag.workbench import library

RULES = [
    [
        "1 Hotels",
        "For stays in Norway the limit is NOK 2,400 a night including breakfast.",
        "Rates above it need the approval of the cost centre, which answers within three days.",
        "The travel desk books hotels and keeps the contracts with the chains.",
    ],
    ["2 Trains", "Employees travel first class when the ride takes longer than two hours."],
]


@pytest.fixture
def rules(alice: Any, space: Space) -> Document:
    return library(alice, RULES, "Rules.pdf")


@pytest.mark.parametrize(
    ("answer", "numbers"),
    [
        ("A [1][3].", [1, 3]),
        ("A [1, 3]. B [2;4].", [1, 3, 2, 4]),
        ("A 【1】 and 【2†source】.", [1, 2]),
        ("A [Source 2]. B [Quellen 1 und 3].", [2, 1, 3]),
        ("`a[1]`, ``b[2] ` ``\n~~~\nc[3]\n~~~\n```py\nd[4]", []),
        ("A [link][1] and [2](http://x.example).", [1]),
        ("[] [x] [1234] [a1]", []),
    ],
)
def test_marks_are_read_as_models_write_them(answer: str, numbers: list[int]) -> None:
    """In order of appearance; never in code, and no link is a mark."""
    assert [use.n for use in uses(answer)] == numbers


def test_a_line_of_a_list_is_a_statement_of_its_own() -> None:
    """And the number of the line is no number of the statement."""
    found = uses("1. Norway is dear in winter [1]\n2. Denmark is cheap in summer [2]\n")
    assert [use.statement.split()[0] for use in found] == ["Norway", "Denmark"]


def test_each_mark_leads_to_its_own_sentence(rules: Document, alice: Any) -> None:
    """Two marks with one number rest on two sentences; one statement may rest on two of them."""
    found = search.passages("hotel limit", employee=alice).passages
    passage = next(each for each in found if "Norway" in each.text)
    answer = (
        "The limit in Norway is NOK 2,400 a night [1]. The travel desk books hotels [1]. "
        "Norway has a limit of NOK 2,400, and rates above need approval of the cost centre within three days [1]."
    )
    stored = citing.store(uuid.uuid4(), {1: passage}, answer)
    resolved = citations.resolve(alice, stored[1].pk)
    first, second, both = resolved.uses
    quotes = [spot.quote for spot in resolved.places]
    assert "Norway" in quotes[first["places"][0]]
    assert "travel desk" in quotes[second["places"][0]]
    assert len(both["places"]) == 2
    assert {"NOK 2,400" in quotes[n] or "approval" in quotes[n] for n in both["places"]} == {True}
    assert all(use["strength"] == "strong" and not use["missing"] for use in resolved.uses)


def test_what_the_source_does_not_say_is_named(rules: Document, alice: Any) -> None:
    """A wrong number and an invented name, with the rest of the sentence borne out."""
    found = search.passages("hotel limit", employee=alice).passages
    passage = next(each for each in found if "Norway" in each.text)
    stored = citing.store(uuid.uuid4(), {1: passage}, "In Norway the limit is NOK 2,020 a night for Ulbricht [1].")
    use = citations.resolve(alice, stored[1].pk).uses[0]
    assert use["missing"] == ["2,020", "Ulbricht"]


def test_a_citation_keeps_the_version_that_the_answer_was_given(rules: Document, alice: Any, bob: Any) -> None:
    """It says that a newer one is searched now, and it opens for nobody without rights."""
    found = search.passages("hotel limit", employee=alice).passages
    stored = citing.store(uuid.uuid4(), {1: found[0]}, "")
    assert citations.resolve(alice, stored[1].pk).is_current
    Document.objects.filter(pk=rules.pk).update(live_version=None)
    assert not citations.resolve(alice, stored[1].pk).is_current
    assert citations.version(alice, stored[1].pk)[1].pk == found[0].version_id
    for door in (citations.version, lambda who, pk: citations.page(who, pk, 0), citations.resolve):
        with pytest.raises(Citation.DoesNotExist):
            door(bob, stored[1].pk)


@pytest.mark.parametrize(
    ("said", "source"),
    [
        ("It costs 1.000 EUR", "It costs 1,000 EUR"),
        ("It costs 1 000,50 EUR", "It costs EUR 1,000.50"),
        ("within three days", "within 3 days"),
        ("innerhalb von 3 Tagen", "within three days"),
        ("25 Tage", "fünfundzwanzig Tage"),
        ("25 days", "twenty-five days"),
        ("am 14.03.2026", "on 14 March 2026"),
        ("2026-03-14", "14. März 2026"),
        ("2.5 million users", "2,500,000 users"),
        ("about 12 %", "12 percent"),
        ("Version 3.11.2 is needed", "needs 3.11.2"),
        ("It takes 007 steps", "7 steps"),
        ("Ask the Norwegian staff", "in Norway"),
        ("the VPN client", "use vpn"),
        ("In April it rains", "im April"),
        ("Die Genehmigung der Leitung ist nicht nötig", "no approval is needed"),
        ("Between 10-20 people", "10 to 20"),
        ("the first of two steps", "two steps"),
        ("It has 1 door", "a single door"),
        ("the box is 0 0 482 308", "BoundingBox: 0 0 482 308"),
        ("65 242 547", "BoundingBox: 65 242 547 550"),
        ("a 10 kOhm resistor", "10 kΩ"),
        ("Nein, man findet es an anderen Stellen.", "not shipped"),
    ],
)
def test_the_same_said_otherwise_is_no_doubt(said: str, source: str) -> None:
    """Thousands, decimals, numbers in words, dates, percent, in English and German; months and nouns are no names."""
    assert checks.missing(said, [source]) == []


@pytest.mark.parametrize(
    ("said", "source", "expected"),
    [
        ("It costs 2,020 EUR", "It costs 2,400 EUR", ["2,020"]),
        ("It takes 1.5 hours", "It takes 15 hours", ["1.5"]),
        ("within five days", "within 3 days", ["five"]),
        ("on 15 March 2026", "on 14 March 2026", ["15"]),
        ("ask Ulbricht about it", "ask the desk", ["Ulbricht"]),
        ("use GPT-4 here", "use the model here", ["GPT-4"]),
        ("Der Antrag geht an SAP und nicht an uns", "goes to the desk", ["SAP"]),
        ("1,000 and 1,000", "nothing", ["1,000"]),
    ],
)
def test_what_no_source_says_is_found(said: str, source: str, expected: list[str]) -> None:
    """As it is written in the answer, each once."""
    assert checks.missing(said, [source]) == expected


def test_a_name_of_the_question_is_no_invention_but_its_number_is_no_proof() -> None:
    assert checks.missing("Ulbricht pays 50", ["he pays 40"], "Does Ulbricht pay 50?") == ["50"]


def test_an_answer_in_another_language_finds_its_sentence_by_meaning(
    rules: Document, alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Words cannot tell; where the model cannot either, the passage as a whole is marked, and weak."""
    found = search.passages("hotel limit", employee=alice).passages
    passage = next(each for each in found if "Norway" in each.text)
    answer = "Die Genehmigung der Kostenstelle ist in drei Tagen da und nicht eher [1]."
    asked: list[list[str]] = []

    def best(statement: str, sentences: list[str]) -> int | None:
        asked.append(sentences)
        return next((n for n, each in enumerate(sentences) if "approval" in each), None)

    monkeypatch.setattr("rag.meaning.best", best)
    stored = citing.store(uuid.uuid4(), {1: passage}, answer)
    place = citations.resolve(alice, stored[1].pk).places[0]
    assert (place.strength, "approval" in place.quote) == ("strong", True)
    monkeypatch.setattr("rag.meaning.best", lambda statement, sentences: None)
    assert citing.store(uuid.uuid4(), {1: passage}, answer)[1].strength == "weak"
    assert len(asked) == 1


def test_a_sentence_stands_out_or_is_not_taken() -> None:
    """Embedding models find everything alike, so the best must lead the rest."""
    assert meaning.standing_out([0.80, 0.81, 0.90]) == 2
    assert meaning.standing_out([0.88, 0.89, 0.90]) is None
    assert meaning.standing_out([0.70, 0.90, 0.90]) is None
