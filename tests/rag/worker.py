"""A worker as a process of its own, without a broker: it does whatever step is due until nothing is. To be killed.

Run as: python -m tests.rag.worker DATABASE_NAME UPLOADS_DIR INFERENCE_URL INFERENCE_SECRET
"""

from __future__ import annotations

import sys

import django
from django.conf import settings


def main(name: str, uploads_dir: str, inference_url: str, inference_secret: str) -> None:
    settings.DATABASES["default"]["NAME"] = name
    settings.HEARTH_UPLOADS_DIR = uploads_dir
    settings.HEARTH_INFERENCE_URL, settings.HEARTH_INFERENCE_SECRET = inference_url, inference_secret
    django.setup()
    from rag import doorbell, embedding, indexing, ingest, maintenance, scans, shards, spaces, uploads

    for module in (doorbell, embedding, indexing, ingest, maintenance, scans, shards, spaces, uploads):
        module.ring = lambda task, *arguments: None  # type: ignore[attr-defined]
    print("ready", flush=True)
    while ingest.read_something():
        pass
    scans.recognise()
    embedding.embed()


if __name__ == "__main__":
    main(*sys.argv[1:])
