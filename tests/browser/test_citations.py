"""[n] as people use it: the card, the page with the sentence marked, from the keyboard and on a phone, and its end."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.browser import papers
from tests.browser.person import Person
from tests.browser.quick import Seat, asked_about, quick_hearth, quick_office, reader_state, seat  # noqa: F401

pytestmark = [pytest.mark.thorough, pytest.mark.browser, pytest.mark.timeout(400)]

CHAPTERS = (
    ("Preface", "This booklet was printed by the parcel office in autumn."),
    ("Contents", "The contents are listed in the order of the working day."),
    ("1 Parcels", "Foreign couriers leave parcels at gate nineteen before noon on weekdays."),
    ("2 Valves", "The pressure valve of line seven opens at 4,711 millibar during the night shift."),
    ("3 Keys", "Lost keys are reported to the porter within forty minutes."),
)
SAID = (
    "say: The pressure valve of line seven opens at 4,711 millibar during the night shift [1]. "
    "Foreign couriers leave parcels at gate twelve before noon on weekdays [1]. "
    "Bananas are curved because of Ulbricht [1]."
)


def booklet(folder: Path) -> Path:
    return papers.manual(folder, "booklet", CHAPTERS, front_pages=2)


def sheet(person: Person, page_no: int) -> Locator:
    return person.page.locator(f"source-pane .source__page[data-drawn='{page_no}']")


def marked_words(person: Person) -> str:
    """The words of the page's own text that lie under the marks: what a reader sees in yellow."""
    words: str = person.page.evaluate(
        """() => {
          const marks = [...document.querySelectorAll(".source__mark")].map((mark) => mark.getBoundingClientRect());
          const spans = [...document.querySelectorAll(".source__words > span")];
          const isUnder = (box) => marks.some((mark) => box.top + box.height / 2 > mark.top
            && box.top + box.height / 2 < mark.bottom
            && Math.min(box.right, mark.right) - Math.max(box.left, mark.left) > box.width / 2);
          const under = spans.filter((span) => isUnder(span.getBoundingClientRect()));
          return under.map((span) => span.textContent).join(" ");
        }"""
    )
    return words


@pytest.fixture
def reader(seat: Seat, tmp_path: Path) -> Person:  # noqa: F811
    person = seat()
    asked_about(person, booklet(tmp_path), SAID)
    return person


def mark_of(person: Person, beginning: str) -> Locator:
    """The mark behind the sentence that begins so."""
    index = {"The pressure": 0, "Foreign": 1, "Bananas": 2}[beginning]
    return person.answer_text.locator(".cite").nth(index)


def test_a_click_shows_the_page_with_the_sentence_marked(reader: Person) -> None:
    """The right page by its printed label and by its count; exactly the sentence; and text that can be selected."""
    mark_of(reader, "The pressure").click()
    expect(sheet(reader, 3)).to_be_visible()
    expect(reader.page.locator(".source__place")).to_contain_text("page 2 · 4 of 5")
    assert marked_words(reader).strip() == CHAPTERS[3][1]
    expect(reader.page.locator(".source__mark").first).to_be_in_viewport()
    expect(reader.page.locator("#source-quote")).to_contain_text(CHAPTERS[3][1])
    reader.page.locator(".source__words > span", has_text="pressure valve").click(click_count=3)
    assert "pressure valve" in reader.page.evaluate("String(getSelection())")


def test_page_labels_of_the_front_matter_are_roman(reader: Person) -> None:
    """As printed beside the count, on pages that nothing cites too."""
    mark_of(reader, "The pressure").click()
    expect(sheet(reader, 3)).to_be_visible()
    field = reader.page.get_by_label("Go to page")
    field.fill("2")
    field.press("Enter")
    expect(sheet(reader, 1)).to_be_visible()
    expect(reader.page.locator(".source__place")).to_contain_text("page ii · 2 of 5")


def test_the_card_says_where_and_how_well(reader: Person) -> None:
    """On hover: title, page, the sentence in its surroundings and its strength. Nothing else on the page moves."""
    mark = mark_of(reader, "The pressure")
    before = reader.answer.bounding_box()
    mark.hover()
    card = reader.page.locator("#source-card")
    expect(card).to_contain_text(CHAPTERS[3][1])
    expect(card).to_contain_text("booklet")
    expect(card).to_contain_text("page 2 · 4 of 5")
    expect(card).to_contain_text("this sentence supports the answer")
    assert reader.answer.bounding_box() == before
    mark_of(reader, "Bananas").hover()
    expect(card).to_contain_text("weak support")
    reader.page.keyboard.press("Escape")
    expect(card).to_be_hidden()


def test_weak_marks_and_what_the_source_does_not_say_are_shown(reader: Person) -> None:
    """In the answer itself, in shape and in words, and again after a reload."""
    for _ in range(2):
        assert mark_of(reader, "The pressure").get_attribute("data-strength") == "strong"
        assert mark_of(reader, "Bananas").get_attribute("data-strength") == "weak"
        expect(mark_of(reader, "Bananas")).to_have_accessible_name(re.compile("weak support"))
        expect(reader.answer_text.locator(".doubt").first).to_have_text("not in the source: twelve")
        reader.page.reload()
        reader.wait_for_end()


def test_the_keyboard_does_all_of_it(reader: Person) -> None:
    """Focus shows the card, Enter opens the page, arrows turn it, + enlarges, Escape goes back to the mark."""
    page, mark = reader.page, mark_of(reader, "The pressure")
    reader.composer.focus()
    while not mark.evaluate("mark => mark === document.activeElement"):
        page.keyboard.press("Shift+Tab")
    expect(page.locator("#source-card")).to_be_visible()
    page.keyboard.press("Enter")
    expect(sheet(reader, 3)).to_be_visible()
    expect(page.locator("#source-card")).to_be_hidden()
    page.keyboard.press("ArrowRight")
    expect(sheet(reader, 4)).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(sheet(reader, 3)).to_be_visible()
    width = sheet(reader, 3).evaluate("sheet => sheet.clientWidth")
    page.keyboard.press("+")
    page.wait_for_function("width => document.querySelector('.source__page').clientWidth > width * 1.2", arg=width)
    page.keyboard.press("Escape")
    expect(page.locator("source-pane")).to_be_hidden()
    expect(mark).to_be_focused()
    expect(page.locator("#source-card")).to_be_hidden()


def test_words_are_found_in_the_whole_document(reader: Person) -> None:
    """On another page, whatever their case; and said when they are nowhere."""
    mark_of(reader, "The pressure").click()
    expect(sheet(reader, 3)).to_be_visible()
    reader.page.keyboard.press("Control+f")
    field = reader.page.get_by_label("Find in the document")
    expect(field).to_be_focused()
    field.fill("LOST keys")
    field.press("Enter")
    expect(sheet(reader, 4)).to_be_visible()
    expect(reader.page.locator(".source__count")).to_have_text("1 of 1 on this page")
    assert reader.page.evaluate("[...CSS.highlights.get('found-current')].map(String)") == ["Lost keys"]
    field.fill("submarine")
    field.press("Enter")
    expect(reader.page.locator(".source__count")).to_have_text("Not found")


def test_several_places_of_one_number_are_walked_through(reader: Person) -> None:
    """The mark's own sentence first, then where the other marks with this number lead."""
    mark_of(reader, "Foreign").click()
    expect(sheet(reader, 2)).to_be_visible()
    expect(reader.page.locator(".source__places")).to_contain_text(re.compile(r"Place 1 of \d"))
    reader.page.get_by_role("button", name="Next place").click()
    expect(sheet(reader, 3)).to_be_visible()
    expect(reader.page.locator("#source-quote")).to_contain_text("pressure valve")


def test_on_a_phone_the_first_touch_shows_the_card_and_the_page_fills_the_screen(seat: Seat, tmp_path: Path) -> None:  # noqa: F811
    """A dialog over everything else, and the way back to the mark."""
    reader = seat(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    asked_about(reader, booklet(tmp_path), SAID)
    mark = mark_of(reader, "The pressure")
    mark.tap()
    expect(reader.page.locator("#source-card")).to_contain_text(CHAPTERS[3][1])
    expect(reader.page.locator("source-pane")).to_have_count(0)
    mark.tap()
    expect(sheet(reader, 3)).to_be_visible()
    pane = reader.page.get_by_role("dialog", name="Source: booklet")
    assert pane.bounding_box() == {"x": 0, "y": 0, "width": 360, "height": 740}
    assert reader.page.locator(".page__main").evaluate("main => main.inert")
    assert reader.page.evaluate("document.documentElement.scrollWidth") <= 360
    pane.get_by_role("button", name="Close").click()
    expect(mark).to_be_focused()


def test_a_source_that_is_gone_says_so_and_shows_nothing(reader: Person) -> None:
    """Deleted in another tab while this one is open: card, pane and answer say so, and no word of it is shown."""
    mark_of(reader, "The pressure").click()
    expect(sheet(reader, 3)).to_be_visible()
    reader.page.keyboard.press("Escape")
    other = reader.another_tab()
    other.open("/documents/")
    rows = other.page.locator(".documents__row")
    count = rows.count()
    rows.first.get_by_role("button", name="Actions for").click()
    other.page.get_by_role("menuitem", name="Delete").click()
    other.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(rows).to_have_count(count - 1)
    reader.page.wait_for_timeout(5100)  # what the card may still remember
    mark_of(reader, "Foreign").hover()
    card = reader.page.locator("#source-card")
    expect(card).to_contain_text("was deleted, or you may no longer read it")
    expect(card).not_to_contain_text("gate nineteen")
    mark_of(reader, "The pressure").click()
    pane = reader.page.locator("source-pane")
    expect(pane).to_contain_text("was deleted, or you may no longer read it")
    expect(pane).not_to_contain_text("4,711")
    expect(pane.locator("canvas")).to_have_count(0)
    expect(reader.answer.locator(".answer__source").first).to_contain_text("Source no longer available")


def test_german_readers_get_german_words(seat: Seat, tmp_path: Path) -> None:  # noqa: F811
    """In the card and in the pane."""
    reader = seat(locale="de-DE")
    reader.open("/documents/")
    reader.page.locator("document-list input[type=file][accept]").set_input_files(booklet(tmp_path))
    row = reader.page.locator("[data-document]").filter(has_text="booklet").first
    expect(row).to_contain_text("Bereit", timeout=60_000)
    row.get_by_role("link", name="Dazu fragen").or_(row.get_by_role("button", name="Dazu fragen")).click()
    reader.ask(SAID)
    reader.wait_for_end()
    mark_of(reader, "The pressure").hover()
    expect(reader.page.locator("#source-card")).to_contain_text("dieser Satz stützt die Antwort")
    mark_of(reader, "The pressure").click()
    expect(sheet(reader, 3)).to_be_visible()
    expect(reader.page.get_by_role("complementary", name="Quelle: booklet")).to_be_visible()
    expect(reader.page.get_by_label("Im Dokument suchen")).to_be_visible()


def test_a_link_inside_the_document_turns_to_its_page(seat: Seat, tmp_path: Path) -> None:  # noqa: F811
    """A line of the contents leads to its chapter, by mouse and by keyboard, and nothing is asked for elsewhere."""
    reader = seat()
    path = papers.manual(tmp_path, "linked", CHAPTERS, contents_on=1)
    asked_about(reader, path, "say: The contents are listed in the order of the working day [1].")
    reader.answer_text.locator(".cite").first.click()
    expect(sheet(reader, 1)).to_be_visible()
    link = reader.page.locator(".source__link").nth(3)
    expect(link).to_have_accessible_name("Go to this place in the document")
    link.focus()
    reader.page.keyboard.press("Enter")
    expect(sheet(reader, 4)).to_be_visible()
