"""bin/test ends with one plain line that counts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from launch.config import ROOT
from launch.testing import NODE_COUNT, for_pytest


def run(path: Path | str) -> tuple[int, str]:
    argv = [sys.executable, "-m", "launch.testing", str(path), "-q", "-p", "no:randomly", "-p", "no:cacheprovider"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.splitlines()[-1]


def test_passes_and_failures_are_counted(tmp_path: Path) -> None:
    (tmp_path / "test_two.py").write_text("def test_good(): pass\ndef test_bad(): assert False\n")
    assert run(tmp_path / "test_two.py") == (1, "1 passed, 1 failed")


@pytest.mark.thorough
def test_a_run_that_never_came_to_a_test_has_failed() -> None:
    status, line = run("tests/there_is_no_such_file.py")
    assert status != 0
    assert line == "0 passed, 1 failed"


def test_both_summaries_of_node_are_read() -> None:
    """TAP without a terminal, the spec reporter with one."""
    assert dict(NODE_COUNT.findall("# tests 3\n# pass 2\n# fail 1\n")) == {"pass": "2", "fail": "1"}
    assert dict(NODE_COUNT.findall("ℹ tests 3\nℹ pass 3\nℹ fail 0\n")) == {"pass": "3", "fail": "0"}


def test_what_takes_long_runs_when_asked_for() -> None:
    """Without a path only what is quick, with --all everything; a path means everything in it."""
    leaves_out = ["-m", "not thorough"]
    assert for_pytest(["-q"])[-3:] == [*leaves_out, "-q"]
    assert not set(leaves_out) & set(for_pytest(["--all"]))
    assert for_pytest(["tests/chat", "--all"]) == ["tests/chat"]
