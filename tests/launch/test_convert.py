"""The embedding model's way into GGUF, on a model of two tokens' width."""

from __future__ import annotations

import struct
from pathlib import Path

import gguf
import numpy as np
import pytest

from launch import convert
from launch.problems import StepFailed

HIDDEN, FEED_FORWARD, POSITIONS = 32, 64, 4
PIECES = [b"<s>", b"<pad>", b"</s>", b"<unk>", b"\xe2\x96\x81ja", b"<mask>"]
NUM_TOKENS = 8


def small_source() -> bytes:
    """A file as the package has it: one layer, six pieces, two vocabulary slots that no piece fills."""
    tensors = {
        "emb.word": blocks(NUM_TOKENS, HIDDEN),
        "emb.pos": floats(POSITIONS + 2, HIDDEN),
        "emb.type": floats(1, HIDDEN),
        "emb.ln.w": floats(HIDDEN),
        "emb.ln.b": floats(HIDDEN),
    }
    for short, (rows, columns) in {
        "q": (HIDDEN, HIDDEN), "k": (HIDDEN, HIDDEN), "v": (HIDDEN, HIDDEN), "ao": (HIDDEN, HIDDEN),
        "fi": (FEED_FORWARD, HIDDEN), "fo": (HIDDEN, FEED_FORWARD),
    }.items():  # fmt: skip
        tensors |= {f"l0.{short}.w": blocks(rows, columns), f"l0.{short}.b": floats(rows)}
    for short in ("aln", "oln"):
        tensors |= {f"l0.{short}.w": floats(HIDDEN), f"l0.{short}.b": floats(HIDDEN)}
    offsets = np.cumsum([0, *map(len, PIECES)])
    head = b"E5S1\0\0\0\0" + struct.pack("<7ifi", HIDDEN, 1, 2, FEED_FORWARD, NUM_TOKENS, POSITIONS, 1, 1e-12, 32)
    head += struct.pack("<i4iQ", len(PIECES), 0, 2, 1, 3, len(b"".join(PIECES)))
    head += struct.pack(f"<{len(offsets)}I", *offsets) + struct.pack(f"<{len(PIECES)}f", *range(len(PIECES)))
    head += b"".join(PIECES) + struct.pack("<iI", 0, 0) + struct.pack("<i", len(tensors))
    position = len(head) + sum(2 + len(name) + 21 for name in tensors)
    directory, body = b"", b""
    for name, data in tensors.items():
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", 0, 1, position + len(body), len(data))
        body += data
    return head + directory + body


def blocks(rows: int, columns: int) -> bytes:
    return bytes(np.arange(rows * columns // 32 * 18, dtype=np.uint8))


def floats(*shape: int) -> bytes:
    return np.arange(np.prod(shape), dtype=np.float32).tobytes()


def test_weights_and_vocabulary_arrive_unchanged(tmp_path: Path) -> None:
    convert.e5_to_gguf(small_source(), tmp_path / "small.gguf")
    reader = gguf.GGUFReader(tmp_path / "small.gguf")
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    assert tensors["token_embd.weight"].tensor_type == gguf.GGMLQuantizationType.Q4_0
    assert bytes(tensors["blk.0.ffn_up.weight"].data) == blocks(FEED_FORWARD, HIDDEN)
    # The two padding positions in front are gone.
    assert tensors["position_embd.weight"].data[0, 0] == 2 * HIDDEN
    tokens = reader.fields["tokenizer.ggml.tokens"].contents()
    assert tokens == ["<s>", "<pad>", "</s>", "<unk>", "\u2581ja", "<mask>", "[PAD6]", "[PAD7]"]
    assert reader.fields["tokenizer.ggml.token_type"].contents() == [3, 3, 3, 2, 1, 3, 5, 5]


@pytest.mark.parametrize("data", [b"GGUF" + bytes(100), b"E5S1", small_source()[:300]])
def test_anything_else_is_one_sentence(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match="something else than expected"):
        convert.e5_to_gguf(data, tmp_path / "small.gguf")
