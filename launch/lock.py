"""Do the lock files still say what pyproject.toml asks for? Answered from the files alone, without a network.

Each dependency must be pinned at a version that its specifier allows, each pin must carry a hash, no line may name
an index, and test.txt must hold run.txt, so that a test run sees what a start sees. bin/lock mends what this finds.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from launch.config import ROOT
from launch.packages import REQUIREMENTS

PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(\S+) \\$", re.MULTILINE)
BUILD_SOURCE = REQUIREMENTS / "build.in"


def faults() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    run, test = project["dependencies"], project["optional-dependencies"]["test"]
    build = [line for line in BUILD_SOURCE.read_text().splitlines() if line and not line.startswith("#")]
    found = [
        *_unmet(run, REQUIREMENTS / "run.txt"),
        *_unmet([*run, *test], REQUIREMENTS / "test.txt"),
        *_unmet(build, REQUIREMENTS / "build.txt"),
    ]
    run_pins, test_pins = pins(REQUIREMENTS / "run.txt"), pins(REQUIREMENTS / "test.txt")
    found += [f"test.txt has {name} {test_pins.get(name)}, run.txt {version}" for name, version in run_pins.items()
              if test_pins.get(name) != version]  # fmt: skip
    for path in sorted(REQUIREMENTS.glob("*.txt")):
        text = path.read_text()
        found += [f"{path.name} names an index or a machine" for word in ("--index-url", "://") if word in text]
        found += [f"{path.name}: {name} has no hash" for name in _without_hash(text)]
    return found


def pins(path: Path) -> dict[str, str]:
    return {canonicalize_name(name): version for name, version in PIN.findall(path.read_text())}


def _unmet(wanted: list[str], lock: Path) -> list[str]:
    pinned = pins(lock)
    requirements = [Requirement(text) for text in wanted]
    return [
        f"{lock.name} has {pinned.get(canonicalize_name(each.name), 'no version')} of {each.name}, wanted is {each}"
        for each in requirements
        if not each.specifier.contains(pinned.get(canonicalize_name(each.name), "0"), prereleases=True)
    ]


def _without_hash(text: str) -> list[str]:
    return re.findall(r"^([A-Za-z0-9._-]+)==\S+\s*(?:$|\\\n(?!\s+--hash=))", text, re.MULTILINE)


def main() -> int:
    found = faults()
    for fault in found:
        print(f"  {fault}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
