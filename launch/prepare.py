"""Set-up: everything that must be installed, built or fetched before the processes can start. Each step knows when it is done."""

from __future__ import annotations

from launch.config import Config
from launch.console import Console


def everything(config: Config, console: Console, *, with_tests: bool = False) -> None:
    """Safe to call again; the second time costs a few file reads."""
