"""Doorbells: each wakes a worker for work that rows describe. Lost, doubled or late, nothing is lost or doubled."""

from __future__ import annotations

from celery import shared_task

from rag import embedding, ingest, maintenance, scans


@shared_task(name="rag.probe")  # type: ignore[untyped-decorator]
def probe(version_id: int) -> None:
    """A new file is there. Whose turn it is decides what is done first, so the bell names it for the log alone."""
    ingest.read_something()


@shared_task(name="rag.extract")  # type: ignore[untyped-decorator]
def extract() -> None:
    """Read what waits, whose ever it is."""
    ingest.read()


@shared_task(name="rag.recognise")  # type: ignore[untyped-decorator]
def recognise() -> None:
    """Read waiting pictures of pages, whose ever they are."""
    scans.recognise()


@shared_task(name="rag.chunk")  # type: ignore[untyped-decorator]
def chunk(version_id: int) -> None:
    """A document is read and can be split."""
    ingest.read_something()


@shared_task(name="rag.embed")  # type: ignore[untyped-decorator]
def embed() -> None:
    """Embed waiting batches, whose ever they are."""
    embedding.embed()


@shared_task(name="rag.sweep")  # type: ignore[untyped-decorator]
def sweep() -> None:
    """Ring for everything whose bell was lost or whose worker died."""
    maintenance.sweep()


@shared_task(name="rag.purge")  # type: ignore[untyped-decorator]
def purge() -> None:
    """Remove the bytes of deleted documents and abandoned uploads."""
    maintenance.purge()


@shared_task(name="rag.count_lexemes")  # type: ignore[untyped-decorator]
def count_lexemes() -> None:
    """Count word frequencies afresh, after deletions."""
    maintenance.count_lexemes()
