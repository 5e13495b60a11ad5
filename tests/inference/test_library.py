"""The models folder, whatever lies in it."""

from __future__ import annotations

import os
import random
import struct
from pathlib import Path

import pytest

from inference import errors, gguf_header
from inference.library import Library
from tests.inference.gguf_files import header, write_model


def test_a_model_is_described_by_its_header(tmp_path: Path) -> None:
    """Name, size, architecture, context and parameters come out of the file."""
    data = write_model(tmp_path / "tiny.gguf")
    (entry,) = Library(tmp_path).entries()
    assert (entry.id, entry.kind, entry.architecture, entry.quantization) == ("tiny", "chat", "llama", "Q4_0")
    assert (entry.context_length, entry.num_parameters, entry.size_bytes) == (2048, 64, len(data))
    assert entry.broken is None


def test_an_encoder_is_an_embedding_model(tmp_path: Path) -> None:
    """So that nobody is offered to chat with it."""
    write_model(tmp_path / "e.gguf", more={"general.architecture": "bert"})
    assert Library(tmp_path).entries()[0].kind == "embedding"


def test_a_file_that_was_cut_off_is_listed_as_broken(tmp_path: Path) -> None:
    """The tensor table says how long the file has to be."""
    data = write_model(tmp_path / "cut.gguf", num_elements=1000)
    (tmp_path / "cut.gguf").write_bytes(data[:-100])
    (entry,) = Library(tmp_path).entries()
    assert entry.broken is not None
    assert "cut off" in entry.broken


@pytest.mark.parametrize("length", [0, 3, 4, 20, 100, 200])
def test_a_file_that_ends_in_its_header_is_broken(tmp_path: Path, length: int) -> None:
    """However early it ends."""
    data = write_model(tmp_path / "cut.gguf")
    (tmp_path / "cut.gguf").write_bytes(data[:length])
    library = Library(tmp_path)
    assert library.entries()[0].broken
    with pytest.raises(errors.ModelBroken):
        library.get("cut")


def test_a_replaced_file_is_read_again(tmp_path: Path) -> None:
    """A broken file that is copied over again works without a restart."""
    path, library = tmp_path / "m.gguf", Library(tmp_path)
    path.write_bytes(b"nonsense")
    assert library.entries()[0].broken
    write_model(path)
    assert library.get("m").context_length == 2048


def test_a_vanished_file_is_unknown(tmp_path: Path) -> None:
    """A name without a file is not there."""
    write_model(tmp_path / "m.gguf")
    library = Library(tmp_path)
    library.get("m")
    (tmp_path / "m.gguf").unlink()
    with pytest.raises(errors.UnknownModel):
        library.get("m")


def test_only_files_of_the_folder_count(tmp_path: Path) -> None:
    """Links out of the folder, folders, pipes and odd names are not models."""
    folder = tmp_path / "models"
    folder.mkdir()
    write_model(tmp_path / "outside.gguf")
    (folder / "link.gguf").symlink_to(tmp_path / "outside.gguf")
    (folder / "folder.gguf").mkdir()
    os.mkfifo(folder / "pipe.gguf")
    write_model(folder / "odd name.gguf")
    write_model(folder / ".hidden.gguf")
    write_model(folder / "good.gguf")
    (folder / "alias.gguf").symlink_to(folder / "good.gguf")
    assert [entry.id for entry in Library(folder).entries()] == ["alias", "good"]


def test_no_folder_means_no_models(tmp_path: Path) -> None:
    """Not an error: an admin may make it later."""
    assert Library(tmp_path / "nowhere").entries() == []


def test_a_thousand_damaged_headers_end_in_a_sentence(tmp_path: Path) -> None:
    """Whatever bytes a header holds, it is read or refused, quickly and without much memory."""
    good = write_model(tmp_path / "good.gguf")
    path, luck = tmp_path / "bad.gguf", random.Random(7)  # repeatable, not secret
    sentences: set[str] = set()
    for _ in range(1000):
        data = bytearray(good)
        for _ in range(luck.randint(1, 6)):
            data[luck.randrange(len(data) - 256)] = luck.choice([0, 1, 0x7F, 0x80, 0xFF, luck.randrange(256)])
        path.write_bytes(data)
        try:
            gguf_header.read(path)
        except gguf_header.BrokenFile as error:
            sentences.add(str(error))
    assert sentences
    assert all(sentence.endswith(".") for sentence in sentences)


@pytest.mark.parametrize(
    "data",
    [
        b"GGUF" + struct.pack("<IQQ", 3, 2**63, 1),
        b"GGUF" + struct.pack("<IQQ", 3, 1, 2**63),
        b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 2**62) + b"x" * 100,
        b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"k" + struct.pack("<IIQ", 9, 8, 2**40),
        b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"k" + struct.pack("<IIQ", 9, 9, 1),
        b"GGUF" + struct.pack("<IQQ", 1, 0, 0),
        header({"general.architecture": "llama", "general.alignment": 0}),
    ],
)
def test_a_lying_length_is_not_believed(tmp_path: Path, data: bytes) -> None:
    """A header that claims more than the file can hold is refused before anything is allocated."""
    (tmp_path / "bad.gguf").write_bytes(data)
    with pytest.raises(gguf_header.BrokenFile):
        gguf_header.read(tmp_path / "bad.gguf")


@pytest.mark.parametrize(
    "entries",
    [
        {f"text {number}": "x" * 4 * 1024 * 1024 for number in range(5)},
        {f"{number} {'x' * 4000}": 1 for number in range(5000)},
    ],
)
def test_a_header_cannot_fill_the_memory(tmp_path: Path, entries: dict[str, str | int]) -> None:
    """The supervisor keeps texts and keys of every file in the folder, so they have a bound together."""
    write_model(tmp_path / "large.gguf", more={**entries})
    with pytest.raises(gguf_header.BrokenFile, match="more text"):
        gguf_header.read(tmp_path / "large.gguf")


def test_a_header_cannot_take_the_time_of_others(tmp_path: Path) -> None:
    """Fifteen million empty texts took 14 s to skip, in the process that serves everybody."""
    data = b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"k" + struct.pack("<IIQ", 9, 8, 15_000_000)
    (tmp_path / "long.gguf").write_bytes(data + bytes(100))
    with pytest.raises(gguf_header.BrokenFile, match="15,000,000 texts"):
        gguf_header.read(tmp_path / "long.gguf")
