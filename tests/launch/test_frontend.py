"""Node from the machine or from its wheel: both can run npm."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

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


def test_old_names_outlive_a_new_build_for_a_while(tmp_path: Path) -> None:
    """A running Hearth serves what it started with; only what is old and named no more goes, its copies too."""
    (tmp_path / "staticfiles.json").write_text(json.dumps({"paths": {"main.js": "main.new.js"}}))
    names = ["main.js", "main.new.js", "main.new.js.br", "main.last.js", "main.old.js", "main.old.js.gz"]
    for name in names:
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (1000, 1000) if "last" not in name else (3000, 3000))
    frontend._remove_old(tmp_path, before=2000)
    left = {path.name for path in tmp_path.iterdir()} - {"staticfiles.json"}
    assert left == {"main.js", "main.new.js", "main.new.js.br", "main.last.js"}
