"""Saved prompts: kept, shared, refused with the field that cannot be read; and what the composer offers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from chat.errors import BadInput
from chat.models import Employee, SavedPrompt
from chat.prompt_fields import MAX_FIELDS, fields_of
from rag import collections, principals
from tests.factories import make_document

JSON = {"content_type": "application/json"}
LETTER = {"name": "Letter", "text": "Write to {{name}} in a {{tone:choice(formal|friendly)}} tone."}
CASES = json.loads((Path(__file__).parent.parent / "prompt_fields.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["text"])
def test_fields_are_read_as_the_page_reads_them(case: dict[str, Any]) -> None:
    found = [[field.name, field.kind, list(field.choices)] for field in fields_of(case["text"])]
    assert found == case["fields"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{{}}", "bad_prompt_field"),
        ("{{a:colour}}", "bad_prompt_field"),
        ("{{a:choice}}", "bad_prompt_field"),
        ("{{a:choice(|)}}", "bad_prompt_field"),
        ("{{a:date(x)}}", "bad_prompt_field"),
        ("{{a:date}} {{a:text}}", "bad_prompt_field"),
        ("{{" + "x" * 61 + "}}", "bad_prompt_field"),
        (" ".join(f"{{{{f{n}}}}}" for n in range(MAX_FIELDS + 1)), "too_many_fields"),
    ],
)
def test_fields_that_cannot_be_read(text: str, code: str) -> None:
    """Said when the prompt is saved, not when somebody uses it."""
    with pytest.raises(BadInput) as caught:
        fields_of(text)
    assert caught.value.code == code


@pytest.mark.django_db
def test_a_prompt_from_its_making_to_its_end(alices_browser: Client) -> None:
    made = alices_browser.post("/prompts/", LETTER, **JSON)
    assert made.status_code == 201
    path = f"/prompts/{made.json()['prompt']['id']}/"
    assert alices_browser.patch(path, {"text": "Write to {{name}."}, **JSON).status_code == 200
    wrong = alices_browser.patch(path, {"name": "Other", "text": "{{a:b}}"}, **JSON)
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "bad_prompt_field")
    (kept,) = alices_browser.get("/prompts/").json()["prompts"]
    assert (kept["name"], kept["text"]) == ("Letter", "Write to {{name}.")
    assert alices_browser.delete(path).status_code == 204
    assert not SavedPrompt.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"text": "  "}, "empty"),
        ({"text": "x" * 32_001}, "prompt_too_long"),
        ({"name": ""}, "empty_title"),
        ({"shared_with": 12345}, "unknown_audience"),
    ],
)
def test_bad_prompts(alices_browser: Client, fields: dict[str, Any], code: str) -> None:
    answer = alices_browser.post("/prompts/", LETTER | fields, **JSON)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


@pytest.mark.django_db
def test_the_composer_offers_what_one_may_use(
    alice: Employee, bob: Employee, alices_browser: Client, bobs_browser: Client
) -> None:
    """Bob is offered what is shared with him and his own document, and nothing else of Alice's."""
    make_document(alice, "Secret.pdf")
    make_document(bob, "Own.pdf")
    SavedPrompt.objects.create(owner=alice, name="Private", text="x")
    SavedPrompt.objects.create(owner=alice, name="Shared", text="x", shared_with=principals.everybody())
    collections.make(alice, "Hidden")
    shelf = collections.make(alice, "Handbooks")
    collections.give(shelf, principals.everybody(), "reader")
    principals.ensure_for(bob)
    offer = bobs_browser.get("/composer/offer/").json()
    assert [prompt["name"] for prompt in offer["prompts"]] == ["Shared"]
    assert [collection["name"] for collection in offer["collections"]] == ["Handbooks"]
    assert [document["title"] for document in offer["documents"]] == ["Own"]
    assert len(alices_browser.get("/composer/offer/").json()["prompts"]) == 2


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/assistants/", "/prompts/"])
def test_the_pages(alices_browser: Client, path: str) -> None:
    page = alices_browser.get(path, HTTP_ACCEPT="text/html")
    assert page.status_code == 200
    assert "audiences" in page.content.decode()
