"""Follow-up questions: which are, what a model makes of them, and what is searched when it makes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async

from chat.models import Employee
from chat.prompts import Said
from chat.turns import followups
from inference import wire
from inference.client import AsyncClient
from inference.errors import QueueFull
from rag import spaces
from tests.chat.browser import tab_of, working
from tests.chat.test_story import PAGES, pdf, prepared, read
from tests.factories import make_document, make_model, send_frame
from tests.inference.serve import RunningInference

HISTORY = [
    Said("user", "What may a hotel in Berlin cost?"),
    Said("assistant", "At most 180 euros a night, breakfast included."),
]
LONG_PAGES = [f"Chapter {n}. " + f"The rule number {n} of the house is about matter {n}. " * 25 for n in range(60)]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("And in Hamburg?", True),
        ("What about lunch and dinner on the same journey with colleagues?", True),
        ("Gilt diese Grenze auch für Reisen ins Ausland mit dem Zug?", True),
        ("Who has to approve it when the price is higher than the limit?", True),
        ("Which class may an employee travel by train within the country?", False),
        ("Wie viel Geld gibt es für ein Mittagessen auf einer Dienstreise?", False),
    ],
)
def test_what_refers_back(question: str, expected: bool) -> None:
    """Short forms and words that point back do; a question that says all it means does not."""
    assert followups.refers_back(question, HISTORY) == expected
    assert not followups.refers_back(question, [])


@pytest.mark.parametrize(
    ("said", "taken"),
    [
        ("Rewritten: What may a hotel in Hamburg cost?", "What may a hotel in Hamburg cost?"),
        ('"What may a hotel in Hamburg cost?"\nI hope this helps!', "What may a hotel in Hamburg cost?"),
        ("And in Hamburg?", ""),
        ("What may a hotel in Hamburg cost above 250 euros?", ""),
        ("Hamburg is a lovely old harbour town with plenty of museums and hotels.", ""),
        ("What may a hotel in Berlin cost?", ""),
        ("", ""),
    ],
)
def test_what_is_taken_of_an_answer(said: str, taken: str) -> None:
    """A question made of what was said. Nothing new, nothing of the question, inventions and figures are refused."""
    assert followups.cleaned(said, "And in Hamburg?", HISTORY) == taken


async def answers(
    alice: Employee, questions: list[str], data: bytes, name: str = "Travel policy.pdf"
) -> list[dict[str, Any]]:
    """The event that says what was searched, for each question of one thread about one document."""
    found, thread, document = [], "", ""

    def begin() -> str:
        make_model()
        spaces.activate("fake-embed")
        made = make_document(alice, name, data)
        read(made)
        return str(made.pk)

    document = await sync_to_async(begin)()
    parent = None
    async with working(), tab_of(alice) as tab:
        for question in questions:
            more: dict[str, Any] = {"thread": thread, "parent": parent} if thread else {"documents": [document]}
            accepted = await tab.ask(send_frame(question, **more))
            heard = await tab.hear_answer(accepted["turn"]["id"])
            thread, parent = accepted["thread"]["id"], accepted["answer"]["id"]
            found.append([frame for frame in heard if frame["type"] == "sources.found"][-1])
    return found


@pytest.mark.django_db(transaction=True)
async def test_a_follow_up_is_searched_as_the_model_rewrote_it(
    alice: Employee, inference: RunningInference, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the reader sees what was searched for."""

    async def chat(self: AsyncClient, request: wire.ChatRequest) -> wire.ChatResult:
        assert "Last question: And rule 41?" in request.messages[0]["content"]
        return wire.ChatResult("What does rule 41 say?", "stop", wire.Usage(), wire.Timings())

    monkeypatch.setattr(AsyncClient, "chat", chat)
    questions = ["say: What does rule number 12 of the house say?", "And rule 41?"]
    first, second = await answers(alice, questions, pdf(LONG_PAGES))
    assert first["searched_for"] == ""
    assert second["searched_for"] == "What does rule 41 say?"
    assert "rule number 41" in second["sources"][0]["quote"]


@pytest.mark.django_db(transaction=True)
async def test_a_follow_up_goes_on_when_nothing_could_be_rewritten(
    alice: Employee, inference: RunningInference, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The question before stands in front of the raw words, and that is said, too."""

    async def chat(self: AsyncClient, request: wire.ChatRequest) -> wire.ChatResult:
        raise QueueFull(2.0)

    monkeypatch.setattr(AsyncClient, "chat", chat)
    _first, second = await answers(alice, ["say: What does rule number 12 say?", "And 41?"], pdf(LONG_PAGES))
    assert second["searched_for"] == "say: What does rule number 12 say? And 41?"
    assert second["sources"]


@pytest.mark.django_db(transaction=True)
async def test_a_short_document_is_read_whole(alice: Employee, inference: RunningInference) -> None:
    """No passage of it is missing, in its own order, and the answer says so."""
    document = await sync_to_async(prepared)(alice)
    await sync_to_async(read)(document)
    async with working(), tab_of(alice) as tab:
        accepted = await tab.ask(send_frame("say: Trains.", documents=[str(document.pk)]))
        heard = await tab.hear_answer(accepted["turn"]["id"])
    found = [frame for frame in heard if frame["type"] == "sources.found"][-1]
    assert (found["mode"], found["num_left_out"], found["weak"]) == ("whole", 0, False)
    quotes = " ".join(source["quote"] for source in found["sources"])
    assert all(page[:60] in quotes for page in PAGES)


@pytest.mark.django_db(transaction=True)
async def test_a_summary_of_a_long_document_reads_parts_from_everywhere(
    alice: Employee, inference: RunningInference
) -> None:
    """Beginning and end are among them; a question about one matter still searches."""
    questions = ["Summarise the document.", "say: What does rule number 12 say of matter 12?"]
    found = await answers(alice, questions, pdf(LONG_PAGES))
    assert found[0]["mode"] == "spread"
    pages = [source["page"] for source in found[0]["sources"]]
    assert pages[0] == 0
    assert max(pages) > 40
    assert pages == sorted(pages)
    assert found[1]["mode"] == "passages"
