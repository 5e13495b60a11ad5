"""The model's output is the attack itself: the browser asks nobody else, opens nothing, and runs nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, expect

from tests.attacks import ATTACKS
from tests.browser import papers
from tests.browser.person import Person
from tests.browser.quick import Seat, asked_about, quick_hearth, quick_office, reader_state, seat  # noqa: F401

pytestmark = [pytest.mark.thorough, pytest.mark.browser, pytest.mark.timeout(400)]

# Whatever could fetch, run or post. Pictures of our own buttons are svg with a use inside; a footnote leads within its
# own answer.
LIVING = (
    "a[href]:not([href^='#note-']), "
    "img, picture, video, audio, source, track, iframe, frame, object, embed, script, style, link, meta, "
    "base, form, input:not([disabled]), svg image, svg script, svg [href]:not([href^='#icon-']), [style*='url'], "
    "[onload], [onerror], [onclick], [srcset], [formaction]"
)


class Watch:
    """All that a browser asks for and opens."""

    def __init__(self, person: Person) -> None:
        self.addresses: list[str] = []
        self.opened: list[str] = []
        self._own = person.url
        context = person.page.context
        context.on("request", lambda request: self._asked(request))
        context.on("page", lambda page: self.opened.append(f"tab {page.url}"))
        page = person.page
        page.on("dialog", lambda dialog: (self.opened.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("download", lambda download: self.opened.append(f"download {download.url}"))
        page.on("websocket", lambda websocket: self.addresses.append(websocket.url.replace("ws:", "http:")))

    def _asked(self, request: Request) -> None:
        self.addresses.append(request.url)

    @property
    def elsewhere(self) -> list[str]:
        return [address for address in self.addresses if not address.startswith((self._own, "blob:", "data:"))]


def living(page: Page) -> list[str]:
    found: list[str] = page.locator(".answer__text").evaluate_all(
        "(answers, living) => answers.flatMap((one) => [...one.querySelectorAll(living)].map((e) => e.outerHTML))",
        LIVING,
    )
    return found


def test_answers_that_attack_do_nothing(seat: Seat, tmp_path: Path) -> None:  # noqa: F811
    """Every attack printed by the model, as it streams and as it stands after a reload."""
    reader = seat()
    watch = Watch(reader)
    reader.open("/")
    for number, attack in enumerate(ATTACKS.values(), start=1):
        reader.composer.fill(f"say: {attack}")
        reader.composer.press("Enter")
        expect(reader.page.locator("article.answer .answer__foot")).to_have_count(number, timeout=30_000)
    address = reader.page.url
    assert living(reader.page) == []
    reader.page.reload()
    answers = reader.page.locator("article.answer")
    expect(answers.last.locator(".answer__foot")).to_be_visible()
    for _ in range(20):  # earlier ones come as they are scrolled to
        if answers.count() == len(ATTACKS):
            break
        reader.page.locator("#thread").evaluate("thread => thread.scrollTo(0, 0)")
        reader.page.wait_for_timeout(300)
    for answer in answers.all():  # and are drawn when somebody comes near them
        answer.scroll_into_view_if_needed()
    expect(answers.locator(".answer__foot")).to_have_count(len(ATTACKS))
    assert living(reader.page) == []
    for element in reader.page.locator(".answer__text .link, .answer__text .image").all():
        element.hover()
    assert reader.page.url == address
    assert watch.elsewhere == []
    assert watch.opened == []
    assert reader.page.locator(".answer__text .cite").count() == 0, "no source was given, so no mark is one"


def test_links_say_where_they_lead_and_ask_first(seat: Seat) -> None:  # noqa: F811
    """The host stands beside every link whose words do not name it, the whole address in the question."""
    reader = seat()
    watch = Watch(reader)
    reader.open("/")
    reader.ask(f"say: {ATTACKS['link that looks like another']}")
    reader.wait_for_end()
    expect(reader.answer_text).to_contain_text("(evil.example)")
    reader.answer_text.get_by_role("button", name="intranet.example").click()
    dialog = reader.page.get_by_role("dialog")
    expect(dialog).to_contain_text("https://evil.example/login")
    dialog.get_by_role("button", name="Cancel").click()
    assert (watch.elsewhere, watch.opened) == ([], [])


def test_a_hostile_document_is_read_and_shown_without_harm(seat: Seat, tmp_path: Path) -> None:  # noqa: F811
    """As text with the passage marked; its forged marks lead nowhere but to itself."""
    reader = seat()
    watch = Watch(reader)
    path = tmp_path / "letter.txt"
    path.write_text("The quarterly letter about parcels.\n\n" + "\n\n".join(ATTACKS.values()))
    asked_about(reader, path, f"say: {ATTACKS['forged mark']} The quarterly letter is about parcels [1].")
    assert living(reader.page) == []
    reader.answer_text.locator(".cite").last.click()
    pane = reader.page.locator("source-pane")
    expect(pane.locator("mark").first).to_be_visible()
    text = pane.locator(".source__text").inner_text()
    assert not re.search("[\u200b\u202a-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e007f]", text)
    assert pane.locator("img, iframe, script, a[href^='http']").count() == 0
    assert (watch.elsewhere, watch.opened) == ([], [])


def test_a_pdf_that_wants_to_act_is_only_drawn(seat: Seat, tmp_path: Path) -> None:  # noqa: F811
    """Scripts at opening, forms, attachments and links over a whole page: none runs, none is there to click, none is
    asked for. A link of ordinary size shows its address and asks first.
    """
    reader = seat()
    watch = Watch(reader)
    asked_about(reader, papers.acting(tmp_path), "say: The parcel office opens at nine in the morning [1].")
    reader.answer_text.locator(".cite").first.click()
    expect(reader.page.locator("source-pane .source__page[data-drawn]")).to_be_visible()
    sheet = reader.page.locator("source-pane .source__page")
    expect(sheet.locator("button")).to_have_count(1)
    assert sheet.locator("a, input, form, iframe").count() == 0
    box = sheet.bounding_box()
    assert box
    for y in (0.05, 0.12, 0.3, 0.6):
        reader.page.mouse.click(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * y)
    reader.page.wait_for_timeout(300)
    sheet.locator("button").click()
    dialog = reader.page.get_by_role("dialog")
    expect(dialog).to_contain_text("https://evil.example/small?secret")
    dialog.get_by_role("button", name="Cancel").click()
    assert (watch.elsewhere, watch.opened) == ([], [])
