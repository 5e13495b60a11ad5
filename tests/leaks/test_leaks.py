"""Nobody sees what they may not, and everybody sees what they may, in a company where everything changes all the time.

Each case is one thing that happens (or is refused) and one person who looks at one document everywhere: search,
citations old and new, file, page, lists, counts, and what sockets are told. `--leaks 10000` is the long run.
"""

from __future__ import annotations

import contextlib
import json
import random
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from chat import doorbell
from chat.models import Employee
from chat.views.documents import state_or_deletion
from chat.visible import visible_event
from rag import search, spaces, whole
from rag.models import Document
from tests.inference.serve import RunningInference
from tests.leaks.oracle import Oracle
from tests.leaks.world import World

CASES_A_WORLD = 100
TO_LOOK_AGAIN = {"document.changed", "library.changed", "thread.changed", "rights.changed"}


@pytest.fixture(autouse=True)
def uploads_dir(settings: Any, tmp_path: Any) -> None:
    settings.HEARTH_UPLOADS_DIR = tmp_path / "uploads"


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> list[tuple[frozenset[str], dict[str, Any]]]:
    """What would have rung in whose tabs. Signals leave on commit, which a test's transaction never reaches."""
    heard: list[tuple[frozenset[str], dict[str, Any]]] = []
    monkeypatch.setattr(doorbell, "ring_all", lambda groups, message: heard.append((frozenset(groups), message)))
    return heard


@pytest.mark.django_db
@pytest.mark.timeout(3600)
def test_nobody_sees_more_or_less_than_they_may(
    pytestconfig: pytest.Config,
    inference: RunningInference,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    rung: list[tuple[frozenset[str], dict[str, Any]]],
    django_capture_on_commit_callbacks: Any,
) -> None:
    num_cases, seed = pytestconfig.getoption("--leaks"), pytestconfig.getoption("--leaks-seed")
    settings.HEARTH_INFERENCE_URL, settings.HEARTH_INFERENCE_SECRET = inference.url, inference.secret
    monkeypatch.setattr("rag.doorbell.ring", lambda task, *args: None)
    for module in ("arrivals", "indexing", "embedding", "spaces", "ingest", "shards"):
        monkeypatch.setattr(f"rag.{module}.ring", lambda task, *args: None)
    spaces.activate("fake-embed")
    problems: list[str] = []
    done = 0
    while done < num_cases:
        dice = random.Random(seed + done)
        with _thrown_away():
            world = World(dice, has_vectors=dice.random() < 0.5)
            for _ in range(min(CASES_A_WORLD, num_cases - done)):
                before = {person: _sights(world.oracle, person) for person in world.people}
                rung.clear()
                with django_capture_on_commit_callbacks(execute=True):
                    event = world.happen()
                problems += [f"case {done}, after {event}: {problem}" for problem in _told(world, before, rung)]
                problems += [f"case {done}, after {event}: {problem}" for problem in _look(world, dice)]
                problems += [f"case {done}, {event}: {problem}" for problem in world.problems]
                world.problems.clear()
                done += 1
                assert not problems, problems[:20]


def _look(world: World, dice: random.Random) -> Iterator[str]:
    """One person looks at one document everywhere."""
    person, document = dice.choice(list(world.people)), dice.choice(list(world.oracle.documents))
    may = world.oracle.sees(person, document)
    expected = 200 if may else (404 if world.oracle.active[person] else 401)
    paths = [f"/documents/{document}/", f"/documents/{document}/file/", f"/documents/{document}/pages/0/"]
    for citation in world.citations[document]:
        paths += [f"/citations/{citation}/", f"/citations/{citation}/file/", f"/citations/{citation}/pages/0/"]
    for path in paths:
        status = world.status(person, path)
        if status != expected:
            yield f"{person} gets {status} for {path}, expected {expected}"
    yield from _searched(world, person, document, dice)
    yield from _counted(world, person, dice)
    yield from _followed(world, person, document, may)


def _searched(world: World, person: int, document: uuid.UUID, dice: random.Random) -> Iterator[str]:
    known = world.oracle.documents[document]
    employee = Employee.objects.get(pk=person)
    collections = set(dice.sample(list(world.oracle.collections), dice.randrange(3)))
    scopes: list[tuple[set[uuid.UUID], set[uuid.UUID], bool]] = [
        ({document}, set(), False),
        (set(), collections, False),
        ({document}, collections, True),
    ]
    for documents, chosen, everything in scopes:
        rows = list(Document.objects.filter(pk__in=documents))
        result = search.passages(
            known.words[-1], employee=employee, documents=rows, collections=chosen, everything=everything, limit=200
        )
        found = {passage.document_id for passage in result.passages}
        expected = world.oracle.found(person, documents, chosen, everything)
        # Words alone bring only what has them; vectors bring all there is.
        wanted = expected if world.has_vectors else expected & {document}
        if not wanted <= found <= expected:
            yield f"{person} finds {found ^ wanted} more or less for {document} in {documents, chosen, everything}"
        if result.num_visible_chunks != len(expected):
            yield f"{person} is told of {result.num_visible_chunks} chunks, there are {len(expected)}"
        replaced = set(known.words[:-1])
        if any(word in passage.text for passage in result.passages for word in replaced):
            yield f"{person} finds a replaced version of {document}"
    read = whole.read("Summarise this.", employee=employee, documents=rows, max_tokens=5000, some_tokens=5000)
    is_read = read is not None and any(passage.document_id == document for passage in read.passages)
    if is_read != (document in world.oracle.found(person, {document}, set(), False)):
        yield f"{person} reads {document} whole: {is_read}"


def _counted(world: World, person: int, dice: random.Random) -> Iterator[str]:
    oracle = world.oracle
    answer = world.ask(person, "GET", "/collections/")
    if not oracle.active[person]:
        if answer.status_code != 401:
            yield f"{person} is deactivated and gets {answer.status_code}"
        return
    shelves = answer.json()
    found = {row["id"]: (row["role"], row["num_documents"]) for row in shelves["collections"]}
    roles = {collection: oracle.role(person, collection) for collection in oracle.collections}
    expected = {str(pk): (role, len(oracle.on_shelf(person, str(pk)))) for pk, role in roles.items() if role}
    if found != expected:
        yield f"{person} has shelves {found}, expected {expected}"
    counts = shelves["num_own"], shelves["num_shown"]
    if counts != (len(oracle.on_shelf(person, "own")), len(oracle.on_shelf(person, "shown"))):
        yield f"{person} counts {counts}"
    for shelf in dice.sample(["own", "shown", *sorted(expected)], 1):
        rows = world.ask(person, "GET", f"/documents/?shelf={shelf}").json()["documents"]
        if {uuid.UUID(row["id"]) for row in rows} != oracle.on_shelf(person, shelf):
            yield f"{person} has other documents on {shelf}"
        managed = {row["id"] for row in rows if row["may_manage"]}
        if managed != {row["id"] for row in rows if oracle.manages(person, uuid.UUID(row["id"]))}:
            yield f"{person} may manage others on {shelf}"


def _followed(world: World, person: int, document: uuid.UUID, may: bool) -> Iterator[str]:
    """The event of an answer that was given the document when it was still allowed."""
    citation = str(world.citations[document][-1])
    source = {"n": 1, "document": str(document), "title": "T", "quote": "Q", "heading": "H", "citation": citation}
    event = json.dumps({"type": "sources.found", "turn": "t", "seq": 1, "sources": [source]}, separators=(",", ":"))
    (shown,) = json.loads(visible_event(Employee.objects.get(pk=person), event))["sources"]
    if bool(shown["quote"]) != may or bool(shown["heading"]) != may or (shown["title"] == "T") != may:
        yield f"{person} hears {shown} of {document}"


def _told(
    world: World, before: dict[int, set[uuid.UUID]], rung: list[tuple[frozenset[str], dict[str, Any]]]
) -> Iterator[str]:
    """Only who saw it or sees it now hears of a document; whoever gained or lost one hears at least to look again."""
    after = {person: _sights(world.oracle, person) for person in world.people}
    heard: dict[int, set[str]] = {person: set() for person in world.people}
    for groups, message in rung:
        people = {person for person in world.people if doorbell.employee_group(person) in groups}
        for person in people:
            heard[person].add(message["type"])
            if message["type"] != "document.changed":
                continue
            document = uuid.UUID(message["document_id"])
            if document not in before[person] | after[person]:
                yield f"{person} is told of {document}, which they never could see"
            state = state_or_deletion(Employee.objects.get(pk=person), document)
            if (state.get("deleted") is None) != (document in after[person]):
                yield f"{person} is sent a state of {document}"
    for person, types in heard.items():
        is_touched = before[person] != after[person] and world.oracle.active[person]
        if is_touched and not types & TO_LOOK_AGAIN:
            yield f"{person} hears nothing of {before[person] ^ after[person]}"


def _sights(oracle: Oracle, person: int) -> set[uuid.UUID]:
    return {document for document in oracle.documents if oracle.sees(person, document)}


@contextlib.contextmanager
def _thrown_away() -> Iterator[None]:
    """A world ends with its savepoint."""
    from django.db import transaction

    with transaction.atomic():
        yield
        transaction.set_rollback(True)
