"""Doorbells: each wakes a worker for work that rows describe. Lost, doubled or late, nothing is lost or doubled."""

from __future__ import annotations

from celery import shared_task

from rag import embedding, indexing, ingest, maintenance, scans, shards


@shared_task(name="rag.probe")  # type: ignore[untyped-decorator]
def probe(version_id: int) -> None:
    """Look at a new file and lay out its shards."""
    ingest.probe(version_id)


@shared_task(name="rag.extract")  # type: ignore[untyped-decorator]
def extract() -> None:
    """Read waiting shards, whose ever they are."""
    shards.extract()


@shared_task(name="rag.recognise")  # type: ignore[untyped-decorator]
def recognise() -> None:
    """Read waiting pictures of pages, whose ever they are."""
    scans.recognise()


@shared_task(name="rag.chunk")  # type: ignore[untyped-decorator]
def chunk(version_id: int) -> None:
    """Make a document searchable by words."""
    indexing.chunk(version_id)


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
