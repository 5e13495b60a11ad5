"""What do rights cost? The one statement that says who may read what, over a hundred thousand documents.

Two thousand people, four hundred groups, three hundred collections; nine documents of ten lie in collections and one of
fifty has an exception. Asked as a search asks it, as a click asks it, and as the page with its counts does.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

from bench import _library
from bench._figures import commit, figure, machine, say

NUM_PEOPLE, NUM_GROUPS, NUM_COLLECTIONS = 2000, 400, 300
RUNS = 40

_POINT = """
UPDATE rag_document d SET live_version_id = v.id, newest_version_id = v.id, num_live_chunks = v.num_chunks
FROM rag_version v WHERE v.document_id = d.id;
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="bin/bench rights", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="10,000 documents instead of 100,000")
    parser.add_argument("--plans", action="store_true", help="show the plans as well")
    arguments = parser.parse_args()
    say(f"{machine()}, commit {commit()}")
    with _library.pieces():
        people = _fill(10_000 if arguments.quick else 100_000)
        _measure(people, arguments.plans)


def _fill(num_documents: int) -> dict[str, Any]:
    """Somebody with one collection, somebody with a third of them, somebody with all."""
    from django.contrib.auth import get_user_model
    from django.db import connection

    from rag.models import Access, Collection, CollectionRight, Document, Hidden, Membership, Principal, Version

    dice = random.Random(3)
    employees = get_user_model()
    rows = [employees(email=f"p{n}@bench.example", name=f"P{n}") for n in range(NUM_PEOPLE)]
    employees.objects.bulk_create(rows)
    own = [Principal(kind="employee", employee=row) for row in rows]
    groups = [Principal(kind="group", name=f"G{n}") for n in range(NUM_GROUPS)]
    Principal.objects.bulk_create([*own, *groups])
    Membership.objects.bulk_create([Membership(employee=p.employee, principal=p) for p in own])
    joined = {(row.pk, group.pk) for row in rows for group in dice.sample(groups, 5)}
    Membership.objects.bulk_create([Membership(employee_id=a, principal_id=b) for a, b in joined])
    shelves = [Collection(name=f"C{n}") for n in range(NUM_COLLECTIONS)]
    Collection.objects.bulk_create(shelves)
    rights = [
        CollectionRight(collection=shelf, principal=group, role="reader")
        for shelf in shelves
        for group in dice.sample(groups, 5)
    ]
    chosen = {"few": own[0], "third": own[1], "all": own[2]}
    for name, count in (("few", 1), ("third", NUM_COLLECTIONS // 3), ("all", NUM_COLLECTIONS)):
        rights += [CollectionRight(collection=s, principal=chosen[name], role="reader") for s in shelves[:count]]
    CollectionRight.objects.bulk_create(rights)
    documents = [
        Document(owner=dice.choice(rows), title=f"D{n}", collection=None if n % 10 == 0 else dice.choice(shelves))
        for n in range(num_documents)
    ]
    Document.objects.bulk_create(documents, batch_size=5000)
    of = {p.employee_id: p for p in own}
    personal = [d for d in documents if d.collection_id is None]
    Access.objects.bulk_create([Access(document=d, principal=of[d.owner_id]) for d in personal], batch_size=5000)
    hidden = [Hidden(document=d, principal=dice.choice(groups)) for d in documents[::50]]
    Hidden.objects.bulk_create(hidden, batch_size=5000)
    versions = [
        Version(document=d, file_name=d.pk.hex, sha256=d.pk.bytes * 2, status="ready", num_pages=10, num_chunks=20)
        for d in documents
    ]
    Version.objects.bulk_create(versions, batch_size=5000)
    with connection.cursor() as cursor:
        cursor.execute(_POINT)
        cursor.execute("VACUUM ANALYZE")  # as autovacuum does within minutes: an index alone answers only then
    return {name: principal.employee for name, principal in chosen.items()}


def _measure(people: dict[str, Any], with_plans: bool) -> None:
    from rag import collections, principals, retrieval
    from rag.models import Document

    for name, employee in people.items():
        visible = Document.objects.for_employee(employee)
        ids = list(visible.values_list("pk", flat=True)[:RUNS])
        say(f"{name}: {visible.count()} documents visible")

        def search(employee: Any = employee) -> None:
            with retrieval.snapshot() as cursor:
                retrieval.visible(cursor, retrieval.Scope(principals.ids_of(employee), None))

        _time(f"rights.search_{name}_ms", search)
        _time(f"rights.click_{name}_ms", lambda v=visible, i=ids: v.filter(pk=random.choice(i)).first())  # type: ignore[misc]
        _time(f"rights.page_{name}_ms", lambda v=visible: list(v.recent()[:200]))  # type: ignore[misc]
        _time(f"rights.counts_{name}_ms", lambda e=employee: collections.summaries(e))  # type: ignore[misc]
        if with_plans:
            say(visible.filter(pk=ids[0]).explain(analyze=True))
            say(visible.recent()[:200].explain(analyze=True))


def _time(name: str, work: Callable[[], object]) -> None:
    work()
    milliseconds = []
    for _ in range(RUNS):
        began = time.perf_counter()
        work()
        milliseconds.append((time.perf_counter() - began) * 1000)
    figure(name, [statistics.quantiles(milliseconds, n=20)[-1]], "ms, p95")


if __name__ == "__main__":
    main()
