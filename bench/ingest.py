"""How fast does an upload become searchable, and then complete? The real child, a real Celery worker and a real model.

The file is a manual of 300 pages of running text, made here. Embedding is held against the engine alone, which
evaluates the same texts in a loop without HTTP, queue and database.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import _bare, _hearth, _library
from bench._figures import commit, figure, machine, say
from launch.config import ROOT

if TYPE_CHECKING:
    from rag.models import Document

NUM_PAGES = 300
LINES_OF_A_PAGE = 28
SCANNED_PAGES = 6
BARE_TEXTS = 64
WORDS = (  # noqa: SIM905
    "the a of to in and is with for on by from that this which page order machine report budget travel hotel train "
    "approval safety valve pressure supplier invoice contract meeting holiday request manager office customer number"
).split()


def main() -> None:
    parser = argparse.ArgumentParser(prog="bin/bench ingest", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="embed 40 pages instead of 100, fewer runs")
    arguments = parser.parse_args()
    num_runs = 3 if arguments.quick else 5
    say(f"{machine()}, commit {commit()}")
    with tempfile.TemporaryDirectory(prefix="hearth-bench-") as folder, _library.pieces(has_bells=True) as owner:
        manual, short = Path(folder, "Manual.pdf"), Path(folder, "Short.pdf")
        manual.write_bytes(made_manual(NUM_PAGES, 1))
        short.write_bytes(made_manual(40 if arguments.quick else 100, 99))
        measure_extraction(manual, num_runs)
        measure_scans(Path(folder), manual, num_runs)
        with worker(Path(folder)) as pid, peak_rss(pid) as peak:
            measure_searchable(owner, manual, num_runs)
            measure_embedding(owner, short)
        figure("ingest.worker_rss_mb", [peak[0]], "MB")


def made_manual(num_pages: int, seed: int) -> bytes:
    from tests.rag.workbench import pdf

    dice = random.Random(seed)

    def sentence() -> str:
        return " ".join(dice.choice(WORDS) for _ in range(12)).capitalize() + f" {dice.randrange(10_000)}."

    return pdf([[f"{n + 1} Chapter", *(sentence() for _ in range(LINES_OF_A_PAGE))] for n in range(num_pages)])


def measure_extraction(manual: Path, num_runs: int) -> None:
    """One child after the other, as one worker reads: pages a second of one core, with line boxes."""
    from rag import extract
    from rag.shards import SHARD_PAGES

    rates, cpu_rates = [], []
    for _ in range(num_runs):
        began, cpu_began = time.perf_counter(), _cpu_seconds()
        found = [extract.pages(manual, first, SHARD_PAGES) for first in range(0, NUM_PAGES, SHARD_PAGES)]
        num_pages = sum(len(pages) for pages in found)
        rates.append(num_pages / (time.perf_counter() - began))
        cpu_rates.append(num_pages / (_cpu_seconds() - cpu_began))
    figure("ingest.extract_pages_per_s", rates, "pages/s")
    figure("ingest.extract_pages_per_cpu_s", cpu_rates, "pages/s")


def _cpu_seconds() -> float:
    """Of this process and of its children that have ended: what others do on the machine hardly counts."""
    return sum(os.times()[:4])


def measure_scans(folder: Path, manual: Path, num_runs: int) -> None:
    """Pages as a scanner makes them (150 dots an inch, grey, JPEG): pages a second of one core, characters right."""
    from rag import extract, ocr
    from tests.rag.workbench import accuracy, scan_of

    wanted = [page.text for page in extract.pages(manual, 0, SCANNED_PAGES)]
    scan = folder / "Scan.pdf"
    scan.write_bytes(scan_of(manual.read_bytes(), num_pages=SCANNED_PAGES))
    rates, shares = [], []
    for _ in range(num_runs):
        began = time.perf_counter()
        found = list(ocr.pages(scan, list(range(SCANNED_PAGES))))
        rates.append(len(found) / (time.perf_counter() - began))
        shares.append(min(accuracy(page.text, text) for page, text in zip(found, wanted, strict=True)))
    figure("ingest.scan_pages_per_s", rates, "pages/s")
    figure("ingest.scan_characters_right_worst_page", shares, "share")


def measure_searchable(owner: Any, manual: Path, num_runs: int) -> None:
    """From the last piece of the upload until words can be searched. The document then goes, before it is embedded."""
    seconds = []
    for number in range(num_runs + 1):
        document = _library.upload(owner, manual)
        began = time.perf_counter()
        wait_until(document, "is_searchable")
        seconds.append(time.perf_counter() - began)
        say(f"  searchable after {seconds[-1]:.2f} s{' (loads the model, not counted)' if number == 0 else ''}")
        document.delete_for_everyone()
        time.sleep(8)
    figure("ingest.searchable_s_300_pages", seconds[1:], "s")


def measure_embedding(owner: Any, path: Path) -> None:
    """Tokens a second from searchable to ready, and those of the engine alone on some of the same texts."""
    from rag import embedding, spaces
    from rag.models import Batch, Chunk

    document = _library.upload(owner, path)
    wait_until(document, "is_searchable")
    began = time.perf_counter()
    wait_until(document, "is_ready")
    seconds = time.perf_counter() - began
    space = spaces.active()
    assert space is not None
    chunks = list(Chunk.objects.filter(version=document.live_version_id).order_by("num_tokens", "pk"))
    texts = [embedding.embedded_text(space, document.title, chunk) for chunk in chunks]
    rate = sum(spaces.client().count_tokens(space.model, texts)) / seconds
    while Batch.objects.filter(is_done=False).exists():  # excerpts follow, and the bare engine wants to be alone
        time.sleep(0.2)
    num_threads = max(1, len(os.sched_getaffinity(0)) - 1)
    bare = _bare.embed(space.model, texts[:: max(1, len(texts) // BARE_TEXTS)], num_threads)
    say(f"{len(texts)} chunks in {seconds:.1f} s, {rate:.0f} tok/s; the engine alone {bare:.0f} tok/s")
    figure("ingest.embed_over_bare", [rate / bare], "ratio")


def wait_until(document: Document, what: str, seconds: float = 900.0) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        document.refresh_from_db()
        state = document.state()
        if getattr(state, what):
            return
        if state.error_code:
            raise SystemExit(f"{document.title}: {state.error}")
        time.sleep(0.02)
    raise SystemExit(f"{document.title} was not {what} after {seconds:.0f} s")


@contextmanager
def worker(folder: Path) -> Iterator[int]:
    """A Celery worker with beat on the database and the broker of this run. Yields its process id."""
    with (folder / "worker.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", "--quiet", "-A", "chat", "worker", "-B",
             "-Q", "read,embed,short,maint", "--concurrency", "1",
             "--schedule", str(folder / "beat"), "--loglevel", "warning"],
            cwd=ROOT, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(60)


@contextmanager
def peak_rss(pid: int) -> Iterator[list[float]]:
    """The largest process of the worker, its reading children included, looked at ten times a second. MB."""
    peak, done = [0.0], threading.Event()

    def look() -> None:
        while not done.wait(0.1):
            for number in _hearth.processes(pid):
                try:
                    peak[0] = max(peak[0], _hearth.rss_mb(number))
                except OSError:
                    continue  # it has ended meanwhile

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


if __name__ == "__main__":
    main()
