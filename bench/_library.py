"""Documents for benches: a database and an inference process of their own, and folders of documents with questions.

Questions come in two forms, told apart by their fields: spans of characters in a text, or pages of a document.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from bench._figures import say
from tests import services
from tests.inference.serve import running_inference

if TYPE_CHECKING:
    from rag.models import Document

PIECE_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Question:
    """document names a file of the folder, with or without its ending; "" means that nothing answers."""

    text: str
    document: str
    spans: list[tuple[int, int]] = field(default_factory=list)
    pages: list[int] = field(default_factory=list)
    needs_all: bool = False
    language: str = "en"
    others: list[tuple[str, list[int]]] = field(default_factory=list)
    """Pages of other files that answer as well."""


@contextmanager
def pieces(model: str = "multilingual-e5-small-Q4_0", *, has_bells: bool = False) -> Iterator[Any]:
    """Django with an empty database and a real embedding model in force. Yields the employee who owns everything.

    has_bells: a Celery worker listens; otherwise the caller drives the steps.
    """
    with ExitStack() as resources:
        values = resources.enter_context(services.run_environment())
        inference = resources.enter_context(running_inference(backend="llama", GOMP_SPINCOUNT="0"))
        name = f"bench_{os.getpid()}"
        with psycopg.connect(services.database_url(values["DATABASE_URL"], "hearth"), autocommit=True) as server:
            server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        resources.callback(services.drop_database, services.database_url(values["DATABASE_URL"], "hearth"), name)
        os.environ.update(values)
        os.environ |= {
            "DATABASE_URL": services.database_url(values["DATABASE_URL"], name),
            "HEARTH_INFERENCE_URL": inference.url,
            "HEARTH_INFERENCE_SECRET": inference.secret,
            "DJANGO_SETTINGS_MODULE": "chat.settings",
        }
        import django

        django.setup()
        from django.contrib.auth import get_user_model
        from django.core.management import call_command
        from django.db import connection

        resources.callback(connection.close)
        call_command("migrate", verbosity=0)
        if not has_bells:
            _silence_bells()
        from rag import spaces

        spaces.activate(model)
        yield get_user_model().objects.create_employee("bench@example.com", name="Bench")


def _silence_bells() -> None:
    from rag import doorbell, embedding, indexing, ingest, maintenance, shards, spaces, uploads

    for module in (doorbell, embedding, indexing, ingest, maintenance, shards, spaces, uploads):
        setattr(module, "ring", lambda task, *args: None)  # noqa: B010 - imported by name


def upload(owner: Any, path: Path) -> Document:
    """Through the real door, in pieces."""
    from rag import uploads

    content = path.read_bytes()
    begun = uploads.begin(owner, path.name, len(content))
    for offset in range(0, len(content), PIECE_BYTES):
        uploads.append(begun, offset, content[offset : offset + PIECE_BYTES])
    if begun.document is None:
        raise SystemExit(f"{path.name} was not taken")
    return begun.document


def make_searchable(document: Document) -> None:
    """Every step before embedding."""
    from rag import indexing, ingest, scans, shards

    version_id = document.newest_version_id or 0
    ingest.probe(version_id)
    state, num_done = document.state(), -1
    # One round ends after some seconds, which a long manual may need several of.
    while not state.is_searchable and num_done != state.num_pages_done + state.num_scans_done:
        num_done = state.num_pages_done + state.num_scans_done
        shards.extract()
        scans.recognise()
        indexing.chunk(version_id)
        document.refresh_from_db()
        state = document.state()
    if not state.is_searchable:
        raise SystemExit(f"{document.title}: {state.error or state.status}")


def embed_all() -> float:
    """Seconds until every chunk has its vector."""
    from rag import embedding
    from rag.models import Batch

    began = said = time.monotonic()
    while (waiting := Batch.objects.filter(is_done=False).count()) > 0:
        embedding.embed()
        if time.monotonic() - said > 15:
            said = time.monotonic()
            say(f"  {waiting} batches to embed")
    return time.monotonic() - began


def index(owner: Any, folder: Path) -> dict[str, Document]:
    """All documents of the folder, ready. File name -> document."""
    found: dict[str, Document] = {}
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.name != "questions.jsonl" and not path.name.startswith(("LICENSE", "README")):
            found[path.name] = upload(owner, path)
            make_searchable(found[path.name])
    from rag.models import Chunk

    say(f"{len(found)} documents, {Chunk.objects.count()} chunks")
    say(f"embedded in {embed_all():.0f} s")
    return found


def questions(path: Path) -> list[Question]:
    return [_question(json.loads(line)) for line in path.read_text().splitlines() if line.strip()]


def _question(row: dict[str, Any]) -> Question:
    if "spans" in row:
        return Question(row["question"], row["corpus"], spans=[(int(a), int(b)) for a, b in row["spans"]])
    others = row.get("alt") or []
    return Question(
        text=row["question"],
        document=row.get("document") or "",
        pages=list(row.get("pages") or []),
        needs_all=row.get("kind") == "multi",
        language=row.get("lang", "en"),
        others=[(other["document"], list(other["pages"])) for other in others],
    )


def named(documents: dict[str, Document], name: str) -> Document | None:
    """By file name or by its stem."""
    return documents.get(name) or next((found for file, found in documents.items() if Path(file).stem == name), None)
