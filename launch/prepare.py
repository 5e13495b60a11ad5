"""Set-up: what must be installed, built or fetched before the processes can start. Each step knows when it is done."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from launch import config, engine, frontend, packages, problems, starters
from launch.config import Config
from launch.console import Console

# A full set-up: packages 0.7 GB, engine build 0.6 GB, scripts 0.3 GB, models 0.4 GB while they are unpacked.
NEEDED_MIB = 2500


def everything(settings: Config, console: Console, *, with_tests: bool = False) -> None:
    """Safe to call again; the second time costs a few file reads."""
    _python_packages(settings, console, with_tests=with_tests)
    frontend.build(console)
    frontend.compile_catalogues(console)
    if settings.has_own_inference and settings.has_own_models:
        starters.fetch(settings.models_dir, console)
    secrets = config.load_secrets(settings.data_dir, settings.environment)
    frontend.collect_static({**settings.environment, **secrets}, console)


def _python_packages(settings: Config, console: Console, *, with_tests: bool) -> None:
    """test.txt holds all that run.txt holds, so either will do for a start."""
    if not packages.stamp_of(packages.REQUIREMENTS / "run.txt").is_current():
        problems.check_disk(Path(sys.prefix), NEEDED_MIB)
    engine.install(settings.data_dir, console)
    packages.install("run", console)
    if with_tests:
        packages.install("test", console)
    importlib.invalidate_caches()
