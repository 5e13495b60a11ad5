"""Set-up: what must be installed, built or fetched before the processes can start. Each step knows when it is done."""

from __future__ import annotations

import fcntl
import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from launch import config, engine, frontend, packages, problems, starters
from launch.config import Config
from launch.console import Console

# A full set-up: packages 0.7 GB, engine build 0.6 GB, scripts 0.3 GB, models 0.4 GB while they are unpacked.
NEEDED_MIB = 2500


def everything(settings: Config, console: Console, *, with_tests: bool = False) -> None:
    """Safe to call again; the second time costs a few file reads. Two at a time (a start and a test run) take turns."""
    with _alone(console):
        _python_packages(settings, console, with_tests=with_tests)
        frontend.build(console)
        frontend.compile_catalogues(console)
        if settings.has_own_inference and settings.has_own_models:
            starters.fetch(settings.models_dir, console)
        secrets = config.load_secrets(settings.data_dir, settings.environment)
        frontend.collect_static({**settings.environment, **secrets}, console)


@contextmanager
def _alone(console: Console) -> Iterator[None]:
    with (Path(sys.prefix) / "hearth-prepare.lock").open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.say("Another set-up of this checkout is running; waiting for it ...")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _python_packages(settings: Config, console: Console, *, with_tests: bool) -> None:
    """test.txt holds all that run.txt holds, so either will do for a start."""
    if not packages.stamp_of(packages.REQUIREMENTS / "run.txt").is_current():
        problems.check_disk(Path(sys.prefix), NEEDED_MIB)
    engine.install(settings.data_dir, console)
    packages.install("run", console)
    if with_tests:
        packages.install("test", console)
    importlib.invalidate_caches()
