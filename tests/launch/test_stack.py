"""The whole of Hearth, as one command starts it: up, restarted, and down without a trace."""

from __future__ import annotations

import os
import signal
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from launch import setup_stamp
from launch.processes import children_of
from tests.services import RunningStack, database_url, running_stack

WAIT_SECONDS = 60.0


@pytest.mark.timeout(180)
def test_one_command_brings_everything_up_and_takes_it_down() -> None:
    """A killed web process comes back, and after SIGTERM nobody is left. One test, because each start costs seconds."""
    with running_stack(HEARTH_BACKEND="fake") as stack:
        assert "password" in signin_page(stack)
        assert stack.admin_email
        assert stack.admin_password not in (stack.data_dir / "services.env").read_text()
        assert not (stack.data_dir / "run" / "setup.json").exists()

        for word, absent in (("chat.server", "HEARTH_POSTGRES_"), ("inference", "HEARTH_SECRET_KEY=")):
            assert absent not in Path(f"/proc/{process_of(stack, word)}/environ").read_text(), word

        web = process_of(stack, "chat.server")
        os.kill(web, signal.SIGKILL)
        wait_until(lambda: process_of(stack, "chat.server") not in (0, web))
        wait_until(lambda: "password" in signin_page(stack))

        everybody = family_of(stack.pid)
        assert len(everybody) >= 6
    assert [pid for pid in everybody if is_alive(pid)] == []


def test_set_up_is_skipped_until_something_changes(tmp_path: Path) -> None:
    """The stamp holds for this code and this database's state, and for no other."""
    url = database_url(os.environ["DATABASE_URL"], "hearth")
    assert not setup_stamp.is_current(tmp_path, url)
    setup_stamp.write(tmp_path, url)
    assert setup_stamp.is_current(tmp_path, url)
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE django_migrations (applied timestamptz)")
        connection.execute("INSERT INTO django_migrations VALUES (now())")
    try:
        assert not setup_stamp.is_current(tmp_path, url)
    finally:
        with psycopg.connect(url) as connection:
            connection.execute("DROP TABLE django_migrations")
    assert setup_stamp.is_current(tmp_path, url)


def signin_page(stack: RunningStack) -> str:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{stack.url}/signin/", timeout=60) as response:
            text: str = response.read().decode()
            return text
    except OSError:
        return ""


def family_of(pid: int) -> list[int]:
    return [pid, *(each for child in children_of(pid) for each in family_of(child))]


def process_of(stack: RunningStack, word: str) -> int:
    """The first process below the launcher with this word in its command line; 0 when there is none."""
    for pid in family_of(stack.pid):
        try:
            if word in Path(f"/proc/{pid}/cmdline").read_text():
                return pid
        except OSError:
            continue
    return 0


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)
