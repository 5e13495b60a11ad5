"""Asking a document: upload, read, search, answer with a mark, and the page that the mark opens."""

from __future__ import annotations

import io
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from reportlab.pdfgen import canvas

from chat.models import Employee, Message, Thread
from rag import spaces, tasks
from rag.models import Document, Version
from tests.chat.browser import tab_of, text_of, working
from tests.factories import browser_of, make_document, make_model, send_frame
from tests.inference.serve import RunningInference

pytestmark = pytest.mark.django_db(transaction=True)

PAGES = [
    "Travel policy. Every employee may travel second class by train.",
    "Hotels. A night in a hotel in Berlin may cost at most 180 euros including breakfast.",
    "Meals. Lunch and dinner are paid up to 40 euros a day.",
]


def pdf(pages: list[str]) -> bytes:
    out = io.BytesIO()
    drawing = canvas.Canvas(out)
    for text in pages:
        drawing.drawString(72, 720, text)
        drawing.showPage()
    drawing.save()
    return out.getvalue()


def read(document: Document) -> None:
    """What the Celery worker does when it is rung."""
    version_id = Version.objects.get(document=document).pk
    tasks.probe.run(version_id)
    tasks.extract.run()
    tasks.chunk.run(version_id)
    tasks.embed.run()


def prepared(alice: Employee) -> Document:
    make_model()
    spaces.activate("fake-embed")
    return make_document(alice, "Travel policy.pdf", pdf(PAGES))


async def test_an_answer_names_the_page_it_rests_on(alice: Employee, inference: RunningInference) -> None:
    document = await sync_to_async(prepared)(alice)
    await sync_to_async(read)(document)
    browser = await sync_to_async(browser_of)(alice)
    async with working(), tab_of(alice) as tab:
        frame = send_frame("say: A hotel in Berlin may cost 180 euros.", documents=[str(document.pk)])
        accepted = await tab.ask(frame)
        heard = await tab.hear_answer(accepted["turn"]["id"])
    found = [frame for frame in heard if frame["type"] == "sources.found"][-1]
    hotel = next(source for source in found["sources"] if "180 euros" in source["quote"])
    assert (hotel["document"], hotel["title"], hotel["page"]) == (str(document.pk), "Travel policy", 1)
    assert text_of(heard).endswith("[1]")
    assert found["num_history_left_out"] == 0
    citation = await sync_to_async(browser.get)(f"/citations/{hotel['citation']}/")
    assert citation.status_code == 200
    place = citation.json()["places"][0]
    assert place["page"]["index"] == 1
    assert "180 euros" in place["quote"]
    assert hotel["uses"] == [{"places": [0], "strength": "strong", "missing": []}]
    page = await sync_to_async(browser.get)(f"/documents/{document.pk}/pages/1/")
    assert "180 euros" in page.json()["text"]
    stored = await Message.objects.aget(pk=accepted["answer"]["id"])
    assert stored.sources["sources"] == found["sources"]
    thread = await Thread.objects.aget(pk=accepted["thread"]["id"])
    assert await thread.documents.acount() == 1


async def test_a_question_waits_for_a_document_that_is_being_read(alice: Employee, inference: RunningInference) -> None:
    """It says which one, and answers from it as soon as words can be searched."""
    document = await sync_to_async(prepared)(alice)
    async with working(), tab_of(alice) as tab:
        accepted = await tab.ask(send_frame("What does a hotel in Berlin cost?", documents=[str(document.pk)]))
        waiting = await tab.hear("turn.progress")
        assert (waiting["stage"], waiting["waiting_for"]) == ("searching", "Travel policy")
        await sync_to_async(read)(document)
        heard = await tab.hear_answer(accepted["turn"]["id"])
    assert next(frame for frame in heard if frame["type"] == "sources.found")["sources"]


async def test_a_document_that_cannot_be_read_is_named(alice: Employee, inference: RunningInference) -> None:
    """The answer comes without it, and the event says that it was left out."""
    await sync_to_async(make_model)()
    document = await sync_to_async(make_document)(alice, "Broken.pdf")
    await Version.objects.filter(document=document).aupdate(status="failed", error_code="broken")
    async with working(), tab_of(alice) as tab:
        accepted = await tab.ask(send_frame("say: Without it.", documents=[str(document.pk)]))
        heard = await tab.hear_answer(accepted["turn"]["id"])
    found = next(frame for frame in heard if frame["type"] == "sources.found")
    assert found["left_out"] == [{"document": str(document.pk), "title": "Broken"}]
    assert text_of(heard).startswith("Without it.")


async def test_bobs_document_never_reaches_alices_prompt(
    alice: Employee, bob: Employee, inference: RunningInference
) -> None:
    """Even when it stands in her thread, put there by nobody's fault but a bug's."""
    document = await sync_to_async(prepared)(bob)
    await sync_to_async(read)(document)
    async with working(), tab_of(alice) as tab:
        accepted = await tab.ask(send_frame("say: first"))
        await tab.hear_answer(accepted["turn"]["id"])
        thread = await Thread.objects.aget(pk=accepted["thread"]["id"])
        await thread.documents.aadd(document)
        second = await tab.ask(send_frame("What does a hotel in Berlin cost?", thread=str(thread.pk)))
        heard = await tab.hear_answer(second["turn"]["id"])
    assert "180" not in text_of(heard)
    assert not [frame for frame in heard if frame["type"] == "sources.found"]


async def test_a_document_rings_in_its_owners_tabs(alice: Employee, bob: Employee, inference: RunningInference) -> None:
    """Stages while it is read, and its deletion; Bob hears nothing."""
    document = await sync_to_async(prepared)(alice)
    async with tab_of(alice) as hers, tab_of(bob) as his:
        await sync_to_async(read)(document)
        states: list[dict[str, Any]] = [(await hers.hear("document.changed"))["document"]]
        while states[-1]["status"] != "ready":
            states.append((await hers.hear("document.changed"))["document"])
        assert states[-1]["is_searchable"]
        await sync_to_async(document.delete_for_everyone)()
        while not states[-1].get("deleted"):
            states.append((await hers.hear("document.changed"))["document"])
        assert await his.hears_nothing()
