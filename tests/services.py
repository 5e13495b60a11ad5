"""Real PostgreSQL and Valkey for every test run, and the whole of Hearth for those that need it.

Loaded with `-p tests.services`, before Django reads its settings. PostgreSQL is shared: a keeper process serves all
test runs of this checkout from .hearth/test and leaves when none has used it for a while, so the next run starts at
once. Each run has a database name, a Valkey number and a data folder of its own, so runs may overlap.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from launch import config, users
from tests.children import ENDS_WITH_US

ROOT = config.ROOT
KEPT_DIR = ROOT / ".hearth" / "test"
MODELS_DIR = Path(os.environ.get("HEARTH_MODELS_DIR") or ROOT / ".hearth" / "models")
START_SECONDS = 180.0
STACK_SECONDS = 180.0
NUM_VALKEY_DATABASES = 64
PRIVATE = ("DATABASE_URL", "VALKEY_URL", "HEARTH_CHANNEL_PREFIX")
MADE_VARIABLE = "HEARTH_TEST_MADE"

_run_resources = ExitStack()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests() -> Generator[None, object, object]:
    """Before pytest-django's own hook, which reads the settings."""
    os.environ.update(_run_resources.enter_context(run_environment()))
    try:
        return (yield)
    except BaseException:
        # pytest_unconfigure is not called for a run that ends in here.
        _run_resources.close()
        raise


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--leaks", type=int, default=50, help="how many random cases the test of leaks looks at")
    parser.addoption("--leaks-seed", type=int, default=11, help="where its dice begin")


def pytest_unconfigure() -> None:
    _run_resources.close()


@contextmanager
def run_environment() -> Iterator[dict[str, str]]:
    """The variables of one test run; what stands in the environment already wins, save for the data folder."""
    with ExitStack() as resources:
        urls = resources.enter_context(running_services())
        name = f"run_{os.getpid()}"
        data_dir = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="hearth-test-")))
        values = {
            "DATABASE_URL": database_url(urls["DATABASE_URL"], name),
            "VALKEY_URL": valkey_url(urls["VALKEY_URL"], os.getpid() % (NUM_VALKEY_DATABASES - 1) + 1),
            "HEARTH_MODELS_DIR": str(MODELS_DIR),
            "HEARTH_CHANNEL_PREFIX": f"test-{os.getpid()}",
            "GOMP_SPINCOUNT": "0",
            **{secret: secrets.token_urlsafe(40) for secret in config.SECRET_NAMES},
        }
        # A worker of a parallel run must not share what its controller made for itself.
        made_above = os.environ.get(MADE_VARIABLE, "").split()
        values = {key: (key not in made_above and os.environ.get(key)) or value for key, value in values.items()}
        values[MADE_VARIABLE] = " ".join(key for key in PRIVATE if values[key] != os.environ.get(key))
        values["HEARTH_DATA_DIR"] = str(data_dir)
        values["HEARTH_UPLOADS_DIR"] = str(data_dir / "uploads")
        resources.callback(drop_database, urls["DATABASE_URL"], f"test_{name}")
        yield values


@contextmanager
def running_services() -> Iterator[Mapping[str, str]]:
    """DATABASE_URL and VALKEY_URL of the shared services, started when they are not there."""
    with users.using(KEPT_DIR):
        note = KEPT_DIR / "services.env"
        if note.exists() and not _answers(config.read_dotenv(note)["DATABASE_URL"]):
            note.unlink(missing_ok=True)  # their keeper was killed, or the machine was switched off
        if not note.exists():
            _start_keeper()
        yield config.read_dotenv(note)


def _answers(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=5):
            return True
    except psycopg.OperationalError:
        return False


def _start_keeper() -> None:
    log_path = KEPT_DIR / "services.log"
    environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "VALKEY_URL")}
    environment.update(HEARTH_DATA_DIR=str(KEPT_DIR), HEARTH_THROWAWAY="1")
    with log_path.open("w") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "launch", "services", "--until-unused"],
            cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    # Another run may be starting them at this moment; then our keeper finds the folder held and leaves, and theirs
    # serves us too.
    deadline = time.monotonic() + START_SECONDS
    while not (KEPT_DIR / "services.env").exists():
        if time.monotonic() > deadline or keeper.poll() not in (None, 2):
            raise pytest.UsageError(f"The test services did not start:\n{log_path.read_text()}")
        time.sleep(0.02)
    # The keeper outlives this run on purpose.
    keeper.returncode = 0


def database_url(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def valkey_url(url: str, number: int) -> str:
    return re.sub(r"db=\d+", f"db={number}", url)


def drop_database(url: str, name: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@dataclass(frozen=True)
class RunningStack:
    url: str
    admin_email: str
    admin_password: str
    inference_url: str
    inference_secret: str
    database_url: str
    valkey_url: str
    data_dir: Path
    pid: int
    """Of the launcher, whose children are the processes."""
    log_path: Path


@contextmanager
def running_stack(**variables: str) -> Iterator[RunningStack]:
    """All of Hearth as `bin/run` starts it, on free ports, with a database that was migrated but holds nobody but
    the first admin.

    Variables go into the environment: HEARTH_BACKEND="fake" needs no weights.
    """
    with ExitStack() as resources:
        urls = resources.enter_context(running_services())
        name = f"stack_{os.getpid()}_{secrets.token_hex(3)}"
        _create_database(urls["DATABASE_URL"], name)
        resources.callback(drop_database, urls["DATABASE_URL"], name)
        data_dir = Path(tempfile.mkdtemp(prefix="hearth-stack-"))
        resources.callback(shutil.rmtree, data_dir, ignore_errors=True)
        inference_secret = secrets.token_urlsafe(32)
        port, inference_port = free_port(), free_port()
        environment = {
            **os.environ,
            "HEARTH_DATA_DIR": str(data_dir),
            "HEARTH_UPLOADS_DIR": str(data_dir / "uploads"),
            "HEARTH_MODELS_DIR": str(MODELS_DIR),
            "HEARTH_PORT": str(port),
            "HEARTH_URL": f"http://127.0.0.1:{port}",
            "HEARTH_INFERENCE_PORT": str(inference_port),
            "HEARTH_INFERENCE_SECRET": inference_secret,
            "DATABASE_URL": database_url(urls["DATABASE_URL"], name),
            "HEARTH_THROWAWAY": "1",
            **variables,
        }
        # Valkey channels have no database number, so a stack has a Valkey of its own.
        del environment["VALKEY_URL"]
        environment.pop("HEARTH_INFERENCE_URL", None)
        log_path = data_dir / "stack.log"
        launcher = resources.enter_context(_launched(environment, log_path))
        email, password = _wait_until_ready(launcher, log_path)
        yield RunningStack(
            url=environment["HEARTH_URL"],
            admin_email=email,
            admin_password=password,
            inference_url=f"http://127.0.0.1:{inference_port}",
            inference_secret=inference_secret,
            database_url=environment["DATABASE_URL"],
            valkey_url=config.read_dotenv(data_dir / "services.env")["VALKEY_URL"],
            data_dir=data_dir,
            pid=launcher.pid,
            log_path=log_path,
        )


@contextmanager
def _launched(environment: Mapping[str, str], log_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log_path.open("wb") as log:
        launcher = subprocess.Popen(
            [*ENDS_WITH_US, sys.executable, "-m", "launch", "--no-prepare"],
            cwd=ROOT, env=dict(environment), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        yield launcher
    finally:
        launcher.send_signal(signal.SIGTERM)
        try:
            launcher.wait(60)
        except subprocess.TimeoutExpired:
            launcher.kill()
            launcher.wait()


def _wait_until_ready(launcher: subprocess.Popen[bytes], log_path: Path) -> tuple[str, str]:
    deadline = time.monotonic() + STACK_SECONDS
    while time.monotonic() < deadline and launcher.poll() is None:
        log = log_path.read_text()
        if "Ctrl-C stops everything" in log:
            found = re.search(r"First admin: +(\S+)\n +One-time password: +(\S+)", log)
            assert found, f"The stack named no first admin:\n{log}"
            return found[1], found[2]
        time.sleep(0.05)
    raise AssertionError(f"The stack did not start:\n{log_path.read_text()}")


def _create_database(url: str, name: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def main(arguments: list[str]) -> int:
    """`python -m tests.services manage.py check`: a command with these services and throwaway secrets."""
    with run_environment() as values:
        name = urlsplit(values["DATABASE_URL"]).path.removeprefix("/")
        _create_database(database_url(values["DATABASE_URL"], "hearth"), name)
        try:
            environment = {**os.environ, **values}
            return subprocess.run([sys.executable, *arguments], env=environment, cwd=ROOT, check=False).returncode
        finally:
            drop_database(database_url(values["DATABASE_URL"], "hearth"), name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
