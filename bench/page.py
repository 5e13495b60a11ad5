"""How heavy and how quick is the chat page? The whole of Hearth with the starter model, seen through a real Chromium.

Requests, script bytes and first contentful paint with a cold cache; from Enter to the first visible word, against
the engine's own time to first token asked in turn; memory of the processes at rest, before any model is loaded; and
the second start.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from bench import _hearth
from bench._figures import commit, figure, machine, say
from chat.prompts import SYSTEM
from launch import browser
from launch.console import Console

REST_SECONDS = 5.0
ANSWER_TIMEOUT_MS = 120_000
QUESTION = "Question {number}: say in one sentence what a hearth is good for in winter"

# Notes when Enter was pressed and when the frame with the first word of a new answer was drawn.
WATCH_FIRST_WORD = """
() => {
  window.bench = {};
  window.bench.done = new Promise((resolve, reject) => {
    window.bench.resolve = resolve;
    setTimeout(() => reject(new Error("no word within two minutes")), 120000);
  });
  const known = new Set(document.querySelectorAll("article.answer"));
  addEventListener("keydown", (event) => {
    if (event.key === "Enter") window.bench.enter = event.timeStamp;
  }, {capture: true});
  const look = () => {
    for (const answer of document.querySelectorAll("article.answer")) {
      if (known.has(answer)) continue;
      const text = answer.querySelector(".answer__text");
      if (text && text.textContent.trim() && text.checkVisibility()) {
        observer.disconnect();
        requestAnimationFrame(() => window.bench.resolve(performance.now() - window.bench.enter));
        return;
      }
    }
  };
  const observer = new MutationObserver(look);
  observer.observe(document.body, {subtree: true, childList: true, characterData: true});
}
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="bin/bench page", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer runs")
    num_runs = 3 if parser.parse_args().quick else 9
    program = browser.ensure(Console(os.fdopen(os.dup(2), "w")))
    say(f"{machine()}, commit {commit()}, {num_runs} runs")
    with _hearth.home() as home:
        with _hearth.running(home) as hearth, sync_playwright() as playwright:
            say(f"first start: {hearth.start_seconds:.1f} s")
            arguments = ["--no-sandbox"] if os.getuid() == 0 else []
            chromium = playwright.chromium.launch(executable_path=str(program), args=arguments)
            try:
                cookies = sign_in(chromium, hearth)
                measure_loading(chromium, hearth, cookies, num_runs)
                measure_memory(hearth)
                measure_first_word(chromium, hearth, cookies, num_runs)
            finally:
                chromium.close()
        seconds = []
        for number in range(3 if num_runs <= 3 else 5):
            with _hearth.running(home) as hearth:
                seconds.append(hearth.start_seconds)
                say(f"start {number + 2}: {hearth.start_seconds:.2f} s")
        figure("page.second_start_s", seconds, "s")


def sign_in(chromium: Browser, hearth: _hearth.Hearth) -> list[Any]:
    """As the first admin, who must choose a password of their own. Returns the cookies."""
    context = chromium.new_context(locale="en-GB")
    page = context.new_page()
    page.goto(f"{hearth.url}/signin/")
    page.fill("[name=email]", hearth.admin_email)
    page.fill("[name=password]", hearth.admin_password)
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/account/password/")
    page.fill("[name=current_password]", hearth.admin_password)
    for field in ("new_password", "new_password_again"):
        page.fill(f"[name={field}]", f"{hearth.admin_password}-of-my-own")
    page.get_by_role("button", name="Change password").click()
    page.locator("textarea[name=text]").wait_for()
    cookies: list[Any] = context.cookies()
    context.close()
    return cookies


def open_context(chromium: Browser, cookies: list[Any]) -> BrowserContext:
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    context.add_cookies(cookies)
    return context


def measure_loading(chromium: Browser, hearth: _hearth.Hearth, cookies: list[Any], num_runs: int) -> None:
    """A new context each time: its cache is cold. One run before the count warms the server's templates."""
    requests, script_kb, paint_ms = [], [], []
    for number in range(num_runs + 1):
        context = open_context(chromium, cookies)
        page = context.new_page()
        seen = watch_network(context, page)
        page.goto(f"{hearth.url}/", wait_until="networkidle")
        paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        context.close()
        if number == 0:
            continue
        requests.append(len(seen))
        script_kb.append(sum(each["bytes"] for each in seen.values() if each["type"] == "Script") / 1000)
        paint_ms.append(paint)
    figure("page.requests", requests, "requests")
    figure("page.js_kb", script_kb, "kB")
    figure("page.fcp_ms", paint_ms, "ms")


def watch_network(context: BrowserContext, page: Page) -> dict[str, dict[str, Any]]:
    """Every request by its number, the websocket included, with its kind and the bytes that came over the wire."""
    seen: dict[str, dict[str, Any]] = {}
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    session.on(
        "Network.requestWillBeSent",
        lambda event: seen.update({event["requestId"]: {"type": event.get("type"), "bytes": 0}}),
    )
    session.on(
        "Network.webSocketCreated", lambda event: seen.update({event["requestId"]: {"type": "Socket", "bytes": 0}})
    )

    def finished(event: dict[str, Any]) -> None:
        if event["requestId"] in seen:
            seen[event["requestId"]]["bytes"] = event["encodedDataLength"]

    session.on("Network.loadingFinished", finished)
    return seen


def measure_memory(hearth: _hearth.Hearth) -> None:
    """After the page was used and before a model is loaded; PostgreSQL and Valkey are not ours and do not count."""
    time.sleep(REST_SECONDS)
    found = _hearth.processes(hearth.pid)
    python = {pid: line for pid, line in found.items() if Path(line.split(" ")[0]).name.startswith("python")}
    for pid, line in python.items():
        say(f"  {_hearth.rss_mb(pid):6.1f} MB  {line[:100]}")
    figure("page.web_rss_mb", [_hearth.rss_mb(pid) for pid, line in python.items() if "chat.server" in line], "MB")
    figure("page.python_rss_mb", [sum(_hearth.rss_mb(pid) for pid in python)], "MB")


def measure_first_word(
    chromium: Browser,
    hearth: _hearth.Hearth,
    cookies: list[Any],
    num_runs: int,
    name: str = "page.first_word_over_engine_ms",
) -> None:
    """The page and the engine in turn, each with questions of equal length that nobody has asked before."""
    over_ms, engine_ms = [], []
    for number in range(num_runs + 1):
        page_ms = first_word_on_page(chromium, hearth, cookies, QUESTION.format(number=100 + number))
        bare_ms = first_token_of_engine(hearth, QUESTION.format(number=500 + number))
        say(f"  first word: page {page_ms:.0f} ms, engine {bare_ms:.0f} ms{' (not counted)' if number == 0 else ''}")
        # The first one loads the model.
        if number:
            over_ms.append(page_ms - bare_ms)
            engine_ms.append(bare_ms)
    figure(name, over_ms, "ms", peers=engine_ms)


def first_word_on_page(chromium: Browser, hearth: _hearth.Hearth, cookies: list[Any], question: str) -> float:
    """Milliseconds from Enter in a new thread to the frame that shows the first word."""
    context = open_context(chromium, cookies)
    page = context.new_page()
    page.goto(f"{hearth.url}/", wait_until="networkidle")
    page.evaluate(WATCH_FIRST_WORD)
    page.fill("textarea[name=text]", question)
    page.press("textarea[name=text]", "Enter")
    milliseconds: float = page.evaluate("window.bench.done")
    # The next measurement must not share the engine with the rest of this answer, nor with the title that follows it.
    page.locator(".answer__end > *").first.wait_for(state="attached", timeout=ANSWER_TIMEOUT_MS)
    wait_until_idle(hearth)
    context.close()
    return milliseconds


def first_token_of_engine(hearth: _hearth.Hearth, question: str) -> float:
    """Milliseconds from the request to the first word, with the same system prompt and none of the question in a
    cache.
    """
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": question}]
    payload = {
        "model": chat_model(hearth),
        "messages": messages,
        "stream": True,
        "max_tokens": 8,
        "cache_salt": "bench",
    }
    began = time.perf_counter()
    milliseconds = 0.0
    with httpx.stream(
        "POST", f"{hearth.inference_url}/v1/chat/completions", json=payload, headers=bearer(hearth), timeout=120
    ) as response:
        for line in response.iter_lines():
            if not milliseconds and line.startswith("data: {") and content_of(line):
                milliseconds = (time.perf_counter() - began) * 1000
    wait_until_idle(hearth)
    return milliseconds


def content_of(line: str) -> str:
    choices = json.loads(line.removeprefix("data: ")).get("choices") or [{}]
    text: str = choices[0].get("delta", {}).get("content") or ""
    return text


def chat_model(hearth: _hearth.Hearth) -> str:
    models = httpx.get(f"{hearth.inference_url}/v1/models", headers=bearer(hearth)).json()["data"]
    return next(str(model["id"]) for model in models if model["meta"]["kind"] == "chat")


def wait_until_idle(hearth: _hearth.Hearth) -> None:
    """Until the engine's own gauge of running requests has been at zero for a second."""
    quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < 1.0:
        text = httpx.get(f"{hearth.inference_url}/metrics", headers=bearer(hearth)).text
        busy = [
            line
            for line in text.splitlines()
            if line.startswith("vllm:num_requests_") and not line.endswith((" 0", " 0.0"))
        ]
        if busy:
            quiet_since = time.monotonic()
        time.sleep(0.1)


def bearer(hearth: _hearth.Hearth) -> dict[str, str]:
    return {"Authorization": f"Bearer {hearth.inference_secret}"}


if __name__ == "__main__":
    main()
