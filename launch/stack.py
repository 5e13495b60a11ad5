"""The order in which Hearth comes up and goes down.

Up: PostgreSQL, Valkey and inference at once; the database's set-up as soon as it answers; then web, turns,
worker and jobs. Down: first what talks to people, then inference, then what keeps the data.
"""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from launch import config, postgres, postgres_home, setup_stamp, valkey
from launch.config import ROOT, Config
from launch.console import Console
from launch.processes import Command, Supervisor

ADDRESSES_NAME = "services.env"
ADDRESSES = ("DATABASE_URL", "VALKEY_URL", "HEARTH_INFERENCE_URL")
READY_TIMEOUT_SECONDS = 120.0
SETUP_TIMEOUT_SECONDS = 1800.0
# Longer than each process gives itself to drain: web 10 s, worker 20 s, inference 30 s (their own settings).
WEB_GRACE_SECONDS = 15.0
WORKER_GRACE_SECONDS = 30.0
INFERENCE_GRACE_SECONDS = 40.0
# It knows no people and no database, so it is not told how to reach them.
NOT_FOR_INFERENCE = (
    "HEARTH_SECRET_KEY", "HEARTH_SECRET_KEY_FALLBACKS", "HEARTH_API_KEY_SECRET", "DATABASE_URL", "VALKEY_URL",
)  # fmt: skip
# Who starts Hearth as root knows it; Celery would say so at every start, in eight lines.
CELERY_ROOT_WARNING = "You're running the worker with superuser privileges"
CELERY = (
    "-W", f"ignore:{CELERY_ROOT_WARNING}", "-m", "celery", "--quiet", "-A", "chat", "worker",
    "--loglevel", "INFO", "--without-gossip", "--without-mingle",
)  # fmt: skip


@dataclass(frozen=True)
class Admin:
    """The first admin, as seed made them in this start."""

    email: str
    password: str


class Stack:
    def __init__(
        self, settings: Config, secrets: Mapping[str, str], console: Console, is_over: Callable[[], bool]
    ) -> None:
        """is_over: has somebody asked for a stop?"""
        self._settings = settings
        self._secrets = secrets
        self._console = console
        self._supervisor = Supervisor(console, is_over)
        # The database's own passwords stay here: the processes have DATABASE_URL, and no way to the superuser.
        handed_on = {name: value for name, value in secrets.items() if name in config.SECRET_NAMES}
        self._environment = {**settings.environment, **handed_on, "PYTHONUNBUFFERED": "1"}
        self._cluster: postgres.Cluster | None = None
        self._valkey: valkey.Valkey | None = None

    def run(self) -> None:
        self._supervisor.run()

    def write_addresses(self) -> None:
        """For whoever runs `manage.py` beside us: chat/settings.py reads services.env from the data folder."""
        found = {name: self._environment[name] for name in ADDRESSES if name in self._environment}
        text = "".join(f"{name}={value}\n" for name, value in found.items())
        config.write_private(self._settings.data_dir / ADDRESSES_NAME, text)

    def start_services(self) -> None:
        """Start the embedded parts that the operator has not replaced. Returns before they answer."""
        if self._settings.has_own_postgres:
            self._cluster = postgres_home.cluster(
                self._settings.data_dir, self._secrets, postgres.UNSAFE_FAST_SETTINGS if self._is_throwaway else None
            )
            if not self._cluster.folder.exists():
                self._console.say(f"Making the database in {self._cluster.folder} ...")
            self._cluster.create()
            self._cluster.make_ready_to_start()
            self._environment["DATABASE_URL"] = self._cluster.url
            self._supervisor.start(self._cluster.command())
        if self._settings.has_own_valkey:
            self._valkey = valkey.server(self._settings.data_dir, is_durable=not self._is_throwaway)
            self._valkey.make_ready_to_start()
            self._environment["VALKEY_URL"] = self._valkey.url
            self._supervisor.start(self._valkey.command())

    def wait_for_services(self) -> None:
        if self._cluster:
            self._supervisor.wait_for(["postgres"], self._cluster.is_ready, postgres.START_TIMEOUT_SECONDS)
            self._cluster.furnish()
        if self._valkey:
            self._supervisor.wait_for(["valkey"], self._valkey.is_ready, valkey.START_TIMEOUT_SECONDS)

    def start_inference(self) -> None:
        if self._settings.has_own_inference:
            port = str(self._settings.inference_port)
            self._environment.update(
                HEARTH_INFERENCE_HOST="127.0.0.1",
                HEARTH_INFERENCE_PORT=port,
                HEARTH_INFERENCE_URL=f"http://127.0.0.1:{port}",
            )
            kept = for_inference(self._environment)
            argv = [sys.executable, "-m", "inference"]
            self._supervisor.start(Command("inference", argv, kept, grace_seconds=INFERENCE_GRACE_SECONDS, folder=ROOT))

    def set_up_database(self) -> Admin | None:
        """Migrations and the first admin, in one Django start; skipped when nothing has changed since the last one."""
        url = self._environment["DATABASE_URL"]
        if setup_stamp.is_current(self._settings.data_dir, url):
            return None
        self._console.say("Bringing the database up to date ...")
        result = self._settings.data_dir / "run" / "setup.json"
        result.unlink(missing_ok=True)
        argv = [sys.executable, "-m", "launch.django_setup", str(result)]
        self._supervisor.finish(
            Command("setup", argv, self._environment, folder=ROOT, is_once=True), SETUP_TIMEOUT_SECONDS
        )
        answer = json.loads(result.read_text())
        result.unlink()
        setup_stamp.write(self._settings.data_dir, url)
        return Admin(answer["email"], answer["password"]) if answer else None

    def start_processes(self) -> None:
        host, port = self._settings.host, str(self._settings.port)
        self._start("web", "-m", "chat.server", "--bind", host, "--port", port, grace_seconds=WEB_GRACE_SECONDS)
        self._start("turns", "manage.py", "turns", grace_seconds=WORKER_GRACE_SECONDS)
        schedule = self._settings.data_dir / "run" / "beat-schedule"
        self._start(
            "worker", *CELERY, "-Q", "read,embed", "--hostname", "worker@%h", "--concurrency", "1",
            grace_seconds=WORKER_GRACE_SECONDS,
        )  # fmt: skip
        self._start(
            "jobs", *CELERY, "-Q", "short,maint,celery", "--hostname", "jobs@%h", "--pool", "threads",
            "--concurrency", "4", "-B", "--schedule", str(schedule), grace_seconds=WORKER_GRACE_SECONDS,
        )  # fmt: skip

    def wait_for_web(self) -> None:
        names = ["web", "turns", "worker", "jobs"] + (["inference"] if self._settings.has_own_inference else [])
        self._supervisor.wait_for(names, self._web_answers, READY_TIMEOUT_SECONDS)

    def stop(self) -> None:
        """Safe to call twice."""
        (self._settings.data_dir / ADDRESSES_NAME).unlink(missing_ok=True)
        self._supervisor.stop("setup", "web", "turns", "worker", "jobs")
        self._supervisor.stop("inference")
        self._supervisor.stop("valkey")
        self._supervisor.stop("postgres")

    @property
    def _is_throwaway(self) -> bool:
        return self._environment.get("HEARTH_THROWAWAY") == "1"

    def _start(self, name: str, *arguments: str, grace_seconds: float) -> None:
        argv = [sys.executable, *arguments]
        self._supervisor.start(Command(name, argv, self._environment, grace_seconds=grace_seconds, folder=ROOT))

    def _web_answers(self) -> bool:
        return answers(f"{self._settings.local_url}/health/")


def for_inference(environment: Mapping[str, str]) -> dict[str, str]:
    """What the inference service is told: no secret but its own, and no file that holds one."""
    return {name: value for name, value in environment.items() if name.removesuffix("_FILE") not in NOT_FOR_INFERENCE}


def answers(url: str) -> bool:
    """Does it answer, with whatever status? No proxy: this machine asks itself."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(url, timeout=2.0).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def make_passable(folder: Path) -> None:
    """Others may pass through (the embedded database runs as another user) and not look around."""
    if not folder.exists():
        folder.mkdir(parents=True)
        folder.chmod(0o711)
