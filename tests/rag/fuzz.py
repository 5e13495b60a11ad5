"""Read many damaged files and say how each ended: python -m tests.services -m tests.rag.fuzz --pdfs 500 --office 200.

bin/test runs a few of the same; decisions.md has the figures of the full number. After every tenth file a good one must
be read as ever.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path

from rag import extract, ocr
from rag.errors import RagError
from tests.rag.hostile import mutated

GOOD_EVERY = 10
MAX_PAGES_TRIED = 20


def outcome(path: Path, kind: str) -> str:
    """ "read", or the code of the error: anything else that is raised is a defect."""
    try:
        num_pages = min(extract.probe(path, kind).num_pages, MAX_PAGES_TRIED)
        pages = extract.pages(path, 0, num_pages, file_format=kind) if num_pages else []
        scans = [page.page_no for page in pages if page.is_scan][:2]
        if scans:
            list(ocr.pages(path, scans))
    except RagError as error:
        return error.code
    return "read"


def run(
    seeds: Mapping[str, tuple[str, bytes]], number: int, damage: Callable[[bytes, random.Random], bytes], seed: int
) -> tuple[Counter[str], float]:
    """How many ended how, and the longest in seconds. seeds: name -> (format, good file)."""
    dice, ended, longest = random.Random(seed), Counter[str](), 0.0
    names = sorted(seeds)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "file")
        for count in range(number):
            kind, good = seeds[names[count % len(names)]]
            path.write_bytes(damage(good, dice))
            began = time.monotonic()
            ended[outcome(path, kind)] += 1
            longest = max(longest, time.monotonic() - began)
            if count % GOOD_EVERY == 0:
                path.write_bytes(good)
                assert outcome(path, kind) == "read", f"a good {kind} after damaged file {count}"
    return ended, longest


def damaged_office(content: bytes, dice: random.Random) -> bytes:
    """Half of them damaged as a whole, half inside one of their parts."""
    if dice.random() < 0.5 or not content.startswith(b"PK"):
        return mutated(content, dice)
    source, target = zipfile.ZipFile(BytesIO(content)), BytesIO()
    victim = dice.choice(source.namelist())
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as written:
        for member in source.infolist():
            data = source.read(member)
            stored = zipfile.ZIP_STORED if member.filename == "mimetype" else zipfile.ZIP_DEFLATED
            written.writestr(
                member.filename, mutated(data, dice) if data and member.filename == victim else data, stored
            )
    return target.getvalue()


def pdf_seeds() -> dict[str, tuple[str, bytes]]:
    from tests.rag import hostile
    from tests.rag.workbench import HANDBOOK, joined, pdf, scan_of

    return {
        "text": ("pdf", pdf(HANDBOOK)),
        "mixed": ("pdf", joined(pdf(HANDBOOK[:1]), scan_of(pdf(HANDBOOK[1:2])))),
        "scan": ("pdf", scan_of(pdf(HANDBOOK[:1]), dpi=72)),
        "drawn by hand": ("pdf", hostile.one_page(hostile.WORDS)),
    }


def office_seeds() -> dict[str, tuple[str, bytes]]:
    from tests.rag import office

    return {
        "docx": ("docx", office.docx()), "pptx": ("pptx", office.pptx()), "xlsx": ("xlsx", office.xlsx()),
        "odt": ("odt", office.odt()), "eml": ("eml", office.EML), "html": ("html", office.HTML),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pdfs", type=int, default=500)
    parser.add_argument("--office", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    for name, seeds, number, damage in (
        ("pdfs", pdf_seeds(), arguments.pdfs, mutated),
        ("office", office_seeds(), arguments.office, damaged_office),
    ):
        ended, longest = run(seeds, number, damage, arguments.seed)
        print(json.dumps({"files": name, "number": number, "ended": ended, "longest_s": round(longest, 1)}))


if __name__ == "__main__":
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chat.settings")
    django.setup()
    main()
