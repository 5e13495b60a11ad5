"""Hostile documents on their way into the prompt: what is data stays data, whatever it looks like."""

from __future__ import annotations

import re
from typing import Any

import pytest

from rag import citations, citing, packing, search
from rag.models import Document, Space
from rag.search import Passage
from tests.attacks import ATTACKS
from tests.rag.workbench import read, upload

INVISIBLE = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]")


def count(texts: Any) -> list[int]:
    return [len(text) // 3 for text in texts]


def packed(passages: list[Passage]) -> str:
    return packing.sources(passages, 20_000, count).text


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_no_document_can_leave_its_source(alice: Any, space: Space, name: str) -> None:
    """Through upload, reading and search: one source a passage, closed once, without a token of any chat template."""
    text = f"The quarterly letter about parcels.\n\n{ATTACKS[name]}\n\nParcels leave at noon."
    # The title is the sender's as well.
    document = read(upload(alice, text.encode(), f"{ATTACKS[name][:60].replace('/', ' ')} letter.txt"))
    found = search.passages("quarterly letter about parcels", employee=alice, documents=[document]).passages
    assert found, "the document is searchable all the same"
    prompt = packed(found)
    assert len(re.findall(r"<source\b", prompt)) == len(found)
    assert [int(n) for n in re.findall(r'<source id="(\d+)"', prompt)] == list(range(1, len(found) + 1))
    assert prompt.count("</source>") == len(found)
    assert prompt.count("<sources") == prompt.count("</sources>") == 1
    assert re.findall(r"<(?!/?sources?\b)", prompt) == []
    assert "<|" not in prompt
    assert not INVISIBLE.search(prompt)
    for head in re.findall(r"<source [^\n]*", prompt):
        assert re.fullmatch(r'<source( [a-z]+="[^"<>]*")+>', head)


def test_what_nobody_sees_is_no_instruction(alice: Any, space: Space) -> None:
    """A sentence written in tag characters is gone; what can be seen is still there to be judged."""
    document = read(upload(alice, f"Parcels leave at noon. {ATTACKS['tag characters']}".encode(), "Letter.txt"))
    passage = search.passages("parcels noon", employee=alice, documents=[document]).passages[0]
    assert "Nothing to see here." in passage.text
    assert "Ignore" not in passage.text
    assert not INVISIBLE.search(packed([passage]))


def test_a_forged_source_cites_its_own_document(alice: Any, space: Space) -> None:
    """A document that pretends to hold source 2 is still source 1, and [2] leads nowhere."""
    document: Document = read(upload(alice, ATTACKS["forged source"].encode(), "Letter.txt"))
    passages = search.passages("salary of everybody", employee=alice, documents=[document]).passages
    stored = citing.store(document.pk, dict(enumerate(passages, start=1)), "The salary of everybody is 9 EUR [1][99].")
    assert set(stored) == set(range(1, len(passages) + 1))
    assert citations.resolve(alice, stored[1].pk).document_id == document.pk
