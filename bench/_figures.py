"""What all benches share: the JSON line of a figure, progress on standard error, machine and commit."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from launch.config import ROOT


def figure(name: str, values: Sequence[float], unit: str, *, peers: Sequence[float] = ()) -> None:
    """Print the median of the runs; peers are what else was measured in turn in the same run."""
    value = statistics.median(values)
    line: dict[str, object] = {"figure": name, "value": round(value, 3), "unit": unit}
    if peers:
        peer = statistics.median(peers)
        line |= {"peer": round(peer, 3), "ratio": round(value / peer, 3) if peer else None}
    line |= {"runs": len(values), "spread": [round(min(values), 3), round(max(values), 3)]}
    # A figure taken while others use the machine should say so.
    line |= {"machine": machine(), "commit": commit(), "load_1m": round(os.getloadavg()[0], 1)}
    print(json.dumps(line), flush=True)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@cache
def machine() -> str:
    """Processor, cores and memory in one line."""
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    model = next((line.partition(":")[2].strip() for line in info.splitlines() if line.startswith("model name")), "")
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{model or platform.machine()}, {len(os.sched_getaffinity(0))} cores, {gib:.0f} GiB"


@cache
def commit() -> str:
    """Short name of the commit, with a + when the work tree differs from it."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain") else "")
