"""A thread as a Word file, read again by our own reader, and on paper."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any
from xml.etree import ElementTree

import pytest
from django.test import Client

from chat.models import Employee, Message, Thread
from rag.readers import docx
from tests.factories import make_thread, make_turn

pytestmark = pytest.mark.django_db

ANSWER = """## Limits

A night costs **180 EUR** [1], `a < b` & more [7].

1. first
   - inner
2. second

| City | EUR |
|---|---|
| Berlin | 180 [1] |

```
if a < b:
    pass
```

> quoted \x0b\x00 text
"""
SOURCE = {"n": 1, "document": "0", "title": "Travel <policy>", "label": "page 3", "heading": "", "quote": "at most 180"}


def make_exported(owner: Employee) -> Thread:
    thread = make_thread(owner, "Budget & more")
    turn = make_turn(thread, "How <much>?", answer=ANSWER.replace("\x00", ""), message_status="complete")
    found = {"sources": [SOURCE | {"document": "00000000-0000-0000-0000-000000000000"}]}
    Message.objects.filter(pk=turn.answer_id).update(sources=found, model_version="Q4_1")
    return thread


def word_of(client: Client, thread: Thread) -> bytes:
    answer = client.get(f"/threads/{thread.pk}/thread.docx")
    assert answer["Content-Disposition"].endswith('.docx"')
    return answer.content


def test_a_word_file_that_our_own_reader_reads(
    alice: Employee, alices_browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Headings, tables and code as such; every mark of a known source a footnote with title, page and quote."""
    monkeypatch.setattr("chat.views.branches.visible_sources", lambda employee, messages: None)
    data = word_of(alices_browser, make_exported(alice))
    read: Any = docx.read(io.BytesIO(data))
    text = "\n".join(sheet.text for sheet in read.finished())
    for words in ("Budget & more", "How <much>?", "Limits", "180 EUR", "a < b", "inner", "Berlin", "if a < b:", "[7]"):
        assert words in text, words
    assert text.count("Travel <policy>, page 3: “at most 180”") == 2
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for part in parts.values():
        ElementTree.fromstring(part)
    body = parts["word/document.xml"].decode()
    assert body.count("<w:footnoteReference ") == 2
    assert "[1]" not in body
    for mark in ('w:val="Heading4"', "<w:tblHeader/>", '<w:ilvl w:val="1"/>', 'w:val="Code"', "<w:b/>"):
        assert mark in body, mark


def test_a_source_that_is_no_longer_ones_own_is_not_quoted(alice: Employee, alices_browser: Client) -> None:
    data = word_of(alices_browser, make_exported(alice))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        notes = archive.read("word/footnotes.xml").decode()
    assert "Source no longer available" in notes
    assert "at most 180" not in notes


def test_on_paper_stands_the_whole_branch(alice: Employee, alices_browser: Client) -> None:
    """Not only the newest messages, with which the thread's page begins."""
    thread = make_thread(alice)
    for n in range(20):
        make_turn(thread, f"Question {n}.", answer="Yes", message_status="complete")
    page = alices_browser.get(f"/threads/{thread.pk}/print/", headers={"Accept": "text/html"}).content.decode()
    assert all(f"Question {n}." in page for n in range(20))


HOSTILE = """# Head <b>bold</b>

| a | b |
|--|--:|
| `<i>` | **x**[^1] |

[click](javascript:alert(1)) [site](https://example.com/?a=1&b=2) ![<img src=x>](https://example.com/x.png)

<script>alert(1)</script>

```html
<img onerror=alert(1)>
```

7. seven

[^1]: Said <u>there</u>, see [^1].
[^"><script>]: no
"""


def test_on_paper_markdown_is_drawn_and_nothing_of_it_is_markup(alice: Employee, alices_browser: Client) -> None:
    """By the server, so that paper needs no script: tables, lists, footnotes; every angle bracket is text."""
    thread = make_thread(alice)
    make_turn(thread, "What?", answer=HOSTILE, message_status="complete")
    page = alices_browser.get(f"/threads/{thread.pk}/print/", headers={"Accept": "text/html"}).content.decode()
    answer = page.partition('<div class="answer__text prose">')[2].partition('<div class="answer__end')[0]
    tags = set(re.findall(r"<([a-z0-9]+)", answer))
    assert {"h1", "table", "th", "td", "strong", "pre", "ol", "sup", "section"} <= tags
    assert not tags & {"script", "img", "b", "i", "u", "markdown-text"}
    assert set(re.findall(r' (?!id|start|data-align|class|aria-label|href|tabindex|role)([a-z-]+)="', answer)) == set()
    assert all(address.startswith("#note-") for address in re.findall(r'href="([^"]*)"', answer))
    assert "(https://example.com/?a=1&amp;b=2)" in answer
    assert '<ol start="7">' in answer
    assert '<td data-align="right">' in answer


def test_footnotes_of_an_answer_are_footnotes_in_word(alice: Employee, alices_browser: Client) -> None:
    thread = make_thread(alice)
    text = "Oak burns long[^1]. Not a note[^2].\n\n[^1]: When *dry*, see [^1].\n"
    make_turn(thread, "What?", answer=text, message_status="complete")
    with zipfile.ZipFile(io.BytesIO(word_of(alices_browser, thread))) as archive:
        notes, body = (archive.read(f"word/{name}.xml").decode() for name in ("footnotes", "document"))
    assert "When " in notes
    assert body.count("w:footnoteReference ") == 1
    assert "[^2]" in body
    assert "[^1]:" not in body


def test_the_app_can_be_installed_without_asking_anybody_else(client: Client) -> None:
    """Everything that the manifest names is ours, and it is there before anybody signs in."""
    manifest = client.get("/manifest.webmanifest")
    assert manifest["Content-Type"] == "application/manifest+json"
    body = manifest.json()
    assert (body["start_url"], body["display"]) == ("/", "standalone")
    assert {icon["sizes"] for icon in body["icons"]} >= {"192x192", "512x512"}
    assert all(icon["src"].startswith("/static/") for icon in body["icons"])
    page = client.get("/signin/", headers={"Accept": "text/html"}).content.decode()
    assert '<link rel="manifest" href="/manifest.webmanifest">' in page
