"""Signing in and out, how long it lasts, and becoming an employee."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.contrib.auth import hashers
from django.test import Client
from django.utils import timezone

from chat import forms, sessions
from chat.models import Employee, Invitation
from tests.factories import PASSWORD, browser_of, make_employee

pytestmark = pytest.mark.django_db

PAGE = {"HTTP_ACCEPT": "text/html"}
NEW = "a much better password"


def sign_in(client: Client, email: str, password: str = PASSWORD, **more: str) -> tuple[int, str]:
    response = client.post("/signin/", {"email": email, "password": password} | more)
    return response.status_code, response.get("Location", "") or response.content.decode()


def test_alice_signs_in_and_comes_to_where_she_wanted(alice: Employee) -> None:
    """However she writes her address; an address of another site is not followed."""
    for following, expected in [
        ("/documents/", "/documents/"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("javascript:alert(1)", "/"),
    ]:
        assert sign_in(Client(**PAGE), "Alice@Example.COM ", next=following) == (302, expected)


def test_wrong_and_unknown_look_the_same(alice: Employee, bob: Employee, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong password, unknown address, deactivated: one answer, and each costs one hash."""
    bob.deactivate()
    hashed = []
    real = hashers.MD5PasswordHasher.encode
    monkeypatch.setattr(
        hashers.MD5PasswordHasher, "encode", lambda *args, **kwargs: hashed.append(1) or real(*args, **kwargs)
    )
    answers = []
    for email, password in [("alice@example.com", "wrong"), ("nobody@example.com", "wrong"), (bob.email, PASSWORD)]:
        status, page = sign_in(Client(**PAGE), email, password)
        answers.append((status, page.replace(email, "").count("wrong"), "E-mail or password is wrong." in page))
    assert len(set(answers)) == 1
    assert answers[0][0] == 400
    assert answers[0][2]
    assert len(hashed) == 3
    assert forms.employee_with("alice@example.com", PASSWORD) == alice


def test_guessing_is_slowed_down_for_one_person_from_one_place(alice: Employee) -> None:
    """Five attempts in five minutes; then even the right password has to wait, and another place does not."""
    client = Client(**PAGE)
    for _ in range(5):
        assert sign_in(client, alice.email, "wrong")[0] == 400
    status, page = sign_in(client, alice.email)
    assert status == 429
    assert "Too many attempts. Try again in 5 minutes." in page
    assert sign_in(Client(**PAGE, REMOTE_ADDR="10.1.2.3"), alice.email)[0] == 302


def test_a_session_gets_a_new_key_when_somebody_signs_in(alice: Employee) -> None:
    """A key that was planted before is worth nothing after."""
    client = browser_of(alice)
    before = client.cookies["sid"].value
    sign_in(client, alice.email)
    assert client.cookies["sid"].value != before


@pytest.mark.parametrize(
    ("age", "idle", "alive"),
    [(0, 0, True), (11 * 3600, 0, True), (12 * 3600 + 1, 0, False), (7200, 3601, False), (7200, 3500, True)],
)
def test_sessions_end(alice: Employee, age: int, idle: int, alive: bool) -> None:
    """Twelve hours in all, sixty minutes without a sign of life; for pages and sockets alike."""
    client = browser_of(alice)
    session = client.session
    session[sessions.SIGNED_IN_AT], session[sessions.SEEN_AT] = int(time.time()) - age, int(time.time()) - idle
    session.save()
    found = sessions.employee_of(session.session_key, note_seen=False)
    assert (found is not None) is alive
    assert client.get("/threads/").status_code == (200 if alive else 401)


def test_a_new_password_ends_every_other_session(alice: Employee) -> None:
    """The browser that changed it stays."""
    here, there = browser_of(alice), browser_of(alice)
    body = {"current_password": PASSWORD, "new_password": NEW, "new_password_again": NEW}
    assert here.post("/account/password/", body).status_code == 302
    assert here.get("/threads/").status_code == 200
    assert there.get("/threads/").status_code == 401


@pytest.mark.parametrize(
    ("current", "new", "again"),
    [("wrong", NEW, NEW), (PASSWORD, NEW, NEW + "!"), (PASSWORD, "short", "short"), (PASSWORD, PASSWORD, PASSWORD)],
)
def test_bad_new_passwords_change_nothing(alice: Employee, current: str, new: str, again: str) -> None:
    body = {"current_password": current, "new_password": new, "new_password_again": again}
    assert browser_of(alice).post("/account/password/", body).status_code == 400
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_a_one_time_password_opens_nothing_but_its_own_change() -> None:
    """The first admin must choose a password before anything else."""
    dora = make_employee("dora@example.com", must_change_password=True)
    client = browser_of(dora)
    assert client.get("/threads/").json()["error"]["code"] == "password_change_required"
    response = client.get("/documents/", headers={"accept": "text/html"})
    assert (response.status_code, response["Location"]) == (302, "/account/password/")
    assert sessions.employee_of(client.session.session_key) is None
    assert 'action="/signout/"' in client.get("/account/password/", **PAGE).content.decode()
    body = {"current_password": PASSWORD, "new_password": NEW, "new_password_again": NEW}
    response = client.post("/account/password/", body)
    assert (response.status_code, response["Location"]) == (302, "/")
    assert client.get("/threads/").status_code == 200


def test_signing_out_needs_a_post_and_ends_the_session(alice: Employee) -> None:
    client = browser_of(alice)
    assert client.get("/signout/").status_code == 405
    assert client.post("/signout/").status_code == 302
    assert client.get("/threads/").status_code == 401


def test_an_invitation_works_once(carol: Employee, carols_browser: Client) -> None:
    """Carol gets a link, Dora becomes an employee with it, and nobody else does."""
    response = carols_browser.post("/manage/employees/", {"email": "Dora@Example.com"}, content_type="application/json")
    url = response.json()["url"]
    assert url.startswith("http://testserver/invitations/")
    path = url.removeprefix("http://testserver")
    client = Client(**PAGE)
    page = client.get(path)
    assert page.status_code == 200
    assert "dora@example.com" in page.content.decode()
    body = {"name": "Dora", "new_password": NEW, "new_password_again": NEW}
    assert client.post(path, body).status_code == 302
    assert client.get("/threads/").status_code == 200
    again = Client(**PAGE).post(path, body)
    assert again.status_code == 404
    dora = Employee.objects.get(email="dora@example.com")
    assert (dora.name, dora.is_admin, dora.check_password(NEW)) == ("Dora", False, True)


def test_invitations_expire_and_replace_each_other(carol: Employee) -> None:
    first, first_token = Invitation.objects.issue("dora@example.com", by=carol)
    second, second_token = Invitation.objects.issue("dora@example.com", by=carol)
    assert Invitation.objects.with_token(first_token) is None
    assert Invitation.objects.with_token(second_token) == second
    Invitation.objects.filter(pk=second.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert Invitation.objects.with_token(second_token) is None
    assert second_token not in str(Invitation.objects.values_list())
    assert first.pk != second.pk


def test_two_letters_to_one_address_make_one_employee(carol: Employee) -> None:
    """Two admins who write at the same moment leave both letters open."""
    letters = [Invitation.objects.issue(f"dora{n}@example.com", by=carol) for n in range(2)]
    Invitation.objects.update(email="dora@example.com")
    body = {"name": "Dora", "new_password": NEW, "new_password_again": NEW}
    answers = [Client(**PAGE).post(f"/invitations/{token}/", body).status_code for _, token in letters]
    assert answers == [302, 404]


def test_an_employee_is_not_invited_again(carols_browser: Client, alice: Employee) -> None:
    response = carols_browser.post(
        "/manage/employees/", {"email": "ALICE@example.com"}, content_type="application/json"
    )
    assert (response.status_code, response.json()["error"]["code"]) == (400, "already_employee")
