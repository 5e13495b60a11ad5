"""What can stop a start: one clear sentence each, a non-zero exit, no traceback."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from launch import problems
from launch.config import ROOT
from launch.problems import Busy, Problem, Unusable


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """Where an unprivileged database could live, too: pytest's own folders are closed to others."""
    folder = Path("/tmp") / f"hearth-test-{os.getpid()}-{tmp_path.name}"
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def start(data_dir: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "VALKEY_URL")}
    environment |= {"HEARTH_DATA_DIR": str(data_dir), **variables}
    return subprocess.run(
        [sys.executable, "-m", "launch", *arguments], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def one_sentence(done: subprocess.CompletedProcess[str]) -> str:
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("hearth: ")
    assert lines[0].endswith(".")
    return lines[0]


def test_a_port_in_use(data_dir: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = start(data_dir, "--no-prepare", HEARTH_PORT=port)
    assert done.returncode == 2
    assert f"Port {port}" in one_sentence(done)
    assert "HEARTH_PORT" in done.stderr


def test_a_second_start_in_the_same_folder(data_dir: Path) -> None:
    data_dir.mkdir(mode=0o711)
    with problems.hold_folder(data_dir):
        done = start(data_dir, "--no-prepare")
    assert done.returncode == 2
    assert f"process {os.getpid()}" in one_sentence(done)


def test_a_database_of_another_version(data_dir: Path) -> None:
    """Nothing in the folder is touched."""
    (data_dir / "postgres").mkdir(parents=True)
    for folder in (data_dir, data_dir / "postgres"):
        folder.chmod(0o711)
    (data_dir / "postgres" / "PG_VERSION").write_text("17\n")
    done = start(data_dir, "services")
    assert done.returncode == 1
    assert "PostgreSQL 17" in one_sentence(done)
    assert [path.name for path in (data_dir / "postgres").iterdir()] == ["PG_VERSION"]


def test_a_folder_that_cannot_be_written() -> None:
    """/sys refuses new files, to root as well."""
    done = start(Path("/sys/hearth"), "--no-prepare")
    assert done.returncode == 1
    assert "HEARTH_DATA_DIR" in one_sentence(done)


def test_a_port_that_is_no_number(data_dir: Path) -> None:
    done = start(data_dir, "--no-prepare", HEARTH_PORT="http")
    assert done.returncode == 1
    assert "HEARTH_PORT" in one_sentence(done)


def test_reset_asks_first(data_dir: Path) -> None:
    """Without a terminal to ask at, --yes must be said; nothing goes before that."""
    data_dir.mkdir(mode=0o711)
    (data_dir / "uploads").mkdir()
    done = start(data_dir, "--no-prepare", "--reset")
    assert done.returncode == 1
    assert "--reset --yes" in one_sentence(done)
    assert (data_dir / "uploads").exists()


def test_an_old_python() -> None:
    with pytest.raises(Unusable, match=r"this is Python 3\.9"):
        problems.check_python((3, 9))


def test_a_missing_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(Unusable, match=r"apt-get install g\+\+"):
        problems.check_compiler(find=lambda _name: None)
    problems.check_compiler(find=lambda name: f"/usr/bin/{name}" if name == "g++" else None)


def test_a_disk_that_is_too_full(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="make room"):
        problems.check_disk(tmp_path / "not" / "there" / "yet", needed_mib=1 << 40)


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "disk is full"), (errno.EDQUOT, "disk is full"), (errno.EROFS, "HEARTH_DATA_DIR")],
)
def test_a_write_that_fails_half_way(number: int, words: str, tmp_path: Path) -> None:
    problem: Problem = problems.from_os_error(OSError(number, os.strerror(number), str(tmp_path / "x")), tmp_path)
    assert words in problem.sentence
    assert str(tmp_path / "x") in problem.sentence


def test_busy_and_unusable_differ_in_their_exit_codes() -> None:
    """A script can tell "somebody is there already" from "this cannot work"."""
    assert Busy("x").exit_code == 2
    assert Unusable("x").exit_code == 1
