"""Split the pages of a document into chunks and index their words: from here on it can be searched."""

from __future__ import annotations

import functools
import logging
from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from inference.errors import InferenceError
from rag import lexical, spaces, vectors
from rag.doorbell import ring
from rag.errors import UnreadableFile
from rag.extract import Unwanted
from rag.layout import RawPage
from rag.models import Chunk, Page, Version
from rag.split import Draft, estimate_tokens, split
from rag.words import fingerprint, language, words
from rag.work import fail, is_all_read

log = logging.getLogger(__name__)

# Renewed with every request to the tokenizer and before the write, which holds the row's lock.
CHUNK_LEASE_SECONDS = 60.0
COUNT_TEXTS = 500
INSERT_ROWS = 200


def chunk(version_id: int) -> None:
    """Split the pages and index their words. The document can be searched afterwards."""
    version = Version.objects.filter(pk=version_id).first()
    if version is None or not is_all_read(version_id):
        return
    if not version.claim(Version.Status.EXTRACTING, CHUNK_LEASE_SECONDS):
        return
    pages = [
        RawPage(page.page_no, page.text, page.lines, page.height)
        for page in Page.objects.filter(version=version).order_by("page_no")
    ]
    if not any(page.text.strip() for page in pages):
        return fail(version, UnreadableFile("no_text"))
    try:
        drafts = split(pages, version.outline, functools.partial(_count_tokens, version))
        _renew(version)
    except Unwanted:
        return
    if not drafts:
        return fail(version, UnreadableFile("no_text"))
    with transaction.atomic():
        _store_chunks(version, drafts)


def _store_chunks(version: Version, drafts: list[Draft]) -> None:
    if not version.mine().select_for_update().exists():
        return
    vectors.forget([version.pk])
    lexical.forget_version(version.pk)
    title = version.document.title
    rows = [chunk_of(version, ordinal, draft, title) for ordinal, draft in enumerate(drafts)]
    Chunk.objects.bulk_create(rows, batch_size=INSERT_ROWS)
    lexical.count_version(version.pk)
    now = timezone.now()
    in_use = spaces.in_use()
    version.mine().update(
        status=Version.Status.EMBEDDING if in_use else Version.Status.SEARCHABLE,
        num_chunks=len(rows),
        num_chunks_embedded=0,
        searchable_at=now,
        attempt=0,
        lease_until=None,
    )
    for space in in_use:
        spaces.make_batches(space, version)
    version.document.show_version(version)
    version.document.announce()
    ring("embed")


def chunk_of(version: Version, ordinal: int, draft: Draft, title: str) -> Chunk:
    """The row of a chunk, its words indexed; not saved."""
    body = draft.body
    found = words(body)
    config = language(found)
    return Chunk(
        version=version,
        ordinal=ordinal,
        page_first=draft.spans[0][0],
        page_last=draft.spans[-1][0],
        spans=[list(span) for span in draft.spans],
        heading=draft.heading,
        body=body,
        body_hash=fingerprint(body),
        num_tokens=min(draft.num_tokens, 32_767),
        num_lexemes=min(max(len(found), 1), 32_767),
        language=config,
        tsv=lexical.tsvector(title, draft.heading, body, config),
    )


def _renew(version: Version) -> None:
    if not version.renew(CHUNK_LEASE_SECONDS):
        raise Unwanted


def _count_tokens(version: Version, texts: Sequence[str]) -> list[int]:
    """By the model's own tokenizer; by a cautious estimate while inference is away, since words need no vectors."""
    space = spaces.active()
    if space is None:
        return estimate_tokens(texts)
    try:
        client = spaces.client()
        pieces = [texts[start : start + COUNT_TEXTS] for start in range(0, len(texts), COUNT_TEXTS)]
        counts: list[int] = []
        for piece in pieces:
            _renew(version)
            counts += client.count_tokens(space.model, piece)
        return counts
    except InferenceError as error:
        log.warning("no tokenizer, estimating: %s", error)
        return estimate_tokens(texts)
