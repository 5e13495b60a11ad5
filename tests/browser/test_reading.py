"""Reading answers: what one takes along from them, and a view that stays where the reader wants it."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from tests.browser.person import ANSWER_MS, Person
from tests.browser.quick import Seat, seat  # noqa: F401
from tests.browser.steady import quick_hearth, quick_office, reader_state  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

ANSWER = """say: Oak[^dry] and pine[^1]. Oak again[^dry], and [^none].

| wood | says |
|---|---|
| oak | "long, slow" |
| =SUM(A1) | -5 |

```python
print("a line that is far longer than the block is wide " * 2, "and it goes on, and on, and on, and on, and on")
```

[^1]: Fast.
[^dry]: After *two* years.
"""
LONG = "say: " + " ".join(f"word{n}" for n in range(900))
# Notes at each frame where the view is and how much there is to read.
WATCH = """() => {
  const view = document.getElementById("thread");
  window.seen = [];
  const look = () => {
    window.seen.push([Math.round(view.scrollTop), view.textContent.length]);
    requestAnimationFrame(look);
  };
  look();
}"""
AT_END = (
    "() => { const v = document.getElementById('thread'); return v.scrollHeight - v.clientHeight - v.scrollTop < 40; }"
)
SCROLLED = "() => document.getElementById('thread').scrollTop > 150"


def sit(seat: Seat, **options: object) -> Person:  # noqa: F811
    person = seat(None, **options)
    person.open("/")
    return person


def test_what_one_takes_along(seat: Seat) -> None:  # noqa: F811
    """From the keyboard: a table as CSV that no spreadsheet runs, code wrapped and as a file, notes and back; small
    print that a reload does not change."""
    reader = sit(seat, permissions=["clipboard-read", "clipboard-write"])
    page = reader.page
    reader.ask(ANSWER)
    reader.wait_for_end()
    page.get_by_role("button", name="Copy as CSV").press("Enter")
    expect(page.locator("toast-region")).to_contain_text("Table copied as CSV, 3 rows")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.splitlines() == ["wood,says", 'oak,"""long, slow"""', "'=SUM(A1),-5"]
    block = page.locator("pre")
    is_wide = "(block) => block.scrollWidth > block.clientWidth"
    assert block.evaluate(is_wide)
    wrap = page.get_by_role("button", name="Wrap long lines")
    wrap.press("Enter")
    expect(wrap).to_have_attribute("aria-pressed", "true")
    assert not block.evaluate(is_wide)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as a file").press("Enter")
    assert download.value.suggested_filename == "code.py"
    assert Path(download.value.path()).read_text().startswith('print("a line')
    text = reader.answer_text
    assert text.locator("p").first.inner_text() == "Oak1 and pine2. Oak again1, and [^none]."
    text.get_by_role("link", name="Footnote 2", exact=True).press("Enter")
    expect(text.locator("li:target")).to_contain_text("Fast.")
    page.get_by_role("link", name="of footnote 2").press("Enter")
    expect(text.locator(":target")).to_have_text("2")
    facts = reader.answer.locator(".answer__facts")
    said = facts.inner_text()
    assert re.search(r"tokens/s\s.*context: \d+ of [\d,]+ tokens", said, re.DOTALL), said
    page.reload()
    expect(facts).to_have_text(re.compile("tokens/s"))
    assert facts.inner_text() == said


def test_the_view_stays_with_a_reader_who_scrolls_up(seat: Seat) -> None:  # noqa: F811
    """It follows the answer until then, never moves by itself after that, and follows again at the end."""
    reader = sit(seat, viewport={"width": 520, "height": 420})
    page = reader.page
    reader.ask(LONG)
    page.wait_for_function(SCROLLED, timeout=ANSWER_MS)
    page.wait_for_function(AT_END)
    page.mouse.move(260, 200)
    page.mouse.wheel(0, -120)
    page.wait_for_function("() => !document.querySelector('[data-action=jump-down]').hidden")
    page.evaluate(WATCH)
    page.wait_for_timeout(700)
    seen = page.evaluate("window.seen")
    assert len({top for top, _length in seen}) == 1
    assert seen[-1][1] > seen[0][1], "the answer did not grow meanwhile"
    page.get_by_role("button", name="Jump to the end").click()
    page.wait_for_function(AT_END)
    length = len(page.locator("#thread").inner_text())
    page.wait_for_function("(length) => document.getElementById('thread').innerText.length > length + 100", arg=length)
    page.wait_for_function(AT_END)
    reader.stop()


def test_nothing_moves_for_those_who_want_no_motion(seat: Seat) -> None:  # noqa: F811
    """Nothing is animated while one waits and reads, and the end is jumped to, not flown to."""
    reader = sit(seat, reduced_motion="reduce", viewport={"width": 520, "height": 420})
    page = reader.page
    page.evaluate(
        """() => {
          window.moved = new Set();
          const look = () => {
            for (const { effect } of document.getAnimations()) {
              if (effect.getComputedTiming().duration > 1) window.moved.add(effect.target.className);
            }
            requestAnimationFrame(look);
          };
          look();
        }"""
    )
    reader.ask(LONG)
    page.wait_for_function(SCROLLED, timeout=ANSWER_MS)
    page.evaluate("document.getElementById('thread').scrollTop = 0")
    button = page.get_by_role("button", name="Jump to the end")
    expect(button).to_be_visible()
    assert button.evaluate("(button) => { button.click(); return (" + AT_END + ")(); }")
    reader.stop()
    assert page.evaluate("[...window.moved]") == []


def test_what_one_reads_stays_in_place_when_earlier_messages_come(seat: Seat, tmp_path: Path) -> None:  # noqa: F811
    reader = sit(seat)
    page = reader.page
    ids = [str(uuid.uuid4()) for _ in range(60)]
    said = [
        {"id": ids[n], "parent": ids[n - 1] if n else None, "role": "assistant" if n % 2 else "user",
         "text": f"Message {n}. **Bold** and\n\n- a list\n- of two", "created_at": f"2026-01-01T10:00:{n:02}+00:00"}
        for n in range(60)
    ]  # fmt: skip
    file = tmp_path / "thread.json"
    thread = {"format": "hearth.thread.1", "id": ids[0], "title": "A long talk", "tip": ids[-1], "messages": said}
    file.write_text(json.dumps(thread))
    reader.open("/account/imports/")
    page.locator("import-list input[type=file]").set_input_files(file)
    expect(page.locator("import-list")).to_contain_text("1 thread", timeout=ANSWER_MS)
    reader.open("/")
    reader.thread_row("A long talk").locator("a").click()
    articles = page.locator("#messages > article")
    expect(articles).to_have_count(30)
    held: list[Route] = []
    page.route("**/branch/?before=*", lambda route: held.append(route))
    page.evaluate("document.getElementById('thread').scrollTop = 300")
    page.wait_for_timeout(400)  # what is near is drawn as Markdown
    read = page.evaluate("document.elementFromPoint(700, 200).closest('article').dataset.message")
    place = f"() => document.querySelector('[data-message=\"{read}\"]').getBoundingClientRect().top"
    before = page.evaluate(place)
    assert held, "the earlier messages were not asked for, or came too soon"
    for route in held:
        route.continue_()
    page.wait_for_function("() => document.querySelectorAll('#messages > article').length > 30")
    page.wait_for_timeout(300)
    assert abs(page.evaluate(place) - before) <= 2
