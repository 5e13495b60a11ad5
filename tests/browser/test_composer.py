"""The composer as one uses it: Enter that waits for a file, prompts, models and documents by a sign, a queue."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from tests.browser import papers
from tests.browser.person import ANSWER_MS
from tests.browser.quick import Seat, seat  # noqa: F401
from tests.browser.steady import quick_hearth, quick_office, reader_state  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]


def test_enter_is_remembered_while_a_file_is_on_its_way(seat: Seat, tmp_path: Path) -> None:  # noqa: F811
    """Pressed before the document of "Ask about this" is there, it sends the message with the document."""
    reader = seat()
    row = reader.upload(papers.travel_policy(tmp_path))
    expect(row).to_contain_text("Ready", timeout=ANSWER_MS)
    held: list[Route] = []
    reader.page.route("**/documents/*/", lambda route: held.append(route))
    row.get_by_role("link", name="Ask about this").click()
    reader.composer.fill("What is the limit in Norway?")
    reader.composer.press("Enter")
    expect(reader.page.locator(".composer__hint")).to_have_text("Is sent when the file is there")
    expect(reader.page.locator("article.question")).to_have_count(0)
    for route in held:
        route.continue_()
    expect(reader.page.locator("article.question")).to_contain_text("Norway")
    reader.wait_for_end()
    expect(reader.answer.locator(".answer__head")).to_contain_text("document")


def test_an_assistant_is_made_begins_a_thread_and_is_changed_there(seat: Seat) -> None:  # noqa: F811
    """What the server refuses is said in the dialog; the thread has its name; its settings are the thread's own."""
    reader = seat()
    page = reader.page
    reader.open("/assistants/")
    page.get_by_role("button", name="New assistant").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("Letters")
    dialog.get_by_label("Instructions").fill("Write letters.")
    dialog.get_by_label("Shared with").select_option("Everybody")
    dialog.get_by_role("button", name="Save").click()
    card = page.locator(".library__card").filter(has_text="Letters")
    expect(card).to_contain_text("Shared with: Everybody")
    card.get_by_role("link", name="New thread").click()
    expect(page.locator(".bar__settings")).to_have_text("Letters")
    reader.ask("say: Dear customer")
    reader.wait_for_end()
    page.reload()
    page.get_by_role("button", name="Settings of this thread, assistant Letters").click()
    expect(dialog.get_by_label("Instructions")).to_have_value("Write letters.")
    dialog.get_by_label("Temperature").fill("0.5")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    page.reload()
    page.get_by_role("button", name="Settings of this thread, assistant Letters").click()
    expect(dialog.get_by_label("Temperature")).to_have_value("0.5")


def test_a_prompt_is_chosen_by_its_sign_and_filled_in(seat: Seat) -> None:  # noqa: F811
    """From the keyboard alone: /, the arrow keys, Enter, the form, Enter; Escape closes the list."""
    reader = seat()
    page = reader.page
    reader.open("/prompts/")
    page.get_by_role("button", name="New prompt").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("Apology")
    dialog.get_by_label("Text").fill("Apologise to {{customer}} {{tone:colour}}.")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("{{tone:colour}}")
    dialog.get_by_label("Text").fill("Apologise to {{customer}} in a {{tone:choice(formal|warm)}} tone.")
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator(".library__card")).to_contain_text("Apology")
    reader.open("/")
    reader.composer.fill("")
    reader.composer.press_sequentially("/apo")
    options = page.get_by_role("listbox", name="Saved prompts").get_by_role("option")
    expect(options).to_have_count(1)
    expect(reader.composer).to_have_attribute("aria-activedescendant", "offer-0")
    reader.composer.press("Escape")
    expect(options).to_have_count(0)
    reader.composer.press_sequentially("l")
    reader.composer.press("Enter")
    dialog.get_by_label("customer").fill("Ada")
    dialog.get_by_label("tone").select_option("warm")
    dialog.get_by_role("button", name="Insert").click()
    expect(reader.composer).to_have_value("Apologise to Ada in a warm tone.")
    expect(reader.composer).to_be_focused()


def test_a_model_for_one_message_and_a_document_by_their_signs(seat: Seat, tmp_path: Path) -> None:  # noqa: F811
    """@ makes a chip that goes with the message; # attaches; what was typed behind the sign goes."""
    reader = seat()
    page = reader.page
    expect(reader.upload(papers.travel_policy(tmp_path))).to_contain_text("Ready", timeout=ANSWER_MS)
    reader.open("/")
    reader.composer.fill("")
    reader.composer.press_sequentially("What #travel")
    page.get_by_role("option").first.click()
    expect(reader.composer).to_have_value("What ")
    expect(page.locator(".composer .file").first).to_contain_text("travel policy")
    reader.composer.press_sequentially("@")
    page.get_by_role("listbox", name="Models").get_by_role("option").first.click()
    chip = page.locator(".composer__once")
    expect(chip).to_contain_text("This message with")
    reader.ask("What is the limit?")
    expect(chip).to_be_hidden()
    reader.wait_for_end()


def test_a_long_text_becomes_a_file_and_can_stay_a_text(seat: Seat) -> None:  # noqa: F811
    """Above 4,000 characters; "Keep as text" takes the file away and puts the text where the caret was."""
    reader = seat()
    page = reader.page
    reader.open("/")
    reader.composer.fill("")
    paste = """(text) => {
      const data = new DataTransfer();
      data.setData("text/plain", text);
      const event = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
      return document.querySelector("textarea[name=text]").dispatchEvent(event);
    }"""
    assert page.evaluate(paste, "short")
    assert not page.evaluate(paste, "long " * 1000)
    file = page.locator(".composer .file")
    expect(file).to_contain_text("Pasted text")
    expect(reader.composer).to_have_value("")
    file.get_by_role("button", name="Keep as text").click()
    expect(file).to_have_count(0)
    expect(reader.composer).to_have_value("long " * 1000)


def test_what_is_asked_meanwhile_waits_and_can_be_taken_back(seat: Seat) -> None:  # noqa: F811
    """Enter while an answer is written: the question waits, also over a reload; Edit gives it back, and the rest is
    answered in order."""
    reader = seat()
    page = reader.page
    reader.open("/")
    reader.ask("clock: 600")
    reader.wait_for_words()
    reader.ask("say: second answer")
    reader.ask("say: third answer")
    notes = page.locator(".question__waiting")
    expect(notes).to_have_count(2)
    page.reload()
    expect(notes).to_have_count(2)
    notes.last.get_by_role("button", name="Edit").click()
    expect(reader.composer).to_have_value("say: third answer")
    expect(page.locator("article.question")).to_have_count(2)
    reader.composer.fill("")
    page.get_by_role("button", name="Stop").click()
    expect(reader.answer_text).to_have_text("second answer", timeout=ANSWER_MS)
    expect(notes).to_have_count(0)


def test_the_gauge_counts_what_is_typed_and_warns(seat: Seat) -> None:  # noqa: F811
    """Before anything is sent; a picture is refused with a reason."""
    reader = seat()
    page = reader.page
    reader.open("/")
    gauge = page.locator("context-gauge")
    reader.composer.fill("word " * 300)
    expect(gauge).to_have_attribute("data-kind", "next")
    reader.composer.fill("ab " * 10_000)
    expect(page.locator(".composer__hint")).to_contain_text("Too long for")
    expect(gauge).to_have_attribute("data-kind", "over")
    reader.composer.fill("")
    expect(gauge).to_be_hidden()
    picture = {"name": "cat.png", "mimeType": "image/png", "buffer": b"png"}
    page.locator("chat-composer input[type=file]").set_input_files(picture)
    expect(page.locator(".composer .file")).to_contain_text("do not see images")


@pytest.mark.parametrize(
    ("locale", "sentence"),
    [("en-GB", "The models here do not see images."), ("de-DE", "Die Modelle hier sehen keine Bilder.")],
)
def test_a_picture_that_no_model_sees_takes_nothing_with_it(seat: Seat, locale: str, sentence: str) -> None:  # noqa: F811
    """Dropped or pasted it is refused in a sentence, and the message is sent without it. Words that an office program
    copied together with their picture are pasted as words."""
    reader = seat(None, locale=locale)
    page = reader.page
    reader.open("/")
    reader.composer.fill("say: Kept.")
    give = """([kind, text]) => {
      const given = new DataTransfer();
      given.items.add(new File(["png"], "cat.png", { type: "image/png" }));
      if (text) given.setData("text/plain", text);
      const options = { bubbles: true, cancelable: true, dataTransfer: given, clipboardData: given };
      const event = kind === "drop" ? new DragEvent(kind, options) : new ClipboardEvent(kind, options);
      return document.querySelector("textarea").dispatchEvent(event);
    }"""
    for kind in ("drop", "paste"):
        assert page.evaluate(give, [kind, ""]) is False, "the browser would open it"
        file = page.locator(".composer .file")
        expect(file).to_contain_text(["cat.png"])
        expect(file).to_contain_text([sentence])
        expect(reader.composer).to_have_value("say: Kept.")
        file.get_by_role("button").click()
        expect(file).to_have_count(0)
    assert page.evaluate(give, ["paste", "words of a letter"]) is True, "the words are the browser's to paste"
    expect(page.locator(".composer .file")).to_have_count(0)
    page.evaluate(give, ["drop", ""])
    reader.composer.press("Enter")
    expect(reader.answer_text).to_have_text("Kept.", timeout=ANSWER_MS)
