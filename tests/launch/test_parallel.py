"""How a parallel run is shared out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from launch.config import ROOT
from tests.parallel import group_of

NAMES = "tests/inference/test_config.py", "tests/inference/test_text.py"


def test_files_stay_together_and_so_do_browsers() -> None:
    """A fixture of a file is made once, and a Hearth for browsers once a run."""
    assert group_of("tests/chat/test_api.py::test_a[x::y]") == "tests/chat/test_api.py"
    assert group_of("tests/browser/test_story.py::test_a") == group_of("tests/browser/test_look.py::test_b[light]")


@pytest.mark.thorough
def test_no_file_is_torn_apart(tmp_path: Path) -> None:
    """By what a real run of two processes says: the groups of xdist itself were lost without a word."""
    argv = [sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadfile", "-v", "-p", "no:cacheprovider", *NAMES]
    lines = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    told = {(line.split("]")[0], line.split("PASSED ")[1].split("::")[0]) for line in lines if "PASSED" in line}
    assert len(told) == len(NAMES)
