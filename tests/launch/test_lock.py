"""bin/check notices a lock file that pyproject.toml has left behind."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from launch import lock


def test_the_lock_files_are_current() -> None:
    assert lock.faults() == []


def test_a_pin_outside_its_specifier_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in lock.REQUIREMENTS.iterdir():
        shutil.copy(path, tmp_path)
    text = (tmp_path / "run.txt").read_text()
    (tmp_path / "run.txt").write_text(
        text.replace(f"redis=={lock.pins(tmp_path / 'run.txt')['redis']}", "redis==8.0.0")
    )
    monkeypatch.setattr(lock, "REQUIREMENTS", tmp_path)
    found = "\n".join(lock.faults())
    assert "run.txt has 8.0.0 of redis" in found
    assert "test.txt has redis" in found


def test_a_pin_without_a_hash_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in lock.REQUIREMENTS.iterdir():
        shutil.copy(path, tmp_path)
    with (tmp_path / "test.txt").open("a") as handle:
        handle.write("stowaway==1.0\n")
    monkeypatch.setattr(lock, "REQUIREMENTS", tmp_path)
    assert lock.faults() == ["test.txt: stowaway has no hash"]
