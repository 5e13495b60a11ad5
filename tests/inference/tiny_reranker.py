"""A cross-encoder small enough to make in a test: BERT with one score a pair, random weights, a vocabulary of 300.

Random weights rank at random, so a seed decides whether the model passes the probe at its start.
"""

from __future__ import annotations

import re
import string
from pathlib import Path

import gguf
import numpy as np

from inference.reranking import PROBES

WIDTH, INNER, CONTEXT, HEADS = 32, 64, 256, 4
SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
# Found by trying; see test_reranking.
FIT_SEED, UNFIT_SEED = 30, 1


def vocabulary() -> list[str]:
    """The words of the probe, then all letters, alone and as the rest of a word."""
    found = sorted({word for pair in PROBES for text in pair for word in re.findall(r"[a-z0-9]+", text.lower())})
    letters = string.ascii_lowercase + string.digits + string.punctuation
    words = [word for word in found if len(word) > 1]
    return [*SPECIALS, *("\u2581" + start for start in (*words, *letters)), *letters]


def write(path: Path, seed: int, scale: float = 1.0) -> None:
    writer = gguf.GGUFWriter(path, "bert")
    tokens = vocabulary()
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_layer_norm_eps(1e-12)
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.RANK)
    writer.add_token_type_count(2)
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("jina-v2-en")
    writer.add_token_list(tokens)
    kinds = [gguf.TokenType.CONTROL if token in SPECIALS else gguf.TokenType.NORMAL for token in tokens]
    writer.add_token_types(kinds)
    writer.add_pad_token_id(0)
    writer.add_unk_token_id(1)
    writer.add_bos_token_id(2)
    writer.add_eos_token_id(3)
    writer.add_sep_token_id(3)
    writer.add_mask_token_id(4)
    _add_weights(writer, np.random.default_rng(seed), len(tokens), scale)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_weights(writer: gguf.GGUFWriter, random: np.random.Generator, num_tokens: int, scale: float) -> None:
    def noise(*shape: int) -> np.ndarray:
        return (random.standard_normal(shape) * scale).astype(np.float32)

    def norm(name: str) -> None:
        writer.add_tensor(f"{name}.weight", np.ones(WIDTH, np.float32))
        writer.add_tensor(f"{name}.bias", np.zeros(WIDTH, np.float32))

    writer.add_tensor("token_embd.weight", noise(num_tokens, WIDTH).astype(np.float16))
    writer.add_tensor("position_embd.weight", noise(CONTEXT, WIDTH) * np.float32(0.1))
    writer.add_tensor("token_types.weight", noise(2, WIDTH))
    norm("token_embd_norm")
    shapes = {
        "attn_q": (WIDTH, WIDTH), "attn_k": (WIDTH, WIDTH), "attn_v": (WIDTH, WIDTH), "attn_output": (WIDTH, WIDTH),
        "ffn_up": (INNER, WIDTH), "ffn_down": (WIDTH, INNER),
    }  # fmt: skip
    for name, (rows, columns) in shapes.items():
        writer.add_tensor(f"blk.0.{name}.weight", noise(rows, columns))
        writer.add_tensor(f"blk.0.{name}.bias", noise(rows))
    norm("blk.0.attn_output_norm")
    norm("blk.0.layer_output_norm")
    writer.add_tensor("cls.weight", noise(WIDTH, WIDTH) * np.float32(0.2))
    writer.add_tensor("cls.bias", noise(WIDTH))
    writer.add_tensor("cls.output.weight", noise(1, WIDTH) * np.float32(2))
    writer.add_tensor("cls.output.bias", noise(1))
