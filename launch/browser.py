"""A Chromium for browser tests and page bench: the machine's, else a system package (as root), else Playwright's."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from launch import steps
from launch.console import Console
from launch.problems import StepFailed, Unusable

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
VARIABLE = "HEARTH_CHROMIUM"


def find() -> Path | None:
    """HEARTH_CHROMIUM, a browser on the PATH, or one that Playwright has downloaded before."""
    for name in (os.environ.get(VARIABLE, ""), *NAMES):
        found = shutil.which(name) if name else None
        if found:
            return Path(found)
    cache = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright")
    return next(iter(sorted(cache.glob("chromium-*/chrome-linux*/chrome"), reverse=True)), None)


def ensure(console: Console) -> Path:
    """Raises Unusable with what to do when no browser can be had."""
    found = find()
    if found:
        return found
    console.say("Installing Chromium for the browser tests ...")
    try:
        _install()
    except StepFailed as error:
        raise Unusable(
            f"The browser tests need Chromium, and it could not be installed: install it, or name it with {VARIABLE}.\n"
            + error.sentence
        ) from error
    found = find()
    if not found:
        raise Unusable(f"The browser tests need Chromium: install it, or name it with {VARIABLE}.")
    return found


def _install() -> None:
    if os.getuid() == 0 and shutil.which("apt-get"):
        environment = {"DEBIAN_FRONTEND": "noninteractive"}
        steps.run("Reading the package lists", ["apt-get", "update", "-q"], environment=environment)
        packages = ["chromium", "fonts-liberation"]
        argv = ["apt-get", "install", "-q", "-y", "--no-install-recommends", *packages]
        steps.run("Installing Chromium", argv, environment=environment)
    else:
        steps.run(
            "Downloading Chromium",
            [sys.executable, "-m", "playwright", "install", "chromium-headless-shell", "chromium"],
        )
