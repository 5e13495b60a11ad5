"""Lets people in over plain HTTP, with the forms that the pages post, so that most tests can begin at the desk."""

from __future__ import annotations

import re
from typing import Any

import httpx

from tests.services import RunningStack

ADMIN_PASSWORD = "ember-and-paper-42"
PASSWORD = "a-warm-place-to-ask"
AS_A_PAGE = {"Accept": "text/html"}


class Office:
    """Signed in as the first admin, who has chosen a password."""

    def __init__(self, hearth: RunningStack) -> None:
        self._url = hearth.url
        self._admin = httpx.Client(base_url=hearth.url, follow_redirects=True, headers=AS_A_PAGE)
        _post(self._admin, "/signin/", email=hearth.admin_email, password=hearth.admin_password)
        _post(
            self._admin,
            "/account/password/",
            current_password=hearth.admin_password,
            new_password=ADMIN_PASSWORD,
            new_password_again=ADMIN_PASSWORD,
        )

    def close(self) -> None:
        self._admin.close()

    @property
    def admin_state(self) -> dict[str, Any]:
        return self._state_of(self._admin)

    def hire(self, email: str) -> dict[str, Any]:
        """An employee called Alice Example. Returns the state of a browser in which she is signed in."""
        token = _token(self._admin, "/manage/employees/")
        answer = self._admin.post("/manage/employees/", json={"email": email}, headers={"X-CSRFToken": token})
        answer.raise_for_status()
        link = re.search(r"/invitations/[^/\"]+/", answer.text)
        assert link, answer.text
        with httpx.Client(base_url=self._url, follow_redirects=True, headers=AS_A_PAGE) as newcomer:
            _post(newcomer, link[0], name="Alice Example", new_password=PASSWORD, new_password_again=PASSWORD)
            return self._state_of(newcomer)

    def enable(self, model: str, title: str) -> None:
        """For everybody, under this name."""
        token = _token(self._admin, "/manage/models/")
        served = self._admin.get("/manage/models/", headers={"Accept": "application/json"}).json()["served_models"]
        number = next(each["id"] for each in served if each["name"] == model)
        path, headers = f"/manage/models/{number}/", {"X-CSRFToken": token}
        self._admin.patch(path, json={"is_enabled": True, "title": title}, headers=headers).raise_for_status()

    def _state_of(self, client: httpx.Client) -> dict[str, Any]:
        cookies = [{"name": name, "value": value, "url": self._url} for name, value in client.cookies.items()]
        return {"cookies": cookies, "origins": []}


def _token(client: httpx.Client, path: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', client.get(path).text)
    assert found, path
    return found[1]


def _post(client: httpx.Client, path: str, **fields: str) -> None:
    client.post(path, data={"csrfmiddlewaretoken": _token(client, path), **fields}).raise_for_status()
