"""Python packages, as the lock files name them: nothing without its hash, and llama-cpp-python from our own build."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from launch import steps
from launch.config import ROOT
from launch.console import Console, Paced

REQUIREMENTS = ROOT / "requirements"
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input")


def install(lock_name: str, console: Console) -> None:
    """
    Install exactly what requirements/<lock_name>.txt names. The engine is installed before, so pip finds it satisfied.

    The lock holds the whole closure, so pip is told not to resolve again: for a dependency with an extra
    (`coverage[toml]`), it would look for the newest version, and stop on the day one newer than the lock's appears.
    """
    lock = REQUIREMENTS / f"{lock_name}.txt"
    stamp = stamp_of(lock)
    if stamp.is_current():
        return
    console.say(f"Installing Python packages ({lock.name}) ...")
    steps.run(
        "Installing Python packages",
        [*PIP, "install", "--no-deps", "--require-hashes", "-r", str(lock)],
        on_line=pip_progress(console),
    )
    stamp.write()


def pip_progress(console: Console) -> Callable[[str], None]:
    """Shows what pip is at, and neither its indexes nor its warnings."""
    paced = Paced(console)

    def show(line: str) -> None:
        if line.lstrip().startswith(("Collecting", "Downloading", "Using cached", "Installing")):
            paced(f"  {line.strip().partition(' (from ')[0][:100]}")

    return show


def stamp_of(lock: Path) -> steps.Stamp:
    return steps.Stamp(Path(sys.prefix) / f"hearth-{lock.stem}.stamp", steps.digest([], lock.read_text(), sys.version))


def locked(name: str, lock: Path) -> str:
    """The lines of one package in a lock file, as a requirements file of its own."""
    lines = lock.read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"{name}=="))
    end = start
    while lines[end].endswith("\\"):
        end += 1
    return "\n".join(lines[start : end + 1]) + "\n"
