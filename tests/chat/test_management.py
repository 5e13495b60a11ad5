"""The admins' pages: models that are found, switched, named; people who are invited and leave."""

from __future__ import annotations

import io
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections
from django.test import Client

from chat import served_models, tasks
from chat.models import Employee, Invitation, ServedModel
from inference.client import Client as InferenceClient
from inference.errors import InferenceError
from inference.wire import ChatRequest
from rag import spaces
from tests.factories import browser_of, make_model, make_thread, make_turn
from tests.inference.serve import RunningInference

pytestmark = pytest.mark.django_db

JSON = {"content_type": "application/json"}


def rows(answer: Any) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in answer.json()["served_models"]}


def test_models_appear_disabled_and_are_switched_on(inference: RunningInference, carols_browser: Client) -> None:
    """What the service finds is listed with its facts; nobody may use it before Carol says so."""
    make_model("older", is_enabled=False)
    found = rows(carols_browser.get("/manage/models/"))
    assert set(found) == {"fake-chat", "fake-embed", "fake-rerank", "fake-think", "older"}
    chat = found["fake-chat"]
    assert (chat["kind"], chat["is_enabled"], chat["context_length"]) == ("chat", False, 8192)
    assert chat["file_name"]
    url = f"/manage/models/{chat['id']}/"
    changed = rows(carols_browser.patch(url, {"is_enabled": True, "title": "House model"}, **JSON))["fake-chat"]
    assert (changed["is_enabled"], changed["title"]) == (True, "House model")
    changed = rows(carols_browser.patch(url, {"is_default": True}, **JSON))["fake-chat"]
    assert changed["is_default"]


def test_a_fresh_machine_begins_with_its_starters(inference: RunningInference) -> None:
    """Also when the service answers only after the first start; and never again after that."""
    served_models.sync()
    chat, embed = ServedModel.objects.get(name="fake-chat"), ServedModel.objects.get(name="fake-embed")
    assert (chat.is_enabled, chat.is_default, embed.is_embedding) == (True, True, True)
    served_models.disable(chat)
    served_models.sync()
    chat.refresh_from_db()
    assert not chat.is_enabled


def test_a_model_that_was_put_off_is_tried_again_when_carol_says_so(
    inference: RunningInference, carols_browser: Client
) -> None:
    """The page says why it is off, and how much memory a loaded one was given; a sound model has nothing to lift."""
    found = rows(carols_browser.get("/manage/models/"))["fake-chat"]
    url = f"/manage/models/{found['id']}/"
    request = ChatRequest("fake-chat", [{"role": "user", "content": "die: 1"}])
    with InferenceClient(inference.url, inference.secret) as client, pytest.raises(InferenceError):
        client.chat(request)
    found = rows(carols_browser.get("/manage/models/"))["fake-chat"]
    assert (found["state"], found["can_be_lifted"]) == ("broken", True)
    assert "SIGABRT" in found["error"]
    lifted = rows(carols_browser.patch(url, {"lift": True}, **JSON))["fake-chat"]
    assert (lifted["state"], lifted["can_be_lifted"], lifted["error"]) == ("unloaded", False, "")
    with InferenceClient(inference.url, inference.secret) as client:
        client.load("fake-chat")
    placement = rows(carols_browser.get("/manage/models/"))["fake-chat"]["placement"]
    assert placement["context_length"] == placement["wanted_context_length"] == 8192
    assert placement["ram_bytes"] > 0


def test_there_is_one_default(inference: RunningInference, carols_browser: Client) -> None:
    first, second = make_model("first", is_default=True), make_model("second", is_enabled=False)
    assert carols_browser.patch(f"/manage/models/{second.pk}/", {"is_default": True}, **JSON).status_code == 200
    assert list(ServedModel.objects.filter(is_default=True)) == [second]
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.is_enabled, second.is_enabled) == (True, True)


def test_the_embedding_model_is_chosen_and_kept(inference: RunningInference, carols_browser: Client) -> None:
    """Choosing it tells rag; switching it off needs another one first; a chat model is not one."""
    served_models.sync()
    embed = ServedModel.objects.get(name="fake-embed")
    chat = ServedModel.objects.get(name="fake-chat")
    url = f"/manage/models/{embed.pk}/"
    assert carols_browser.patch(url, {"is_embedding": True}, **JSON).status_code == 200
    space = spaces.active()
    assert space is not None
    assert space.model == "fake-embed"
    assert carols_browser.patch(url, {"is_enabled": False}, **JSON).json()["error"]["code"] == "embedding_in_use"
    refused = carols_browser.patch(f"/manage/models/{chat.pk}/", {"is_embedding": True}, **JSON)
    assert refused.json()["error"]["code"] == "wrong_kind"


def test_a_file_that_went_keeps_its_row_and_comes_back(inference: RunningInference) -> None:
    gone = make_model("gone-for-now")
    served_models.sync()
    gone.refresh_from_db()
    assert (gone.is_present, gone.is_enabled) == (False, True)
    assert gone not in ServedModel.objects.for_employee(Employee())


def test_without_the_service_the_page_still_shows_what_is_known(settings: Any, carols_browser: Client) -> None:
    """And says what is wrong."""
    settings.HEARTH_INFERENCE_URL = "http://127.0.0.1:9"
    make_model("known")
    answer = carols_browser.get("/manage/models/")
    assert rows(answer)["known"]["state"] == "missing"
    assert answer.json()["problem"]


def test_a_disabled_model_is_unloaded_when_nobody_uses_it(
    inference: RunningInference, alice: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The task waits for running answers, and leaves a model alone that was switched on again."""
    unloaded: list[str] = []
    monkeypatch.setattr(type(served_models.client()), "unload", lambda self, name: unloaded.append(name))
    model = make_model(is_enabled=False)
    turn = make_turn(make_thread(alice))
    assert served_models.is_in_use(model.name)
    turn.status = "finished"
    turn.save()
    assert not served_models.is_in_use(model.name)
    tasks.unload_model.run(model.name)
    assert unloaded == ["fake-chat"]
    served_models.enable(model)
    tasks.unload_model.run(model.name)
    assert unloaded == ["fake-chat"]


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("SmolLM2-135M-Instruct.Q4_1", "SmolLM2 135M Instruct"),
        ("multilingual-e5-small-Q4_0", "multilingual e5 small"),
        ("qwen2.5-7b-instruct-q4_k_m", "qwen2.5 7b instruct"),
        ("plain", "plain"),
    ],
)
def test_titles_from_file_names(name: str, title: str) -> None:
    assert served_models.title_from(name) == title


def test_people(carol: Employee, alice: Employee, carols_browser: Client) -> None:
    """Carol makes Alice an admin and takes it back, switches her off, and cannot touch herself."""
    url = f"/manage/employees/{alice.pk}/"
    assert carols_browser.patch(url, {"is_admin": True}, **JSON).json()["employee"]["is_admin"] is True
    assert carols_browser.patch(url, {"is_admin": False, "is_active": False}, **JSON).status_code == 200
    alice.refresh_from_db()
    assert (alice.is_admin, alice.is_active) == (False, False)
    own = carols_browser.patch(f"/manage/employees/{carol.pk}/", {"is_admin": False}, **JSON)
    assert own.json()["error"]["code"] == "yourself"


def test_who_leaves_takes_their_questions_and_letters_along(
    alice: Employee, carol: Employee, carols_browser: Client
) -> None:
    """What is being written for Alice stops; an invitation that she wrote as an admin lets nobody in."""
    Employee.objects.filter(pk=alice.pk).update(is_admin=True)
    turn = make_turn(make_thread(alice))
    _, hers = Invitation.objects.issue("dora@example.com", by=alice, is_admin=True)
    _, carols = Invitation.objects.issue("erik@example.com", by=carol)
    assert carols_browser.patch(f"/manage/employees/{alice.pk}/", {"is_active": False}, **JSON).status_code == 200
    turn.refresh_from_db()
    assert turn.stop_requested_at is not None
    assert Invitation.objects.with_token(hers) is None
    assert Invitation.objects.with_token(carols) is not None


@pytest.mark.django_db(transaction=True)
def test_two_admins_who_dismiss_each_other_leave_one(carol: Employee, alice: Employee) -> None:
    """Somebody can always manage, however the two requests meet."""
    Employee.objects.filter(pk=alice.pk).update(is_admin=True)
    both = [(browser_of(carol), alice), (browser_of(alice), carol)]
    together = threading.Barrier(2)

    def dismiss(browser: Client, other: Employee) -> int:
        together.wait()
        try:
            return browser.patch(f"/manage/employees/{other.pk}/", {"is_admin": False}, **JSON).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as threads:
        answers = sorted(threads.map(dismiss, *zip(*both, strict=True)))
    assert answers == [200, 404]
    assert Employee.objects.filter(is_admin=True).count() == 1


@pytest.mark.parametrize(
    "email", ["", "x", "a@", "@b", "a b@c.d", "a@b", "ä@b.de", "x" * 300 + "@a.b", "a@" + "b." * 140 + "de", 7]
)
def test_addresses_that_are_none(carols_browser: Client, email: Any) -> None:
    assert carols_browser.post("/manage/employees/", {"email": email}, **JSON).status_code == 400


def test_seed_makes_a_first_admin_once(inference: RunningInference) -> None:
    """The password is printed once, must be changed, and a second run changes nothing."""
    first = json.loads(seed())
    assert first["password"]
    admin = Employee.objects.get(email=first["email"])
    assert admin.check_password(first["password"])
    assert (admin.is_admin, admin.must_change_password) == (True, True)
    chat = ServedModel.objects.get(name="fake-chat")
    assert (chat.is_enabled, chat.is_default) == (True, True)
    space = spaces.active()
    assert space is not None
    assert space.model == "fake-embed"
    ServedModel.objects.filter(pk=chat.pk).update(title="Renamed", is_enabled=False, is_default=False)
    assert json.loads(seed()) == {"email": first["email"], "password": None}
    chat.refresh_from_db()
    assert (chat.title, chat.is_enabled) == ("Renamed", False)


def seed() -> str:
    out = io.StringIO()
    call_command("seed", "--json", stdout=out)
    return out.getvalue()
