"""How fast is a model of real size, on whatever this machine has? One command, also on a machine with a GPU.

Writes a GGUF of Llama's 1B or 8B shape with random weights (speed does not depend on what the weights are) and the
tokenizer of the starter model, padded to Llama's vocabulary; loads it through our service, with all layers on the GPU
if there is one; and measures 1, 8 and 32 streams of 128 tokens. The file stays in `bench` in the models folder.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import gguf
import httpx
import numpy as np

from bench._figures import commit, figure, machine, say
from tests.inference.serve import RunningInference, running_inference
from tests.services import MODELS_DIR

STARTER = "SmolLM2-135M-Instruct.Q4_1"
NUM_TOKENS = 128_256
_KINDS = {"Q4_0": gguf.GGMLQuantizationType.Q4_0, "Q8_0": gguf.GGMLQuantizationType.Q8_0}
_FILE_TYPES = {"Q4_0": gguf.LlamaFileType.MOSTLY_Q4_0, "Q8_0": gguf.LlamaFileType.MOSTLY_Q8_0}
_UNUSED = 5
Q4_0, Q8_0 = "Q4_0", "Q8_0"


@dataclass(frozen=True)
class Shape:
    """Llama's: layers, width, inner width, heads, heads of keys and values; whether input and output share a matrix."""

    num_layers: int
    width: int
    inner: int
    num_heads: int
    num_kv_heads: int
    is_tied: bool


SHAPES = {"1b": Shape(16, 2048, 8192, 32, 8, True), "8b": Shape(32, 4096, 14336, 32, 8, False)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="bin/bench random_model", description=__doc__)
    parser.add_argument("shape", choices=sorted(SHAPES))
    parser.add_argument("--type", choices=sorted(_KINDS), default=Q4_0)
    parser.add_argument("--streams", type=int, nargs="*", default=[1, 8, 32])
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--quick", action="store_true", help="one stream of 16 tokens")
    given = parser.parse_args()
    folder = MODELS_DIR / "bench"
    path = folder / f"random-{given.shape}-{given.type}.gguf"
    if not path.exists():
        folder.mkdir(exist_ok=True)
        say(f"writing {path.name} ...")
        write(path, SHAPES[given.shape], given.type)
    say(f"{machine()}, commit {commit()}, {path.stat().st_size / 1e9:.2f} GB")
    streams, num_tokens = ([1], 16) if given.quick else (given.streams, given.tokens)
    measure(path, given.shape, streams, num_tokens)


def write(path: Path, shape: Shape, kind: str) -> None:
    """Whole or not at all; a tensor at a time, so that 8B need no memory."""
    unfinished = path.with_suffix(".part")
    writer = gguf.GGUFWriter(unfinished, "llama")
    writer.add_context_length(131_072)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.num_layers)
    writer.add_feed_forward_length(shape.inner)
    writer.add_head_count(shape.num_heads)
    writer.add_head_count_kv(shape.num_kv_heads)
    writer.add_rope_dimension_count(shape.width // shape.num_heads)
    writer.add_rope_freq_base(500_000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_file_type(_FILE_TYPES[kind])
    _copy_tokenizer(writer)
    tensors = list(_tensors(shape, kind))
    for name, rows, columns, quantization in tensors:
        if quantization is None:
            writer.add_tensor_info(name, [columns], np.dtype(np.float32), 4 * columns)
        else:
            block, block_bytes = gguf.GGML_QUANT_SIZES[quantization]
            width = columns // block * block_bytes
            writer.add_tensor_info(name, [rows, width], np.dtype(np.uint8), rows * width, raw_dtype=quantization)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for _, rows, columns, quantization in tensors:
        writer.write_tensor_data(_data(rows, columns, quantization))
    writer.close()
    unfinished.rename(path)


def _tensors(shape: Shape, kind: str) -> Iterator[tuple[str, int, int, gguf.GGMLQuantizationType | None]]:
    """(name, rows, columns, quantization or None for a vector)."""
    width, inner, quantization = shape.width, shape.inner, _KINDS[kind]
    kv_width = width // shape.num_heads * shape.num_kv_heads
    yield "token_embd.weight", NUM_TOKENS, width, quantization
    for layer in range(shape.num_layers):
        block = f"blk.{layer}"
        yield f"{block}.attn_norm.weight", 1, width, None
        yield f"{block}.attn_q.weight", width, width, quantization
        yield f"{block}.attn_k.weight", kv_width, width, quantization
        yield f"{block}.attn_v.weight", kv_width, width, quantization
        yield f"{block}.attn_output.weight", width, width, quantization
        yield f"{block}.ffn_norm.weight", 1, width, None
        yield f"{block}.ffn_gate.weight", inner, width, quantization
        yield f"{block}.ffn_up.weight", inner, width, quantization
        yield f"{block}.ffn_down.weight", width, inner, quantization
    yield "output_norm.weight", 1, width, None
    if not shape.is_tied:
        yield "output.weight", NUM_TOKENS, width, quantization


def _data(rows: int, columns: int, quantization: gguf.GGMLQuantizationType | None) -> np.ndarray:
    """Random blocks under one small scale, so that nothing grows beyond what 16 bits hold."""
    if quantization is None:
        return np.ones(columns, np.float32)
    block, block_bytes = gguf.GGML_QUANT_SIZES[quantization]
    count = columns // block
    row = np.random.default_rng(columns).integers(0, 256, (64, count, block_bytes), dtype=np.uint8)
    row[:, :, :2] = np.frombuffer(np.float16(0.004).tobytes(), np.uint8)
    return np.tile(row.reshape(64, -1), (rows // 64 + 1, 1))[:rows]


def _copy_tokenizer(writer: gguf.GGUFWriter) -> None:
    reader = gguf.GGUFReader(MODELS_DIR / f"{STARTER}.gguf")
    for name, field in reader.fields.items():
        if not name.startswith("tokenizer."):
            continue
        value = field.contents()
        if name == "tokenizer.ggml.tokens":
            value = value + [f"<unused{number}>" for number in range(NUM_TOKENS - len(value))]
        if name == "tokenizer.ggml.token_type":
            value = value + [_UNUSED] * (NUM_TOKENS - len(value))
        kind = field.types[0]
        writer.add_key_value(name, value, kind, field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None)


def measure(path: Path, shape: str, streams: list[int], num_tokens: int) -> None:
    variables = {"HEARTH_MAX_RUNNING": str(max(8, *streams)), "HEARTH_CONTEXT_LENGTH": "4096"}
    with running_inference("llama", models_dir=path.parent, **variables) as running:
        started = time.monotonic()
        with _client(running) as http:
            http.post(f"/v1/models/{path.stem}/load").raise_for_status()
            figure(f"random.{shape}.load", [time.monotonic() - started], "s")
            info = http.get(f"/v1/models/{path.stem}").json()["meta"]["placement"]
            say(f"{info['gpu_layers']} layers on a GPU, {info['ram_bytes'] >> 20} MiB of memory. {info['note']}")
            for count in streams:
                with ThreadPoolExecutor(count) as threads:
                    started = time.monotonic()
                    written = sum(threads.map(lambda place: _ask(http, path.stem, place, num_tokens), range(count)))
                    seconds = time.monotonic() - started
                figure(f"random.{shape}.{count}.throughput", [written / seconds], "tok/s")


def _client(running: RunningInference) -> httpx.Client:
    headers = {"Authorization": f"Bearer {running.secret}"}
    limits = httpx.Limits(max_connections=None)
    return httpx.Client(base_url=running.url, headers=headers, timeout=1800.0, trust_env=False, limits=limits)


def _ask(http: httpx.Client, model: str, place: int, num_tokens: int) -> int:
    messages = [{"role": "user", "content": f"{place}: tell me about the sea."}]
    body = {"model": model, "messages": messages, "max_tokens": num_tokens, "ignore_eos": True, "temperature": 0}
    answer = http.post("/v1/chat/completions", json=body)
    answer.raise_for_status()
    return int(answer.json()["usage"]["completion_tokens"])


if __name__ == "__main__":
    main()
