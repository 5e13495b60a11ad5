"""What the page costs: drawing a long answer word by word, the first word after Enter, opening a long thread.

Through a real Chromium. For drawing, the page's socket is replaced in the page, so that exactly the same deltas come at
the same pace each time; main-thread time is Chromium's own count of processor time (scripts, style, layout, paint).
What sending the deltas costs by itself is measured on a page that does not listen, and taken off: an event, a timer and
a wake-up for each delta are the bench's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from bench import _crowd, _hearth, page
from bench._figures import figure, say
from launch import browser
from launch.config import ROOT
from launch.console import Console

NUM_CHARS, NUM_DELTAS, DELTA_MS = 12_500, 3000, 10
PARAGRAPH = (
    "A hearth is the floor of a fireplace, and **by custom** the middle of a house: people cooked, worked and sat "
    "around it, and `fire` was kept overnight under its ashes. What it gave was warmth first, then light, then a place "
    "to be, which is why so many languages use one word for the hearth and for the home.\n\n"
)
BLOCKS = [
    "## What it was made of\n\n",
    PARAGRAPH,
    "- stone, because it does not burn\n- clay, because it seals *every* joint\n- brick, later and further south\n\n",
    PARAGRAPH,
    "```python\ndef warmth(logs: int) -> float:\n    # Each log gives less than the one before it.\n"
    "    return sum(1 / (n + 1) for n in range(logs))\n```\n\n",
    "| wood | burns | smokes |\n|---|---|---|\n| oak | long | little |\n| pine | short | much |\n\n",
    PARAGRAPH,
]

# A socket that says yes to one question and then sends the deltas it was given, each at its time.
STUB = """
(() => {
  class Stub extends EventTarget {
    static OPEN = 1;
    readyState = 0;
    constructor() {
      super();
      setTimeout(() => { this.readyState = 1; this.dispatchEvent(new Event("open")); }, 20);
    }
    close() {}
    say(frame) { this.hear(JSON.stringify(frame)); }
    hear(data) { this.dispatchEvent(new MessageEvent("message", {data})); }
    send(text) {
      const frame = JSON.parse(text);
      if (frame.type !== "message.send") return;
      const id = (n) => `00000000-0000-4000-8000-00000000000${n}`;
      this.say({type: "message.accepted", ref: frame.ref, thread: {id: id(1), title: "Bench", created: true},
                question: {id: frame.ref}, answer: {id: id(2)}, beside: [],
                turn: {id: id(3), status: "queued", model: "fake"}});
      const {deltas, milliseconds, finish} = window.bench;
      let sent = 0, start = 0;
      // Made before the clock runs: in life they come ready from the server.
      const frames = deltas.map((text, n) => {
        const extended = {type: "answer.extended", text, start, turn: id(3), seq: n + 1};
        start += text.length;
        return JSON.stringify(extended);
      });
      const begun = performance.now();
      const tick = () => {
        const due = Math.min(deltas.length, Math.floor((performance.now() - begun) / milliseconds) + 1);
        for (; sent < due; sent += 1) this.hear(frames[sent]);
        if (sent < deltas.length) { setTimeout(tick, milliseconds); return; }
        this.say({type: "answer.finished", ...finish, turn: id(3), seq: sent + 1});
        window.bench.isOver = true;
      };
      setTimeout(tick, 0);
    }
  }
  window.WebSocket = Stub;
  window.bench = {longest: 0};
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.bench.longest = Math.max(window.bench.longest, entry.duration);
  }).observe({type: "longtask"});
})()
"""

# When the last answer of the thread was drawn as Markdown and its frame was made, in milliseconds of the page's clock.
WATCH_OPENED = """
addEventListener("DOMContentLoaded", () => {
  const look = () => {
    const last = [...document.querySelectorAll(".answer answer-stream")].at(-1);
    if (last?.querySelector(".answer__text [data-block]") && last.querySelector(".answer__foot")) {
      requestAnimationFrame(() => { window.openedAt = performance.now(); });
    } else requestAnimationFrame(look);
  };
  look();
});
"""


def measure_answer(is_quick: bool) -> None:
    """Only what drawing one long answer costs."""
    _with_chromium(lambda chromium, hearth, home: _measure_answer(chromium, hearth, home.folder, is_quick=is_quick))


def measure(is_quick: bool) -> None:
    num_runs = 3 if is_quick else 9
    _with_chromium(
        lambda chromium, hearth, home: _measure(chromium, hearth, home.folder, num_runs, is_quick=is_quick)
    )  # fmt: skip


def _with_chromium(run: Callable[[Browser, _hearth.Hearth, _hearth.Home], None]) -> None:
    program = browser.ensure(Console(os.fdopen(os.dup(2), "w")))
    variables = {"HEARTH_BACKEND": "fake"}
    with _hearth.home() as home, _hearth.running(home, **variables) as hearth, sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.getuid() == 0 else []
        chromium = playwright.chromium.launch(executable_path=str(program), args=[*arguments, "--disable-gpu"])
        try:
            run(chromium, hearth, home)
        finally:
            chromium.close()


def _measure_answer(chromium: Browser, hearth: _hearth.Hearth, data_dir: Path, *, is_quick: bool) -> None:
    cookies = [{"name": "sid", "value": _crowd.sign_in(data_dir, 1)[0], "url": hearth.url}]
    own, whole, floors = [], [], []
    for _ in range(1 if is_quick else 3):
        floors.append(_floor(chromium, hearth.url, NUM_DELTAS))
        cost = _render(chromium, hearth.url, cookies, _text(NUM_CHARS), NUM_DELTAS)
        own.append(cost.working_ms - floors[-1])
        whole.append(cost.task_ms)
    figure("chat.render_own_ms", own, "ms", peers=floors)
    figure("chat.render_ms", whole, "ms")


def _measure(chromium: Browser, hearth: _hearth.Hearth, data_dir: Path, num_runs: int, *, is_quick: bool) -> None:
    key = _crowd.sign_in(data_dir, 1)[0]
    cookies = [{"name": "sid", "value": key, "url": hearth.url}]
    _measure_answer(chromium, hearth, data_dir, is_quick=is_quick)
    longest = _render(chromium, hearth.url, cookies, _text(400_000), NUM_DELTAS).longest_ms
    figure("chat.longest_task_100k_tokens_ms", [longest], "ms")
    figure("chat.js_kb", [_script_kb(chromium, hearth.url, cookies) for _ in range(3)], "kB")
    thread = _long_thread(data_dir, key)
    opened = [_open(chromium, f"{hearth.url}/threads/{thread}/", cookies) for _ in range(num_runs + 1)]
    figure("chat.thread_500_open_ms", opened[1:], "ms")
    page.measure_first_word(chromium, hearth, cookies, num_runs, name="chat.first_word_over_engine_ms")


def _text(num_chars: int) -> str:
    whole = "".join(BLOCKS)
    return (whole * (num_chars // len(whole) + 1))[:num_chars]


@dataclass(frozen=True)
class Cost:
    """Milliseconds of the main thread: scripts, styles and layouts; all of it; and the longest task."""

    working_ms: float
    task_ms: float
    longest_ms: float


def _render(chromium: Browser, url: str, cookies: list[Any], text: str, num_deltas: int) -> Cost:
    """What the whole answer cost."""
    from chat.events import digest

    context = page.open_context(chromium, cookies)
    context.add_init_script(STUB)
    tab = context.new_page()
    tab.goto(f"{url}/", wait_until="networkidle")
    size = len(text) / num_deltas
    deltas = [text[int(n * size) : int((n + 1) * size)] for n in range(num_deltas - 1)]
    deltas.append(text[int((num_deltas - 1) * size) :])
    finish = {"reason": "stop", "num_chars": len(text), "sha256": digest(text)}
    given = {"deltas": deltas, "milliseconds": DELTA_MS, "finish": finish}
    tab.evaluate("(given) => Object.assign(window.bench, given)", given)
    session = context.new_cdp_session(tab)
    # Processor time of the thread, so that others who use the machine do not count.
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    tab.fill("textarea[name=text]", "Tell me about hearths")
    before = _task_ms(session)
    tab.press("textarea[name=text]", "Enter")
    time.sleep(num_deltas * DELTA_MS / 1000 + 1)
    tab.wait_for_function("window.bench.isOver", timeout=120_000, polling=500)
    tab.locator(".answer__foot").first.wait_for(timeout=60_000)
    after = _task_ms(session)
    longest: float = tab.evaluate("window.bench.longest")
    say(f"  {len(text)} characters: " + ", ".join(f"{name} {after[name] - before[name]:.0f} ms" for name in after))
    shown = tab.locator(".answer__text").first.inner_text()
    assert len(shown) > len(text) * 0.8, "the answer is not on the page"
    context.close()
    return Cost(_working(after) - _working(before), after["TaskDuration"] - before["TaskDuration"], longest)


# A page that hears the same frames and does nothing with them.
DEAF = """() => { const line = new WebSocket(""); line.addEventListener("message", () => {});
               line.send(JSON.stringify({type: "message.send", ref: "00000000-0000-4000-8000-000000000000"})); }"""


def _floor(chromium: Browser, url: str, num_deltas: int) -> float:
    """What the bench itself costs the main thread: making the frames' events, on a page that does not listen."""
    context = page.open_context(chromium, [])
    context.add_init_script(STUB)
    tab = context.new_page()
    tab.goto(f"{url}/signin/", wait_until="networkidle")
    given = {"deltas": ["four"] * num_deltas, "milliseconds": DELTA_MS, "finish": {}}
    tab.evaluate("(given) => Object.assign(window.bench, given)", given)
    session = context.new_cdp_session(tab)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = _task_ms(session)
    tab.evaluate(DEAF)
    time.sleep(num_deltas * DELTA_MS / 1000 + 1)
    tab.wait_for_function("window.bench.isOver", timeout=120_000, polling=500)
    after = _task_ms(session)
    context.close()
    say("  the bench itself: " + ", ".join(f"{name} {after[name] - before[name]:.0f} ms" for name in after))
    return _working(after) - _working(before)


def _working(milliseconds: dict[str, float]) -> float:
    return sum(milliseconds[name] for name in ("ScriptDuration", "LayoutDuration", "RecalcStyleDuration"))


def _task_ms(session: Any) -> dict[str, float]:
    names = ("TaskDuration", "ScriptDuration", "LayoutDuration", "RecalcStyleDuration")
    metrics = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    return {name: metrics[name] * 1000 for name in names}


def _script_kb(chromium: Browser, url: str, cookies: list[Any]) -> float:
    context = page.open_context(chromium, cookies)
    tab: Page = context.new_page()
    seen = page.watch_network(context, tab)
    tab.goto(f"{url}/", wait_until="networkidle")
    context.close()
    return sum(float(each["bytes"]) for each in seen.values() if each["type"] == "Script") / 1000


def _open(chromium: Browser, address: str, cookies: list[Any]) -> float:
    """From the navigation to the frame that shows the last answer, scripts and styles from the cache."""
    context = page.open_context(chromium, cookies)
    tab = context.new_page()
    tab.goto(address.partition("/threads/")[0], wait_until="networkidle")
    tab.add_init_script(WATCH_OPENED)
    tab.goto(address, wait_until="commit")
    tab.wait_for_function("window.openedAt")
    milliseconds: float = tab.evaluate("window.openedAt")
    context.close()
    return milliseconds


def _long_thread(data_dir: Path, session_key: str) -> str:
    """The id of a thread with 250 questions and 250 answers, made beside the running Hearth."""
    environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "VALKEY_URL")}
    done = subprocess.run(
        [sys.executable, "-m", "bench._long_thread", session_key], cwd=ROOT, input=json.dumps(_text(1500)),
        env=environment | {"HEARTH_DATA_DIR": str(data_dir)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout.strip()
