"""From a click on a mark to the page with the sentence marked, in a real Chromium, on a PDF of 300 pages.

Cold: a new browser that has never seen the viewer. Warm: another page of a document that was open before.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from bench import _hearth
from bench._figures import figure, say
from launch import browser

NUM_PAGES = 300
FIRST, SECOND = 249, 29
WAIT_MS = 60_000

# Milliseconds from the click to the frame that shows the page drawn, with a mark in view.
WATCH_CLICK = """
(page) => {
  window.bench = {};
  addEventListener("click", (event) => (window.bench.click = event.timeStamp), {capture: true, once: true});
  window.bench.done = new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error("no page within a minute")), 60000);
    const look = () => {
      const sheet = document.querySelector(`.source__page[data-drawn="${page}"]`);
      const mark = sheet?.querySelector(".source__mark");
      if (!mark) return requestAnimationFrame(look);
      const [box, frame] = [mark.getBoundingClientRect(), sheet.parentElement.getBoundingClientRect()];
      if (box.top < frame.top || box.bottom > frame.bottom) return requestAnimationFrame(look);
      requestAnimationFrame(() => resolve(performance.now() - window.bench.click));
    };
    requestAnimationFrame(look);
  });
}
"""


def measure(num_runs: int) -> None:
    cold, warm = [], []
    with tempfile.TemporaryDirectory(prefix="hearth-bench-") as folder, _hearth.home() as home:
        manual, sentences = made_manual(Path(folder))
        with _hearth.running(home, HEARTH_BACKEND="fake") as hearth, sync_playwright() as playwright:
            program = str(browser.find())
            chromium = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
            address, cookies = _asked(chromium, hearth, manual, sentences)
            for number in range(num_runs + 1):
                context = _context(chromium, cookies)
                page = context.new_page()
                page.goto(address, wait_until="networkidle")
                marks = page.locator(".answer__text .cite")
                first = _click(page, 0, FIRST)
                page.keyboard.press("Escape")
                page.mouse.move(1, 1)
                page.wait_for_timeout(400)  # a card may still be leaving
                second = _click(page, marks.count() - 1, SECOND)
                context.close()
                say(f"  click: cold {first:.0f} ms, warm {second:.0f} ms{' (not counted)' if number == 0 else ''}")
                if number:
                    cold.append(first)
                    warm.append(second)
            chromium.close()
    figure("citations.click_cold_ms", cold, "ms")
    figure("citations.click_warm_ms", warm, "ms")


def made_manual(folder: Path) -> tuple[Path, dict[int, str]]:
    """Pages of running text, and the sentences that are asked for, by page."""
    from tests.browser import papers

    sentences = {
        FIRST: "The pressure valve of line seven opens at 4711 millibar during the night shift.",
        SECOND: "Foreign couriers leave parcels at gate nineteen before noon on weekdays.",
    }
    chapters = [(f"{n + 1} Chapter", sentences.get(n, f"Rule {n} says nothing new.")) for n in range(NUM_PAGES)]
    return papers.manual(folder, "Manual", tuple(chapters)), sentences


def _asked(
    chromium: Browser, hearth: _hearth.Hearth, manual: Path, sentences: dict[int, str]
) -> tuple[str, list[object]]:
    """The address of a thread whose answer has a mark for each sentence, and the cookies to open it with."""
    from bench.page import sign_in

    cookies = sign_in(chromium, hearth)
    context = _context(chromium, cookies)
    page = context.new_page()
    page.goto(f"{hearth.url}/documents/")
    page.locator("document-list input[type=file][accept]").set_input_files(manual)
    page.get_by_text("Ready").first.wait_for(timeout=WAIT_MS * 5)
    page.get_by_role("link", name="Ask about this").or_(page.get_by_role("button", name="Ask about this")).first.click()
    said = " ".join(sentences.values())
    page.locator("textarea[name=text]").fill(f"say: {said}")
    page.keyboard.press("Enter")
    page.locator(".answer__text .cite").nth(1).wait_for(timeout=WAIT_MS)
    page.locator(".answer__foot").wait_for(timeout=WAIT_MS)
    address = page.url
    context.close()
    return address, cookies


def _click(page: Page, index: int, page_no: int) -> float:
    page.evaluate(WATCH_CLICK, page_no)
    page.locator(".answer__text .cite").nth(index).click()
    milliseconds: float = page.evaluate("window.bench.done")
    return milliseconds


def _context(chromium: Browser, cookies: list[object]) -> BrowserContext:
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    context.add_cookies(cookies)  # type: ignore[arg-type]  # what another context gave
    return context
