"""Doorbells: each wakes a worker for work that rows describe. Lost, doubled or late, nothing is lost or doubled."""

from __future__ import annotations

from celery import shared_task

from rag import embedding, ingest, maintenance


@shared_task(name="rag.probe")
def probe(version_id: int) -> None:
    """Look at a new file and lay out its shards."""
    ingest.probe(version_id)


@shared_task(name="rag.extract")
def extract() -> None:
    """Read waiting shards, whose ever they are."""
    ingest.extract()


@shared_task(name="rag.chunk")
def chunk(version_id: int) -> None:
    """Make a document searchable by words."""
    ingest.chunk(version_id)


@shared_task(name="rag.embed")
def embed() -> None:
    """Embed waiting batches, whose ever they are."""
    embedding.embed()


@shared_task(name="rag.sweep")
def sweep() -> None:
    """Ring for everything whose bell was lost or whose worker died."""
    maintenance.sweep()


@shared_task(name="rag.purge")
def purge() -> None:
    """Remove the bytes of deleted documents and abandoned uploads."""
    maintenance.purge()


@shared_task(name="rag.count_lexemes")
def count_lexemes() -> None:
    """Count word frequencies afresh, after deletions."""
    maintenance.count_lexemes()
