"""Node from the machine or from its wheel: both can run npm."""

from __future__ import annotations

import os
import subprocess

import pytest

from launch import frontend


@pytest.mark.parametrize("minimum", [frontend.MINIMUM_NODE, 99], ids=["any", "the wheel's"])
def test_npm_runs(minimum: int) -> None:
    """No machine has Node 99, so then the wheel's is taken."""
    node = frontend.find_node(minimum)
    environment = {**os.environ, **node.environment}
    done = subprocess.run([*node.npm, "--version"], env=environment, capture_output=True, text=True, check=True)
    assert int(done.stdout.split(".")[0]) >= 9
    version = subprocess.run([str(node.folder / "node"), "--version"], capture_output=True, text=True, check=True)
    assert int(version.stdout.strip("v\n").split(".")[0]) >= frontend.MINIMUM_NODE
