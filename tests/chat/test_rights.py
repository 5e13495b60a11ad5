"""Every route × method × audience × object, and every socket frame, against tests/chat/rights_table.py."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import transaction
from django.http.response import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from chat import consumers, frames, socket_rights, valkey
from chat.models import (
    ApiKey,
    Assistant,
    Draft,
    Employee,
    Folder,
    Invitation,
    Rating,
    SavedPrompt,
    ServedModel,
    Share,
    Thread,
    ThreadImport,
    Turn,
)
from chat.models.turn import STOPPED
from rag import collections, groups, placing, principals, uploads
from rag.models import Citation, Document, Page, Upload, Version
from tests.chat.browser import Tab, tab_of
from tests.chat.rights_table import BODIES, FORMS, FRAMES, ROUTES, Row
from tests.factories import (
    EMPTY_PDF,
    browser_of,
    finish,
    make_document,
    make_employee,
    make_model,
    make_thread,
    make_turn,
    send_frame,
)

ALL_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
AUDIENCES = ("nobody", "owner", "other", "admin", "deactivated")
OBJECTS = ("own", "foreign", "missing")


def routes(patterns: Any = None) -> Iterator[tuple[str, frozenset[str]]]:
    """(name, methods) of everything the resolver knows."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns)
        elif isinstance(pattern, URLPattern):
            assert pattern.name, f"{pattern} has no name"
            yield pattern.name, pattern.callback.methods


KNOWN = dict(routes())
CASES = [(name, method) for name in sorted(KNOWN) for method in sorted(KNOWN[name])]


def test_every_route_is_in_the_table() -> None:
    """A new route or method is decided about before it is merged, and a removed one leaves the table."""
    assert {name: set(row) for name, row in ROUTES.items()} == {name: set(found) for name, found in KNOWN.items()}


def test_every_frame_is_in_the_table() -> None:
    assert set(FRAMES) == set(frames.KINDS)


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "method"), CASES, ids=lambda value: str(value))
def test_route(name: str, method: str) -> None:
    """The expected status for all five audiences, with their own object, another's, and none."""
    people = _people()
    wrong = []
    for audience in AUDIENCES:
        for kind in OBJECTS if _parameters(name) else ("own",):
            valkey.client().flushdb()  # nobody's attempts count against the next one
            with transaction.atomic():
                expected = _expected(ROUTES[name][method], audience, kind)
                found = _try(name, method, people, audience, kind)
                if found != expected:
                    wrong.append(f"{audience}, {kind}: {found} instead of {expected}")
                transaction.set_rollback(True)
    assert not wrong


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(name for name in KNOWN if not name.startswith("api_")))
def test_other_methods_are_refused(name: str) -> None:
    """What a route does not have is a 405, whoever asks."""
    client = browser_of(make_employee("carol@example.com", is_admin=True))
    url = reverse(name, kwargs=_nothing(name))
    for method in ALL_METHODS:
        if method in KNOWN[name] or (method == "HEAD" and "GET" in KNOWN[name]):
            continue
        assert client.generic(method, url).status_code == 405, method


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "method"), [case for case in CASES if not case[0].startswith("api_") and case[1] not in ("GET", "HEAD")]
)
def test_nothing_changes_without_the_pages_token(name: str, method: str) -> None:
    """Another site cannot make a browser do it."""
    client = browser_of(make_employee("carol@example.com", is_admin=True))
    client.handler.enforce_csrf_checks = True
    response = client.generic(method, reverse(name, kwargs=_nothing(name)), "{}", "application/json")
    assert response.status_code == 403
    assert response.json()["error"]["code"] == "csrf"


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "method"), sorted(BODIES))
def test_unknown_fields_are_refused(name: str, method: str) -> None:
    """Nothing can be set that the route does not offer: owner, is_admin, created_at."""
    people = _people()
    body = BODIES[name, method] | {"owner": people["other"].pk}
    with transaction.atomic():
        kwargs = _objects(name, people["admin"] if name != "employee" else people["other"])
        response = browser_of(people["admin"]).generic(
            method, reverse(name, kwargs=kwargs), json.dumps(body), "application/json"
        )
    assert (response.status_code, response.json()["error"]["code"]) == (400, "unknown_field")


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "method"), sorted(FORMS))
def test_unknown_form_fields_are_refused(name: str, method: str) -> None:
    people = _people()
    kwargs = _objects(name, people["admin"])
    url = reverse(name, kwargs=kwargs)
    response = browser_of(people["admin"]).post(url, FORMS[name, method] | {"is_admin": "on"})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "unknown_field")


@pytest.mark.django_db
def test_a_thread_takes_only_documents_of_its_owner() -> None:
    """Both objects of a route are looked up for the employee, not only the first."""
    people = _people()
    thread, document = make_thread(people["owner"]), make_document(people["other"])
    kwargs = {"thread_id": thread.pk, "document_id": document.pk}
    assert browser_of(people["owner"]).put(reverse("thread_document", kwargs=kwargs)).status_code == 404
    assert not thread.documents.exists()


@pytest.mark.django_db
def test_pages_send_strangers_to_the_sign_in_page() -> None:
    """A person is asked to sign in and comes back to where they wanted to go."""
    response = Client(HTTP_ACCEPT="text/html").get("/documents/?a=1")
    assert (response.status_code, response["Location"]) == (302, "/signin/?next=/documents/%3Fa%3D1")


def _people() -> dict[str, Employee | None]:
    return {
        "nobody": None,
        "owner": make_employee("alice@example.com", name="Alice"),
        "other": make_employee("bob@example.com", name="Bob"),
        "admin": make_employee("carol@example.com", name="Carol", is_admin=True),
        "deactivated": make_employee("dora@example.com", name="Dora"),
    }


def _expected(row: Row, audience: str, kind: str) -> int:
    if audience in ("nobody", "deactivated"):
        is_token = row.own == row.nobody and row.missing != row.own  # an invitation: the token decides
        return row.missing if is_token and kind == "missing" else row.nobody
    return getattr(row, f"admin_{kind}" if audience == "admin" else kind)


def _try(name: str, method: str, people: Any, audience: str, kind: str) -> int:
    me = people[audience]
    if kind == "missing":
        kwargs = _nothing(name)
    else:
        mine = me or people["owner"]
        foreign = people["other"] if mine != people["other"] else people["owner"]
        kwargs = _objects(name, mine if kind == "own" else foreign)
    client = browser_of(me)
    if audience == "deactivated":
        me.deactivate()
    before = _state(people, me) if kind == "foreign" else None
    response = _request(client, name, method, kwargs)
    finish(response)
    if kind == "foreign" and response.status_code >= 400:
        assert _state(people, me) == before, "a refused request changed something"
    return response.status_code


def _request(client: Client, name: str, method: str, kwargs: dict[str, Any]) -> HttpResponseBase:
    url = reverse(name, kwargs=kwargs)
    if (name, method) in FORMS:
        return client.post(url, FORMS[name, method])
    if (name, method) in (("upload", "PATCH"), ("import", "PATCH")):
        return client.patch(
            url, EMPTY_PDF[:10], content_type="application/octet-stream", headers={"Upload-Offset": "0"}
        )
    return client.generic(method, url, json.dumps(_body(name, method, kwargs)), "application/json")


def _body(name: str, method: str, kwargs: dict[str, Any]) -> dict[str, object]:
    body = BODIES.get((name, method), {})
    if "message" not in body:
        return body
    thread = Thread.objects.filter(pk=kwargs["thread_id"]).first()
    return {"message": str(make_turn(thread).answer_id if thread else uuid.UUID(int=7))}


def _state(people: Any, me: Employee | None) -> list[Any]:
    """The rows of everybody else, as far as a request may touch them."""
    tables: list[Any] = [Thread, Document, Upload, ApiKey, Folder, Draft, Share, Rating, ThreadImport]
    tables += [Assistant, SavedPrompt]
    rows: list[Any] = [list(table.objects.exclude(owner=me).order_by("pk").values()) for table in tables]
    rows.append(list(ServedModel.objects.order_by("pk").values()))
    return [*rows, list(Employee.objects.exclude(pk=getattr(me, "pk", None)).order_by("pk").values())]


def _nothing(name: str) -> dict[str, Any]:
    """Ids of no object at all."""
    values = {
        "key_id": 999_999,
        "model_id": 999_999,
        "employee_id": 999_999,
        "principal_id": 999_999,
        "token": "x" * 43,
        "page_no": 0,
        "name": "nothing",
        "rest": "nothing",
    }
    return {key: values.get(key, uuid.UUID(int=7)) for key in _parameters(name)}


def _objects(name: str, owner: Employee) -> dict[str, Any]:
    """Ids of fresh objects of this employee, as many as the route names."""
    return {key: MAKERS[key](owner, name) for key in _parameters(name)}


def _parameters(name: str) -> list[str]:
    (_pattern, parameters), *_rest = get_resolver().reverse_dict.getlist(name)[0][0]
    return list(parameters)


def _thread(owner: Employee, name: str) -> uuid.UUID:
    thread = make_thread(owner)
    if name == "thread_shares":
        make_turn(thread, answer="180 EUR", status=STOPPED, message_status="stopped")
    if name in ("restoration", "trashed_thread"):
        thread.delete_softly()
    elif name == "thread_document":
        thread.documents.add(_read_document(owner))
    return thread.pk


def _document(owner: Employee, name: str) -> uuid.UUID:
    if name == "thread_document":
        return Document.objects.filter(owner=owner).latest("created_at").pk
    document = _read_document(owner)
    if name == "document_exceptions":
        placing.move(document, owner, collections.make(owner, "Handbooks"))
    return document.pk


def _read_document(owner: Employee) -> Document:
    document = make_document(owner)
    version = document.newest_version
    assert version is not None
    Version.objects.filter(pk=version.pk).update(num_pages=1, status="ready")
    Page.objects.create(version_id=version.pk, page_no=0, width=200, height=200, text="Hotels cost 180 EUR.")
    return document


def _upload(owner: Employee, name: str) -> uuid.UUID:
    return uploads.begin(owner, "a.pdf", len(EMPTY_PDF)).pk


def _citation(owner: Employee, name: str) -> uuid.UUID:
    document = _read_document(owner)
    return Citation.objects.create(
        message_id=uuid.uuid4(),
        n=1,
        document=document,
        version=document.newest_version,
        page_no=0,
        char_start=0,
        char_end=6,
        quote="Hotels",
    ).pk


def _share(owner: Employee, name: str) -> uuid.UUID:
    return Share.make(make_thread(owner), [{"role": "user", "text": "How much?", "model": "", "sources": []}]).pk


def _token(owner: Employee, name: str) -> str:
    return Invitation.objects.issue(f"{uuid.uuid4().hex}@example.com", by=owner)[1]


def _answer(owner: Employee, name: str) -> uuid.UUID:
    return make_turn(make_thread(owner), answer="180 EUR", status=STOPPED, message_status="stopped").answer_id


def _collection(owner: Employee, name: str) -> uuid.UUID:
    collection = collections.make(owner, "Handbooks")
    if name == "collection_member":
        collections.give(collection, principals.everybody(), "reader")
    return collection.pk


def _principal(owner: Employee, name: str) -> int:
    return principals.everybody().pk if name == "collection_member" else groups.make(uuid.uuid4().hex).pk


def _waiting_turn(owner: Employee, name: str) -> uuid.UUID:
    thread = make_thread(owner)
    make_turn(thread, answer="180 EUR", status=STOPPED, message_status="stopped")
    return make_turn(thread).pk


MAKERS: dict[str, Callable[[Employee, str], Any]] = {
    "thread_id": _thread,
    "document_id": _document,
    "collection_id": _collection,
    "principal_id": _principal,
    "upload_id": _upload,
    "assistant_id": lambda owner, name: Assistant.objects.create(owner=owner, name="Letters").pk,
    "prompt_id": lambda owner, name: SavedPrompt.objects.create(owner=owner, name="Letter", text="Dear").pk,
    "folder_id": lambda owner, name: Folder.make(owner, "Plans").pk,
    "share_id": _share,
    "message_id": _answer,
    "turn_id": _waiting_turn,
    "import_id": lambda owner, name: ThreadImport.begin(owner, "conversations.json", 100).pk,
    "citation_id": _citation,
    "page_no": lambda owner, name: 0,
    "token": _token,
    "key_id": lambda owner, name: ApiKey.objects.issue(owner, "script")[0].pk,
    "model_id": lambda owner, name: make_model(f"model-{uuid.uuid4().hex}").pk,
    "employee_id": lambda owner, name: owner.pk,
    "name": lambda owner, name: make_model(f"model-{uuid.uuid4().hex}").name,
    "rest": lambda owner, name: "nothing",
}


# Sockets


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", sorted(FRAMES))
async def test_frame(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The expected answer for owner, other and admin, with their own turn, another's, and none; then deactivation."""
    monkeypatch.setattr(socket_rights, "CHECK_EVERY_SECONDS", -1.0)
    people = await sync_to_async(_people)()
    await sync_to_async(make_model)()
    wrong = []
    for audience in ("owner", "other", "admin"):
        me = people[audience]
        foreign = people["other" if audience == "owner" else "owner"]
        assert me is not None
        assert foreign is not None
        async with tab_of(me) as tab:
            for which in OBJECTS:
                turn = await sync_to_async(_ended_turn)(me if which == "own" else foreign)
                await tab.say(_frame(kind, turn if which != "missing" else None))
                expected = getattr(FRAMES[kind], which)
                found = "pong" if kind == "ping" and await tab.hear("pong") else await _first_answer(tab)
                if found != expected:
                    wrong.append(f"{audience}, {which}: {found!r} instead of {expected!r}")
                await turn.arefresh_from_db()
                if which == "foreign" and turn.stop_requested_at is not None:
                    wrong.append(f"{audience} stopped another's turn")
            mine = await sync_to_async(_ended_turn)(me)
            await sync_to_async(me.deactivate)()
            await tab.say(_frame(kind, mine))
            if await tab.closed_with() != consumers.SIGNED_OUT:
                wrong.append(f"{audience}, deactivated: goes on")
            await sync_to_async(Employee.objects.filter(pk=me.pk).update)(is_active=True)
    assert not wrong


def _ended_turn(owner: Employee) -> Turn:
    return make_turn(make_thread(owner), answer="180 EUR", status=STOPPED, message_status="stopped")


def _frame(kind: str, turn: Turn | None) -> dict[str, Any]:
    turn_id = str(turn.pk if turn else uuid.UUID(int=7))
    if kind == "message.send":
        return send_frame(thread=str(turn.thread_id if turn else uuid.UUID(int=7)))
    if kind in ("answer.regenerate", "answer.continue"):
        answer = str(turn.answer_id if turn else uuid.UUID(int=7))
        return {"type": kind, "ref": "r1", "id": str(uuid.uuid4()), "answer": answer}
    more = {"turn.follow": {"after_seq": 0}, "ack": {"seq": 1}, "ping": {}}
    whose = {} if kind == "ping" else {"turn": turn_id}
    return {"type": kind} | whose | more.get(kind, {})


async def _first_answer(tab: Tab) -> str:
    """Frames are handled in order, so what comes before the pong is the answer."""
    await tab.say({"type": "ping"})
    while True:
        frame = await tab.hear()
        if frame["type"] == "pong":
            return ""
        if frame["type"] not in ("thread.changed", "branch.changed"):
            await tab.hear("pong")
            return str(frame["type"])
