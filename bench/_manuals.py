"""The PDF manuals of fourteen Debian packages, 3,673 pages, for questions that people ask about manuals.

Fetched with `apt-get download` and unpacked, never installed, and kept for the next run.
"""

from __future__ import annotations

import gzip
import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from bench._figures import say

PACKAGES = (
    "debian-policy", "developers-reference", "debian-reference-en", "pspp", "ledger", "zsh-doc", "gnuplot-doc",
    "valgrind", "xfig-doc", "sdcc-doc", "python-reportlab-doc", "docbook-xsl-doc-pdf", "auto-multiple-choice-doc-pdf",
    "graphviz-doc",
)  # fmt: skip


def folder(cache: Path) -> Path:
    """A folder of PDFs, each file once. A package that cannot be fetched is said and left out."""
    if not (cache / "complete").exists():
        shutil.rmtree(cache, ignore_errors=True)
        (cache / "pdf").mkdir(parents=True)
        with tempfile.TemporaryDirectory(dir=cache) as name:
            _unpack(Path(name), cache / "pdf")
        (cache / "complete").touch()
    return cache / "pdf"


def _unpack(work: Path, target: Path) -> None:
    for package in PACKAGES:
        done = subprocess.run(["apt-get", "download", package], cwd=work, capture_output=True, text=True, check=False)
        if done.returncode:
            say(f"  {package} cannot be fetched: {done.stderr.strip().splitlines()[-1:]}")
            continue
        archive = next(work.glob(f"{package}_*.deb"))
        subprocess.run(["dpkg-deb", "-x", str(archive), str(work / package)], check=True)
    seen: set[bytes] = set()
    for path in sorted([*work.rglob("*.pdf"), *work.rglob("*.pdf.gz")]):
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
        digest = hashlib.sha256(content).digest()
        if digest not in seen:
            seen.add(digest)
            (target / path.name.removesuffix(".gz")).write_bytes(content)
