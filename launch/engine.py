"""llama-cpp-python, compiled for this machine's processor and kept.

The published wheels are built for the least of all processors, and the difference is a factor. So the source package
is compiled once per version, processor and CUDA, and the wheel is kept in the person's cache folder, where the next
checkout finds it.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from launch import packages, problems, steps
from launch.console import Console, Paced

PACKAGE = "llama-cpp-python"
NEEDED_MIB = 1500
NVIDIA_DEVICE = Path("/dev/nvidiactl")
MINIMUM_STEPS = 5
Find = Callable[[str], str | None]
NINJA_PROGRESS = re.compile(r"\[(\d+)/(\d+)\]")


def install(data_dir: Path, console: Console) -> None:
    requirement = packages.locked(PACKAGE, packages.REQUIREMENTS / "run.txt")
    with_cuda = wants_cuda(os.environ)
    key = cache_key(requirement, processor_flags(), with_cuda=with_cuda)
    stamp = steps.Stamp(Path(sys.prefix) / "hearth-engine.stamp", key)
    if stamp.is_current():
        return
    folder = cache_folder(data_dir) / key
    wheel = next(folder.glob("*.whl"), None)
    if wheel is None:
        problems.check_compiler()
        problems.check_disk(folder, NEEDED_MIB)
        wheel = _build(requirement, folder, console, with_cuda=with_cuda)
    console.say("Installing the inference engine ...")
    # Its dependencies come from the lock file, with everything else.
    steps.run(
        "Installing the inference engine",
        [*packages.PIP, "install", "--no-deps", "--no-index", "--force-reinstall", str(wheel)],
    )
    stamp.write()


def wants_cuda(
    environment: Mapping[str, str],
    find: Find = shutil.which,
    device: Path = NVIDIA_DEVICE,
) -> bool:
    """HEARTH_CUDA=1 or 0 decides; else nvcc and a visible device together.

    nvcc alone is not enough: toolkits lie around on machines without a GPU, where the build takes an hour or stops
    at a missing cuBLAS, and would gain nothing (decisions.md).
    """
    forced = environment.get("HEARTH_CUDA", "")
    if forced in ("0", "1"):
        return forced == "1"
    return find("nvcc") is not None and (device.exists() or find("nvidia-smi") is not None)


def cache_key(requirement: str, flags: Sequence[str], *, with_cuda: bool) -> str:
    """A wheel is good for one source package, one set of processor instructions, and with or without CUDA."""
    parts = [
        requirement,
        platform.machine(),
        " ".join(sorted(flags)),
        f"cuda={with_cuda}",
        "".join(platform.libc_ver()),
    ]
    version = requirement.partition("==")[2].split()[0]
    return f"{version}-{'cuda' if with_cuda else 'cpu'}-{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:16]}"


def processor_flags(cpuinfo: Path = Path("/proc/cpuinfo")) -> list[str]:
    """What the first processor can do, as the kernel lists it; on ARM the line is called Features."""
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return []
    found = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return sorted(found.partition(":")[2].split())


def cache_folder(data_dir: Path) -> Path:
    """Shared by all checkouts of this person; beside the data where the cache folder cannot be written."""
    shared = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hearth" / "wheels"
    try:
        problems.check_writable(shared)
    except problems.Unusable:
        return data_dir / "wheels"
    return shared


def _build(requirement: str, folder: Path, console: Console, *, with_cuda: bool) -> Path:
    """Compile into the folder, whole or not at all."""
    minutes = "up to an hour, with CUDA" if with_cuda else "6 to 10 minutes on two cores"
    console.say(
        f"Compiling the inference engine for this processor ({minutes}; only this once, the result is kept) ..."
    )
    steps.run(
        "Installing the build tools",
        [*packages.PIP, "install", "--no-deps", "--require-hashes", "-r", str(packages.REQUIREMENTS / "build.txt")],
    )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as name:
        building = Path(name)
        (building / "requirement.txt").write_text(requirement)
        argv = [
            *packages.PIP, "wheel", "-v", "--no-deps", "--require-hashes", "--no-binary", PACKAGE,
            "--no-build-isolation", "--no-cache-dir", "--wheel-dir", str(building / "wheel"),
            "-r", str(building / "requirement.txt"),
        ]  # fmt: skip
        steps.run(
            "Compiling the inference engine",
            argv,
            environment=_build_environment(with_cuda),
            on_line=Progress(console),
        )
        (building / "wheel").rename(folder)
    return next(folder.glob("*.whl"))


def _build_environment(with_cuda: bool) -> dict[str, str]:
    """Vision support is left out: nothing here uses it, and it is a sixth of the compile."""
    flags = ["-DGGML_NATIVE=ON", "-DLLAVA_BUILD=OFF", *(["-DGGML_CUDA=on"] if with_cuda else [])]
    # The build tools that were just installed come before the machine's own.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {"CMAKE_ARGS": " ".join([os.environ.get("CMAKE_ARGS", ""), *flags]).strip(), "PATH": path}


class Progress:
    """Ninja's [done/all] lines as percent and minutes left."""

    def __init__(self, console: Console) -> None:
        self._show = Paced(console)
        self._started_at: float | None = None

    def __call__(self, line: str) -> None:
        found = NINJA_PROGRESS.search(line)
        if not found:
            return
        now = time.monotonic()
        self._started_at = self._started_at or now
        done, num_all = int(found[1]), int(found[2])
        left_seconds = (now - self._started_at) / done * (num_all - done)
        minutes = "less than a minute" if left_seconds < 60 else f"about {left_seconds / 60:.0f} min"
        # The first steps are too few to tell a speed from.
        left = f", {minutes} left" if done >= MINIMUM_STEPS else ""
        self._show(f"  compiling: {100 * done // num_all} %{left} ({done} of {num_all})")
