"""`python -m launch.testing [pytest arguments]`: the scripts' tests and pytest, with one closing line over both.

Arguments go to pytest; the scripts' tests run when no path was named, since then everything is meant.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass

import pytest

from launch import browser, frontend
from launch.config import ROOT
from launch.console import Console
from launch.problems import Problem

FAILED = ("failed", "error")
NODE_COUNT = re.compile(r"^(?:#|ℹ) (pass|fail|cancelled|skipped|todo) (\d+)$", re.MULTILINE)


@dataclass
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"


class Counter:
    """A pytest plugin: reads the counts where pytest itself prints them."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        stats = terminalreporter.stats
        self._counts.passed += len(stats.get("passed", []))
        self._counts.failed += sum(len(stats.get(name, [])) for name in FAILED)
        self._counts.skipped += len(stats.get("skipped", []))


def main(arguments: list[str]) -> int:
    console = Console()
    counts = Counts()
    try:
        os.environ[browser.VARIABLE] = str(browser.ensure(console))
    except Problem as problem:
        print(f"hearth: {problem.sentence}", file=sys.stderr)
        return problem.exit_code
    names_a_path = any(not argument.startswith("-") for argument in arguments)
    node_status = 0 if names_a_path else _run_node_tests(counts)
    status = int(pytest.main(arguments, plugins=[Counter(counts)]))
    # Everything that went wrong outside of a test (no test found, a broken conftest) counts too.
    if (status or node_status) and not counts.failed:
        counts.failed += 1
    print(f"\n{counts}", flush=True)
    return status or node_status


def _run_node_tests(counts: Counts) -> int:
    """`npm test` prints TAP or the spec reporter's summary; both end with the same counts."""
    argv = [str(frontend.node().parent / "npm"), "test", "--silent"]
    path = f"{frontend.node().parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(
        argv, cwd=ROOT, env={**os.environ, "PATH": path, "NO_COLOR": "1"}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    print(done.stdout, flush=True)
    found = {name: int(number) for name, number in NODE_COUNT.findall(done.stdout)}
    counts.passed += found.get("pass", 0)
    counts.failed += found.get("fail", 0) + found.get("cancelled", 0)
    counts.skipped += found.get("skipped", 0) + found.get("todo", 0)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
