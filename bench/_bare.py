"""The same work without HTTP, without other processes, or without Python: what the figures are held against.

Runs that load a model do so in a process of their own, which prints one number.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

from tests.services import MODELS_DIR


def chat(model: str, seed: str, num_threads: int, sizes: Sequence[int]) -> float:
    """Tokens per second of the engine's loop alone, 8 streams of workload A."""
    return _in_process("chat", {"model": model, "seed": seed, "threads": num_threads, "sizes": list(sizes)})


def embed(model: str, texts: Sequence[str], num_threads: int) -> float:
    """Tokens per second of evaluations one after the other, in batches as large as the engine's own."""
    return _in_process("embed", {"model": model, "texts": list(texts), "threads": num_threads})


def python_ms(num_sequences: int, num_runs: int) -> list[float]:
    """Milliseconds of a step's own work, its frame included, when evaluating costs nothing; one value per run."""
    from inference import frames
    from inference.config import EngineConfig
    from inference.engine import Engine

    config = EngineConfig(num_cells=65536, max_running=num_sequences, num_sequences=2 * num_sequences)
    engine = Engine(_NoBackend(), config, lambda events: frames.encode(["step", events, [0] * 5]))  # type: ignore[arg-type,func-returns-value]  # a stand-in; the frame is thrown away
    for number in range(num_sequences):
        engine.submit(_generation(number, [number + 1] * 64, 100_000, {}))
    for _ in range(200):
        engine.step()
    found = []
    for _ in range(num_runs):
        began = time.thread_time()
        for _ in range(100):
            engine.step()
        found.append((time.thread_time() - began) * 10)
    return found


class _NoBackend:
    """Evaluates in no time and always says the same word."""

    can_share = can_offload = can_mix = True

    def __init__(self) -> None:
        self.vocab: Any = self

    def apply(self, operations: object) -> None: ...

    def evaluate(self, batch: object) -> None: ...

    def sampler(self, params: object, generated: object) -> object:
        return self

    def sample(self, row: int, sequence: int, sampler: object) -> int:
        return 7

    def piece(self, token: int) -> bytes:
        return b" word"

    def is_end(self, token: int) -> bool:
        return False

    def close(self) -> None: ...


def _generation(number: int, tokens: Sequence[int], max_tokens: int, params: dict[str, Any]) -> Any:
    from inference.request import Generation, SamplingParams, token_array

    return Generation(
        number, token_array(tokens), len(tokens), max_tokens, SamplingParams(**params), cache_salt=str(number)
    )


def _in_process(kind: str, body: dict[str, Any]) -> float:
    environment = dict(os.environ) | {"GOMP_SPINCOUNT": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "bench._bare", kind], input=json.dumps(body), capture_output=True, text=True,
        env=environment, check=True,
    )  # fmt: skip
    return float(done.stdout.strip().splitlines()[-1])


def _run_chat(body: dict[str, Any]) -> float:
    from bench._load import SAMPLING, user, words
    from bench._workloads import WORDS_IN
    from inference import backend, templates
    from inference.config import EngineConfig
    from inference.engine import Engine

    context, cells, batch, ubatch = body["sizes"]
    config = EngineConfig(
        num_threads=body["threads"], context_length=context, num_cells=cells, max_running=32, num_sequences=64,
        batch_tokens=batch, ubatch_tokens=ubatch, num_offloaded=cells,
    )  # fmt: skip
    backend.start_library()
    model = backend.LlamaModel(MODELS_DIR / f"{body['model']}.gguf", config, lambda _: None)
    loaded = backend.LlamaBackend(model, config)
    loaded.warm_up()
    template = templates.ChatTemplate(model.chat_template(), bos=model.vocab.bos_text, eos=model.vocab.eos_text)
    engine = Engine(loaded, config, lambda _: None)

    def run(seed: str, num_out: int) -> float:
        for number in range(8):
            segments = template.render(user(words(WORDS_IN, f"{seed}.{number}")), continue_final=False)
            prompt = templates.encode(segments, loaded.vocab)
            engine.submit(_generation(number, prompt, num_out, {**SAMPLING, "ignore_eos": True}))
        began = time.perf_counter()
        while not engine.is_idle:
            engine.step()
        return 8 * num_out / (time.perf_counter() - began)

    run("warm", 4)
    return run(body["seed"], 128)


def _run_embed(body: dict[str, Any]) -> float:
    from inference import backend
    from inference.config import EngineConfig
    from inference.embedding import LEAST_STEP_TOKENS

    config = EngineConfig(num_threads=body["threads"], context_length=2048, num_cells=2048)
    backend.start_library()
    model = backend.LlamaModel(MODELS_DIR / f"{body['model']}.gguf", config, lambda _: None)
    embedder = backend.LlamaEmbedder(model, config, normalise=True)
    rows = [embedder.prepare(text) for text in body["texts"]]
    per_batch = max(1, LEAST_STEP_TOKENS // max(map(len, rows)))
    embedder.embed(rows[:per_batch])
    began = time.perf_counter()
    for start in range(0, len(rows), per_batch):
        embedder.embed(rows[start : start + per_batch])
    return sum(map(len, rows)) / (time.perf_counter() - began)


if __name__ == "__main__":
    print({"chat": _run_chat, "embed": _run_embed}[sys.argv[1]](json.load(sys.stdin)))
