"""A sentence-transformers model's way into GGUF, on one of 32 numbers and a vocabulary of letters."""

from __future__ import annotations

import json
import string
import zipfile
from pathlib import Path

import numpy as np
import pytest

from inference import gguf_header
from launch import convert_bert
from launch.problems import StepFailed

HIDDEN, INNER, POSITIONS = 32, 64, 128
SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
TOKENS = [
    *SPECIALS,
    *string.ascii_lowercase,
    *string.digits,
    *(f"##{c}" for c in string.ascii_lowercase + string.digits),
]


def small_model(folder: Path, *, seed: int = 1, **changes: object) -> Path:
    """A folder as sentence-transformers write it, with random weights."""
    dice = np.random.default_rng(seed)

    def noise(*shape: int) -> np.ndarray:
        return dice.normal(scale=0.5, size=shape).astype(np.float32)

    tensors = {
        "embeddings.position_ids": np.arange(POSITIONS, dtype=np.int64),
        "embeddings.word_embeddings.weight": noise(len(TOKENS), HIDDEN),
        "embeddings.position_embeddings.weight": noise(POSITIONS, HIDDEN) * 0.1,
        "embeddings.token_type_embeddings.weight": noise(2, HIDDEN),
        "pooler.dense.weight": noise(HIDDEN, HIDDEN),
    }
    layer = "encoder.layer.0"
    for name in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
        tensors |= {f"{layer}.{name}.weight": noise(HIDDEN, HIDDEN), f"{layer}.{name}.bias": noise(HIDDEN)}
    tensors |= {
        f"{layer}.intermediate.dense.weight": noise(INNER, HIDDEN),
        f"{layer}.intermediate.dense.bias": noise(INNER),
    }
    tensors |= {f"{layer}.output.dense.weight": noise(HIDDEN, INNER), f"{layer}.output.dense.bias": noise(HIDDEN)}
    for name in ("embeddings.LayerNorm", f"{layer}.attention.output.LayerNorm", f"{layer}.output.LayerNorm"):
        tensors |= {f"{name}.weight": np.ones(HIDDEN, np.float32), f"{name}.bias": np.zeros(HIDDEN, np.float32)}
    config = {
        "model_type": "bert", "hidden_size": HIDDEN, "num_hidden_layers": 1, "num_attention_heads": 4,
        "intermediate_size": INNER, "max_position_embeddings": POSITIONS, "layer_norm_eps": 1e-12,
        "type_vocab_size": 2, "vocab_size": len(TOKENS),
    } | changes  # fmt: skip
    added = [{"content": token, "id": number, "special": True} for number, token in enumerate(SPECIALS)]
    vocabulary = {token: number for number, token in enumerate(TOKENS)}
    (folder / "1_Pooling").mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "1_Pooling/config.json").write_text(json.dumps({"pooling_mode_mean_tokens": True}))
    tokenizer = {"model": {"type": "WordPiece", "vocab": vocabulary}, "added_tokens": added}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    (folder / "model.safetensors").write_bytes(safetensors(tensors))
    return folder


def safetensors(tensors: dict[str, np.ndarray]) -> bytes:
    header, body = {}, b""
    for name, values in tensors.items():
        kind = "F32" if values.dtype == np.float32 else "I64"
        header[name] = {"dtype": kind, "shape": values.shape, "data_offsets": [len(body), len(body) + values.nbytes]}
        body += values.tobytes()
    head = json.dumps(header).encode()
    return len(head).to_bytes(8, "little") + head + body


def test_a_folder_becomes_a_model(tmp_path: Path) -> None:
    """Its description, its vocabulary turned round, and all tensors but those that nothing uses."""
    target = tmp_path / "small.gguf"
    convert_bert.convert(small_model(tmp_path / "source"), target)
    header = gguf_header.read(target)
    assert header.metadata["general.architecture"] == "bert"
    assert header.metadata["bert.embedding_length"] == HIDDEN
    assert header.metadata["bert.pooling_type"] == 1
    assert header.num_parameters == sum((len(TOKENS) * 32, 128 * 32, 2 * 32, 4 * 33 * 32, 64 * 33, 32 * 65, 6 * 32))


def test_a_wheel_is_read_without_being_installed(tmp_path: Path) -> None:
    """The same bytes out of a package."""
    folder = small_model(tmp_path / "source")
    wheel = tmp_path / "small-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path in folder.rglob("*"):
            archive.write(path, f"small/model/{path.relative_to(folder)}")
    convert_bert.convert(folder, tmp_path / "one.gguf")
    convert_bert.convert(wheel, tmp_path / "two.gguf")
    assert (tmp_path / "one.gguf").read_bytes().replace(b"one", b"two") == (tmp_path / "two.gguf").read_bytes()


@pytest.mark.parametrize("kind", ["roberta", "bert with a hole", "nothing"])
def test_what_is_no_such_model_leaves_no_file(tmp_path: Path, kind: str) -> None:
    """A sentence instead of half a file."""
    source = tmp_path / "source"
    if kind == "nothing":
        source.mkdir()
    else:
        small_model(source, **({"model_type": "roberta"} if kind == "roberta" else {}))
    if kind == "bert with a hole":
        (source / "model.safetensors").write_bytes(b'\x09\0\0\0\0\0\0\0{"x":1}')
    with pytest.raises(StepFailed, match="holds no embedding model"):
        convert_bert.convert(source, tmp_path / "small.gguf")
    assert {path.name for path in tmp_path.iterdir()} == {"source"}
