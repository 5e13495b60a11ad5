"""`for_employee` is the only door: no view, consumer, task or API call reaches a row any other way.

The modules of verbs, where rows are made and workers do their work, are named here one by one. A new module is
checked unless it is added, and adding it is a decision that a reviewer sees.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OWNED = {"Thread", "Message", "Turn", "ApiKey", "ServedModel", "Document", "Version", "Upload", "Citation", "Page"}
OWNED |= {"Assistant", "SavedPrompt", "Collection", "CollectionRight", "Hidden"}
OWNED |= {"Folder", "Draft", "Share", "Rating", "ThreadImport", "Chunk", "Access", "Membership", "Principal", "Shard"}
DOORS = {"for_employee", "for_admin", "trash_of", "open_to", "authenticate", "issue"}
DOORS |= {"curated_by", "managed_by", "nameable_by", "for_document"}
# Modules of verbs, and why they may.
VERBS = {
    "chat/models": "a row's own verbs",
    "chat/migrations": "no request comes here",
    "chat/turns/asking.py": "makes messages and turns; whatever comes from outside is looked up for the employee first",
    "chat/turns/comparing.py": "keeps one of the answers of a thread that was looked up for the employee",
    "chat/turns/queue.py": "the rows of turns that workers claim; a stop is looked up for the employee first",
    "chat/turns/presence.py": "ends turns that no worker will write, whoever's they are",
    "chat/deleting.py": "deletes threads that were looked up for the employee, and what beat finds expired",
    "chat/importing/keeping.py": "makes threads of the employee whose file is read",
    "chat/importing/reading.py": "reads the import whose id comes from our own queue",
    "chat/own_data.py": "packs what the employee who asks for it owns, the trash too",
    "chat/sharing.py": "copies what a reader was shown into a thread of their own",
    "chat/forking.py": "copies messages of a thread that was looked up for the employee",
    "chat/turns/withdrawing.py": "takes back a question whose turn was looked up for the employee",
    "chat/turns/history.py": "reads the thread of a turn that a worker has claimed",
    "chat/turns/after.py": "finishes the thread of a turn that a worker has claimed",
    "chat/titles.py": "names a thread whose id comes from our own queue",
    "chat/served_models.py": "keeps the table of models; its callers are the admins' page and beat",
    "chat/thread_files.py": "moves and ends the files of a thread that was looked up for the employee",
    "chat/people.py": "says how those are called whose right was looked up, and whom an employee may name",
    "chat/doorbell.py": "finds whose doorbell to ring, and says nothing but ids",
}


def checked_files() -> list[Path]:
    files = sorted((ROOT / "chat").rglob("*.py"))
    return [file for file in files if not any(_relative(file).startswith(name) for name in VERBS)]


def _relative(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def violations(source: str) -> Iterator[str]:
    """Every use of an owned model's manager that does not begin with a door."""
    tree = ast.parse(source)
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Attribute) and node.attr in ("objects", "_default_manager", "_base_manager")):
            continue
        name = node.value.id if isinstance(node.value, ast.Name) else getattr(node.value, "attr", "?")
        first = parents.get(node)
        is_door = isinstance(first, ast.Attribute) and first.attr in DOORS
        if name in OWNED and not is_door:
            yield f"line {node.lineno}: {name}.objects without a door"


@pytest.mark.parametrize("file", checked_files(), ids=_relative)
def test_rows_are_reached_through_their_doors(file: Path) -> None:
    """Somebody else's row is absent only if it was asked for the right way."""
    assert not list(violations(file.read_text()))


def test_the_list_of_verbs_names_what_exists() -> None:
    assert all((ROOT / name).exists() for name in VERBS)


@pytest.mark.parametrize(
    ("source", "is_wrong"),
    [
        ("Thread.objects.get(pk=1)", True),
        ("Thread.objects.filter(owner=me)", True),
        ("models.Thread.objects.all()", True),
        ("rows = Thread.objects\nrows.get(pk=1)", True),
        ("get_object_or_404(Thread.objects, pk=1)", True),
        ("Thread._default_manager.get(pk=1)", True),
        ("Thread.objects.for_employee(me).get(pk=1)", False),
        ("Employee.objects.get(pk=1)", False),
    ],
)
def test_the_lint_sees_what_it_should(source: str, is_wrong: bool) -> None:
    """A lint that finds nothing proves nothing."""
    assert bool(list(violations(source))) is is_wrong
