"""One person asks while another's manual of 5,000 pages is read: to the first word, with and without.

`python -m bench._beside upload PDF` beside a running Hearth uploads the file for a new employee, through the same
functions as the page's requests; `make` makes it.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

from bench import _crowd, _hearth
from bench._figures import figure, say
from bench._load import percentile
from bench._reader import Reader
from launch.config import ROOT

NUM_PAGES = 5_000
NUM_QUESTIONS = 40
VARIABLES = {"HEARTH_BACKEND": "fake", "HEARTH_FAKE_TOKENS_PER_SECOND": "50"}
PIECE_BYTES = 1024 * 1024


def measure(is_quick: bool) -> None:
    num_questions = NUM_QUESTIONS // 2 if is_quick else NUM_QUESTIONS
    with _hearth.home() as home, _hearth.running(home, **VARIABLES) as hearth:
        (key,) = _crowd.sign_in(home.folder, 1)
        manual = home.folder / "manual.pdf"
        _uploader(home.folder, "make", manual).wait()
        asyncio.run(_ask(hearth.url, key, 3))  # every process's code is loaded
        _report("alone", asyncio.run(_ask(hearth.url, key, num_questions)))
        upload = _uploader(home.folder, "upload", manual)
        assert upload.stdout is not None
        upload.stdout.readline()  # it is uploaded
        say(f"{NUM_PAGES} pages are being read ...")
        _report("beside_5000_pages", asyncio.run(_ask(hearth.url, key, num_questions)))
        is_over = upload.poll() is not None
        say("They were read before the last answer." if is_over else "They are still being read.")
        upload.terminate()
        upload.wait()


async def _ask(url: str, key: str, count: int) -> list[float]:
    """Seconds to the first word of so many answers in new threads, one after another."""
    heard = asyncio.Event()
    reader = Reader(url, key, lambda frame, _now: heard.set() if frame["type"] == "answer.extended" else None)
    reader.stay_in_background()
    found = []
    for number in range(count):
        heard.clear()
        began = time.perf_counter()
        _accepted, answer = await reader.ask(f"say: The answer to question {number} is short.")
        await asyncio.wait_for(heard.wait(), 120)
        found.append(time.perf_counter() - began)
        await asyncio.wait_for(answer.over.wait(), 120)
        reader.forget(answer)
    await reader.leave()
    return found


def _report(name: str, seconds: list[float]) -> None:
    for share in (0.5, 0.95):
        figure(f"chat.first_word_{name}_p{int(share * 100)}_ms", [percentile(seconds, share) * 1000], "ms")


def _uploader(data_dir: Path, act: str, manual: Path) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "VALKEY_URL")}
    return subprocess.Popen(
        [sys.executable, "-m", "bench._beside", act, str(manual)],
        cwd=ROOT, env=environment | {"HEARTH_DATA_DIR": str(data_dir)}, stdout=subprocess.PIPE,
    )  # fmt: skip


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chat.settings")
    import django

    django.setup()

    from bench.ingest import made_manual
    from rag import uploads
    from rag.models import Document
    from tests.factories import make_employee

    act, path = sys.argv[1], Path(sys.argv[2])
    if act == "make":
        path.write_bytes(made_manual(NUM_PAGES, 5))
        return
    content = path.read_bytes()
    begun = uploads.begin(make_employee(f"{os.urandom(6).hex()}@example.com"), "Manual.pdf", len(content))
    for offset in range(0, len(content), PIECE_BYTES):
        uploads.append(begun, offset, content[offset : offset + PIECE_BYTES])
    assert begun.document is not None
    print("uploaded", flush=True)
    began = time.monotonic()
    while not (state := Document.objects.get(pk=begun.document.pk).state()).is_searchable:
        time.sleep(0.5)
        if state.status == "failed":
            raise SystemExit(state.error)
    say(f"{state.num_pages} pages searchable by words after {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
