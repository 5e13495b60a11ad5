"""`python -m launch.testing [--all] [pytest arguments]`: the scripts' tests and pytest, one closing line over both.

Other arguments go to pytest. The scripts' tests run when no path was named; then tests marked `thorough`, which take
long, run only with --all. pytest runs in a process of its own, so that whatever it still has to say when it goes comes
before the closing line.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from launch import browser, frontend
from launch.config import ROOT
from launch.console import Console
from launch.problems import Problem

ALL = "--all"
NUM_LEAK_CASES = "150"
COUNTS_VARIABLE = "HEARTH_TEST_COUNTS"
# Many tests wait more than they compute, so one more than there are cores; more than four would wait for each other's
# engines.
NUM_WORKERS = min(4, (os.cpu_count() or 2) + 1)
NODE_COUNT = re.compile(r"^(?:#|ℹ) (pass|fail|cancelled|skipped|todo) (\d+)$", re.MULTILINE)


@dataclass
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"

    def add(self, other: Counts) -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """In pytest's process, where this module is a plugin: hand on the counts that pytest itself prints."""
    num = {name: len(reports) for name, reports in terminalreporter.stats.items()}
    failed = num.get("failed", 0) + num.get("error", 0)
    counts = Counts(num.get("passed", 0), failed, num.get("skipped", 0))
    Path(os.environ[COUNTS_VARIABLE]).write_text(json.dumps(asdict(counts)))


def main(arguments: list[str]) -> int:
    try:
        os.environ[browser.VARIABLE] = str(browser.ensure(Console()))
    except Problem as problem:
        print(f"hearth: {problem.sentence}", file=sys.stderr)
        return problem.exit_code
    counts = Counts()
    statuses = [0 if _names_a_path(arguments) else _run_node_tests(counts), _run_pytest(for_pytest(arguments), counts)]
    # What went wrong outside of a test (none found, a broken conftest) counts too.
    if any(statuses) and not counts.failed:
        counts.failed = 1
    print(f"\n{counts}", flush=True)
    return max(statuses)


def for_pytest(arguments: list[str]) -> list[str]:
    """What pytest is told: a path means all in it, no path what is quick, on several processes; --all everything."""
    own = [argument for argument in arguments if argument != ALL]
    if _names_a_path(own):
        return own
    quick = ["--leaks", NUM_LEAK_CASES] if ALL in arguments else ["-m", "not thorough"]
    return ["-n", str(NUM_WORKERS), "--dist", "loadfile", "--no-loadscope-reorder", *quick, *own]


def _names_a_path(arguments: list[str]) -> bool:
    return any(not argument.startswith("-") for argument in arguments)


def _run_pytest(arguments: list[str], counts: Counts) -> int:
    with tempfile.NamedTemporaryFile("r", prefix="hearth-counts-") as handle:
        argv = [sys.executable, "-m", "pytest", "-p", "launch.testing", *arguments]
        environment = {**os.environ, COUNTS_VARIABLE: handle.name}
        status = subprocess.run(argv, cwd=ROOT, env=environment, check=False).returncode
        text = handle.read()
    if text:
        counts.add(Counts(**json.loads(text)))
    return status


def _run_node_tests(counts: Counts) -> int:
    """`npm test` prints TAP or the spec reporter's summary; both end with the same counts."""
    node = frontend.find_node()
    environment = {**os.environ, **node.environment, "NO_COLOR": "1"}
    done = subprocess.run(
        [*node.npm, "test", "--silent"], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    print(done.stdout, flush=True)
    num = {name: int(number) for name, number in NODE_COUNT.findall(done.stdout)}
    failed = num.get("fail", 0) + num.get("cancelled", 0)
    counts.add(Counts(num.get("pass", 0), failed, num.get("skipped", 0) + num.get("todo", 0)))
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
