"""Somebody before a browser, with the few things that people do there. Watches what the page complains about."""

from __future__ import annotations

import contextlib
import copy
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Locator, Request, TimeoutError, expect

ANSWER_MS = 90_000


class Person:
    def __init__(self, chromium: Browser, url: str, state: dict[str, Any] | None = None, **options: object) -> None:
        """state: cookies of somebody who is signed in already. options: of the browser, locale for example."""
        settings: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}, "locale": "en-GB", **options}
        self._context = chromium.new_context(**settings)
        if state:
            self._context.add_cookies(state["cookies"])
        self.url = url
        self.complaints: list[str] = []
        self._context.on("request", self._check_address)
        self._devices: list[Person] = []
        self._open_tab()

    def _open_tab(self) -> None:
        self.page = self._context.new_page()
        self.page.on("console", self._check_console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def leave(self) -> None:
        for device in self._devices:
            device.leave()
        self._context.close()

    def another_tab(self) -> Person:
        """The same person, with the same page open once more."""
        other = copy.copy(self)
        other._open_tab()
        other.open(self.page.url)
        return other

    def another_device(self) -> Person:
        """The same person before a telephone, on the page where one begins."""
        browser = self._context.browser
        assert browser
        cookies: Any = self._context.storage_state()
        phone = Person(browser, self.url, cookies, viewport={"width": 390, "height": 800})
        phone.complaints = self.complaints
        self._devices.append(phone)
        phone.open("/")
        return phone

    def open(self, path: str) -> None:
        self.page.goto(path if path.startswith("http") else self.url + path)

    def sign_in(self, email: str, password: str) -> None:
        self.page.get_by_label("E-mail").fill(email)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()

    def invite(self, email: str) -> str:
        """As an admin. Returns the link to pass on."""
        self.open("/manage/employees/")
        self.page.get_by_label("E-mail of the new employee").fill(email)
        self.page.get_by_role("button", name="Invite").click()
        link = self.page.locator(".employee-table__fresh .secret code").inner_text()
        assert link.startswith(f"{self.url}/invitations/")
        return link

    def accept(self, link: str, name: str, password: str) -> None:
        self.open(link)
        self.page.locator("[name=name]").fill(name)
        for field in self.page.locator("input[type=password]").all():
            field.fill(password)
        self.page.get_by_role("button", name="Create my account").click()
        expect(self.composer).to_be_visible()

    @property
    def composer(self) -> Locator:
        return self.page.locator("textarea[name=text]")

    @property
    def answer(self) -> Locator:
        """The last answer."""
        return self.page.locator("article.answer").last

    @property
    def answer_text(self) -> Locator:
        return self.answer.locator(".answer__text")

    def ask(self, question: str) -> None:
        self.composer.fill(question)
        self.composer.press("Enter")
        expect(self.page.locator("article.question").last).to_contain_text(question)

    def wait_for_words(self) -> None:
        expect(self.answer_text).to_contain_text(re.compile(r"\w+\W+\w+"), timeout=ANSWER_MS)

    def wait_for_end(self) -> str:
        """Until the answer has ended. Returns its text as shown."""
        expect(self.answer.locator(".answer__foot")).to_be_visible(timeout=ANSWER_MS)
        return self.answer_text.inner_text()

    def stop(self) -> str:
        """Press Stop, if the answer has not ended by itself meanwhile. Returns the answer's text as shown."""
        button = self.page.get_by_role("button", name="Stop")
        expect(button.or_(self.page.get_by_role("button", name="Send"))).to_be_visible()
        with contextlib.suppress(TimeoutError):  # it may end between the look and the click
            button.click(timeout=3_000)
        return self.wait_for_end()

    def thread_row(self, title: str) -> Locator:
        return self.page.locator(".threads__row").filter(has_text=title)

    def choose_in_menu_of(self, title: str, item: str) -> None:
        row = self.thread_row(title)
        row.hover()
        row.locator(".threads__more").click()
        self.page.get_by_role("menuitem", name=item).click()

    def upload(self, path: Path) -> Locator:
        """On the documents page. Returns the row of the file."""
        self.open("/documents/")
        self.page.locator("document-list input[type=file][accept]").set_input_files(path)
        return (
            self.page.locator(".documents")
            .get_by_role("listitem")
            .or_(self.page.locator(".documents > *"))
            .filter(has_text=path.stem)
            .first
        )

    def _check_address(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.netloc != urlsplit(self.url).netloc:
            self.complaints.append(f"asked elsewhere: {request.url}")

    def _check_console(self, message: ConsoleMessage) -> None:
        # A 4xx that a test provokes is logged by the browser as an error as well, and is no complaint of the page.
        if message.type == "error" and "the server responded with a status of 4" not in message.text:
            self.complaints.append(message.text)
