"""llama-server out of the source package that the engine is compiled from: built once, kept in the cache folder."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench._figures import say
from launch import engine, packages, steps
from tests.services import free_port

START_SECONDS = 60.0
# What the measurement does not need, and what CMake would take only where it happens to be installed.
_OFF = ("LLAMA_BUILD_TESTS", "LLAMA_BUILD_EXAMPLES", "LLAMA_BUILD_UI", "LLAMA_OPENSSL", "GGML_CCACHE")


def program() -> Path:
    """The compiled server; minutes at the first call for a version, nothing afterwards."""
    requirement = packages.locked(engine.PACKAGE, packages.REQUIREMENTS / "run.txt")
    version = requirement.partition("==")[2].split()[0]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hearth"
    kind = "-cuda" if engine.wants_cuda(os.environ) else ""
    folder = cache / f"llama-server-{version}{kind}"
    if not (folder / "llama-server").exists():
        say(f"compiling llama-server {version} (about ten minutes on two cores; only this once) ...")
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix=".llama-server-") as name:
            _build(requirement, Path(name)).rename(folder)
    return folder / "llama-server"


@contextmanager
def running(model: Path, arguments: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Its address and process id, once the model is loaded."""
    server, port = program(), free_port()
    argv = [str(server), "-m", str(model), "--host", "127.0.0.1", "--port", str(port), "--no-ui", *arguments]
    environment = {name: value for name, value in os.environ.items() if name != "GOMP_SPINCOUNT"}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            argv, env=environment | {"LD_LIBRARY_PATH": str(server.parent)}, stdout=log, stderr=log
        )
        try:
            _wait(f"http://127.0.0.1:{port}/health", process)
            yield f"http://127.0.0.1:{port}", process.pid
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _build(requirement: str, folder: Path) -> Path:
    """The folder that holds the program and its libraries."""
    packages_file = folder / "requirement.txt"
    packages_file.write_text(requirement)
    build_tools = str(packages.REQUIREMENTS / "build.txt")
    steps.run("Installing the build tools", [*packages.PIP, "install", "--require-hashes", "-r", build_tools])
    download = [
        *packages.PIP, "download", "--no-deps", "--no-build-isolation", "--require-hashes",
        "--no-binary", engine.PACKAGE, "-d", str(folder), "-r", str(packages_file),
    ]  # fmt: skip
    path = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    steps.run("Downloading the source", download, environment=path)
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        archive.extractall(folder, filter="data")
    source = next(folder.glob("llama_cpp_python-*/vendor/llama.cpp"))
    flags = ["-DCMAKE_BUILD_TYPE=Release", "-DGGML_NATIVE=ON", *(f"-D{name}=OFF" for name in _OFF)]
    if engine.wants_cuda(os.environ):
        flags.append("-DGGML_CUDA=ON")
    build = folder / "build"
    configure = ["cmake", "-S", str(source), "-B", str(build), "-G", "Ninja", *flags]
    steps.run("Configuring llama-server", configure, environment=path)
    compile_it = ["cmake", "--build", str(build), "--target", "llama-server"]
    steps.run("Compiling llama-server", compile_it, environment=path, on_line=_tell_now_and_then())
    return build / "bin"


def _tell_now_and_then():  # type: ignore[no-untyped-def]  # a callback of steps.run
    told = 0

    def on_line(line: str) -> None:
        nonlocal told
        found = engine.NINJA_PROGRESS.search(line)
        if found and int(found[1]) * 10 // int(found[2]) > told:
            told = int(found[1]) * 10 // int(found[2])
            say(f"  {told * 10} %")

    return on_line


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with opener.open(url, timeout=1.0) as response:
                if response.status == 200:
                    return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("llama-server did not start.")
