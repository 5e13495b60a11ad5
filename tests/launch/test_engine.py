"""When the inference engine is compiled anew, with CUDA or without, and how far it is."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import pytest

from launch import engine, packages
from launch.console import Console

REQUIREMENT = "llama-cpp-python==0.3.36 \\\n    --hash=sha256:aa\n"


def test_the_cache_key_changes_with_what_the_wheel_depends_on() -> None:
    """A wheel is never used on a processor, for a version or for a source it was not built for."""
    base = engine.cache_key(REQUIREMENT, ["avx2", "fma"], with_cuda=False)
    assert engine.cache_key(REQUIREMENT, ["fma", "avx2"], with_cuda=False) == base
    others = [
        engine.cache_key(REQUIREMENT, ["avx2", "fma", "avx512f"], with_cuda=False),
        engine.cache_key(REQUIREMENT, ["avx2", "fma"], with_cuda=True),
        engine.cache_key(REQUIREMENT.replace("aa", "bb"), ["avx2", "fma"], with_cuda=False),
        engine.cache_key(REQUIREMENT.replace("0.3.36", "0.3.37"), ["avx2", "fma"], with_cuda=False),
    ]
    assert len({base, *others}) == 5


def test_the_locked_engine_is_found_with_its_hash() -> None:
    text = packages.locked(engine.PACKAGE, packages.REQUIREMENTS / "run.txt")
    assert text.startswith("llama-cpp-python==")
    assert text.count("--hash=sha256:") == 1


def test_processor_flags_are_read_from_the_first_processor(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nflags\t\t: fpu sse4_2 avx2\n\nprocessor\t: 1\nflags\t\t: fpu\n")
    assert engine.processor_flags(cpuinfo) == ["avx2", "fpu", "sse4_2"]


def test_cuda_needs_a_compiler_and_a_device(tmp_path: Path) -> None:
    """nvcc without a GPU would cost an hour and gain nothing; HEARTH_CUDA decides over both."""
    device, absent = tmp_path / "nvidiactl", tmp_path / "absent"
    device.touch()

    def has(*names: str) -> engine.Find:
        return lambda name: f"/usr/bin/{name}" if name in names else None

    assert engine.wants_cuda({}, has("nvcc"), device)
    assert engine.wants_cuda({}, has("nvcc", "nvidia-smi"), absent)
    assert not engine.wants_cuda({}, has("nvcc"), absent)
    assert not engine.wants_cuda({}, has("nvidia-smi"), device)
    assert engine.wants_cuda({"HEARTH_CUDA": "1"}, has(), absent)
    assert not engine.wants_cuda({"HEARTH_CUDA": "0"}, has("nvcc"), device)


@pytest.mark.parametrize("with_cuda", [True, False])
def test_the_compile_is_told_what_to_build(with_cuda: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """pip gets llama.cpp's own switches: this processor's instructions, CUDA only where it is wanted, no vision; a
    person's own come first, and the wheel lands in its folder."""
    ran: list[tuple[list[str], dict[str, str]]] = []

    def run(_title: str, argv: list[str], environment: dict[str, str] | None = None, **_: object) -> None:
        ran.append((argv, environment or {}))
        if "wheel" in argv:
            folder = Path(argv[argv.index("--wheel-dir") + 1])
            folder.mkdir()
            (folder / "llama_cpp_python-0.3.36.whl").touch()

    monkeypatch.setattr(engine.steps, "run", run)
    monkeypatch.setenv("CMAKE_ARGS", "-DGGML_BLAS=ON")
    wheel = engine._build(REQUIREMENT, tmp_path / "key", Console(io.StringIO()), with_cuda=with_cuda)
    assert wheel == tmp_path / "key" / "llama_cpp_python-0.3.36.whl"
    argv, environment = ran[-1]
    assert {"--no-deps", "--require-hashes", "--no-build-isolation", "--no-binary"} <= set(argv)
    flags = environment["CMAKE_ARGS"].split()
    assert flags[:3] == ["-DGGML_BLAS=ON", "-DGGML_NATIVE=ON", "-DLLAVA_BUILD=OFF"]
    assert flags[3:] == (["-DGGML_CUDA=on"] if with_cuda else [])
    assert environment["PATH"].startswith(str(Path(sys.executable).parent))


def test_the_switches_are_llama_cpps_own() -> None:
    """A switch that CMake does not know is ignored, and would leave the GPU unused without a word: those that we give
    stand in the container's build too, spelt alike."""
    ours = set(re.findall(r"-D(\w+)=", " ".join(engine._build_environment(with_cuda=True)["CMAKE_ARGS"].split())))
    container = set(re.findall(r"-D(\w+)=", (Path(engine.__file__).parents[1] / "Dockerfile").read_text()))
    assert {"GGML_NATIVE", "LLAVA_BUILD", "GGML_CUDA"} == ours & container


def test_the_compile_says_how_far_it_is() -> None:
    """Ninja's counter becomes percent; other lines of the build stay in the background."""
    stream = io.StringIO()
    progress = engine.Progress(Console(stream))
    progress("  Building wheel for llama-cpp-python (pyproject.toml): started\n")
    progress("  [57/228] Building CXX object vendor/llama.cpp/src/CMakeFiles/llama.dir/llama-model.cpp.o\n")
    assert "compiling: 25 %" in stream.getvalue()
    assert "57 of 228" in stream.getvalue()
