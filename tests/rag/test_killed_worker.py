"""A real worker process, killed with SIGKILL again and again wherever it is: nothing is lost, nothing is doubled."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from typing import Any

import pytest
from django.db import connection

from launch.config import ROOT
from rag import spaces
from rag.models import Chunk, Document, Embedding, LexemeFrequency, Page, Scan, Shard, Version
from tests.children import ENDS_WITH_US
from tests.inference.serve import RunningInference
from tests.rag.workbench import HANDBOOK, expire_leases, joined, pdf, scan_of, upload

TEXT = [[f"{n + 1} Section", *[f"Paragraph {n} {m} says something of its own." for m in range(9)]] for n in range(110)]
NUM_KILLS = 4


def worker(settings: Any) -> subprocess.Popen[str]:
    arguments = [
        connection.settings_dict["NAME"],
        str(settings.HEARTH_UPLOADS_DIR),
        settings.HEARTH_INFERENCE_URL,
        settings.HEARTH_INFERENCE_SECRET,
    ]
    process = subprocess.Popen(
        [*ENDS_WITH_US, sys.executable, "-m", "tests.rag.worker", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()  # it is at work
    process.stdout.close()
    return process


@pytest.mark.thorough
@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_again_and_again_loses_and_doubles_nothing(
    settings: Any, inference: RunningInference, django_user_model: Any
) -> None:
    """A text of two shards and a file with two scans, through to the vectors."""
    settings.HEARTH_INFERENCE_URL, settings.HEARTH_INFERENCE_SECRET = inference.url, inference.secret
    spaces.activate("fake-embed")
    alice = django_user_model.objects.create_employee("alice@example.com", name="Alice")
    documents = [
        upload(alice, pdf(TEXT), "Long.pdf"),
        upload(alice, joined(scan_of(pdf(HANDBOOK[:2])), pdf(HANDBOOK[2:]))),
    ]
    dice = random.Random(3)
    for _ in range(NUM_KILLS):
        process = worker(settings)
        time.sleep(dice.uniform(0.02, 0.7))
        process.send_signal(signal.SIGKILL)
        process.wait()
        expire_leases()
        # A worker that dies is not the file's fault; this many deaths in a row do not happen.
        for model in (Shard, Scan, Version):
            model.objects.update(attempt=0)  # type: ignore[attr-defined]
    deadline = time.monotonic() + 90
    while any(not Document.objects.get(pk=document.pk).state().is_ready for document in documents):
        assert time.monotonic() < deadline
        expire_leases()
        assert worker(settings).wait() == 0
    assert Page.objects.count() == 113
    assert Page.objects.filter(source="ocr").count() == 2
    for document in documents:
        state = Document.objects.get(pk=document.pk).state()
        chunks = Chunk.objects.filter(version_id=document.newest_version_id)
        assert (state.num_pages_done, state.num_scans_done) == (state.num_pages, state.num_scans)
        assert state.num_chunks == chunks.count() == Embedding.objects.filter(chunk__in=chunks).count()
        assert list(chunks.order_by("ordinal").values_list("ordinal", flat=True)) == list(range(state.num_chunks))
    added = dict(LexemeFrequency.objects.values_list("word", "num_chunks"))
    assert added["paragraph"] > 100
