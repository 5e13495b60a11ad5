"""Counters in Prometheus' text format: our own names, and vLLM's beside them, so that dashboards and autoscalers
made for vLLM work unchanged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import get_args

from inference import wire
from inference.histogram import SECONDS, TOKEN_SECONDS, Histogram
from inference.served import ServedModel


class _OfModel:
    def __init__(self) -> None:
        self.num_finished: dict[str, int] = defaultdict(int)
        self.num_prompt_tokens = self.num_cached_tokens = self.num_completion_tokens = 0
        self.num_embedding_tokens = self.num_reranked_pairs = self.num_rerank_tokens = 0
        self.first_token = Histogram(SECONDS)
        self.whole = Histogram(SECONDS)
        self.per_token = Histogram(TOKEN_SECONDS)


class Metrics:
    def __init__(self) -> None:
        self._models: dict[str, _OfModel] = defaultdict(_OfModel)
        self._errors: dict[str, int] = defaultdict(int)

    def finished(self, model: str, event: wire.Finished, first_seconds: float | None, whole_seconds: float) -> None:
        entry = self._models[model]
        entry.num_finished[event.reason] += 1
        entry.num_prompt_tokens += event.usage.num_prompt_tokens
        entry.num_cached_tokens += event.usage.num_cached_tokens
        entry.num_completion_tokens += event.usage.num_completion_tokens
        entry.whole.observe(whole_seconds)
        if first_seconds is not None:
            entry.first_token.observe(first_seconds)
        if event.usage.num_completion_tokens > 1:
            later = event.usage.num_completion_tokens - 1
            entry.per_token.observe(event.timings.predicted_ms / 1000 / later)

    def stopped(self, model: str) -> None:
        """The caller went away."""
        self._models[model].num_finished["cancelled"] += 1

    def embedded(self, model: str, num_tokens: int) -> None:
        self._models[model].num_embedding_tokens += num_tokens

    def reranked(self, model: str, num_pairs: int, num_tokens: int) -> None:
        self._models[model].num_reranked_pairs += num_pairs
        self._models[model].num_rerank_tokens += num_tokens

    def failed(self, code: str) -> None:
        self._errors[code] += 1

    def render(self, served: dict[str, ServedModel]) -> str:
        lines: list[str] = []
        for code, count in sorted(self._errors.items()):
            lines.append(f'hearth_inference_errors_total{{code="{code}"}} {count}')
        for name in sorted(self._models.keys() | served.keys()):
            labels = f'model_name="{name}"'
            lines += self._counters(self._models[name], labels)
            if name in served:
                lines += _gauges(served[name], labels)
        return "\n".join(lines) + "\n"

    @staticmethod
    def _counters(entry: _OfModel, labels: str) -> Iterator[str]:
        for reason, count in sorted(entry.num_finished.items()):
            for prefix in ("hearth_inference_requests_total", "vllm:request_success_total"):
                yield f'{prefix}{{{labels},finished_reason="{reason}"}} {count}'
        pairs = (
            ("prompt_tokens_total", entry.num_prompt_tokens),
            ("generation_tokens_total", entry.num_completion_tokens),
            ("prefix_cache_queries_total", entry.num_prompt_tokens),
            ("prefix_cache_hits_total", entry.num_cached_tokens),
        )
        for name, value in pairs:
            yield f"hearth_inference_{name}{{{labels}}} {value}"
            yield f"vllm:{name}{{{labels}}} {value}"
        yield f"hearth_inference_embedding_tokens_total{{{labels}}} {entry.num_embedding_tokens}"
        yield f"hearth_inference_rerank_pairs_total{{{labels}}} {entry.num_reranked_pairs}"
        yield f"hearth_inference_rerank_tokens_total{{{labels}}} {entry.num_rerank_tokens}"
        histograms = (
            ("time_to_first_token_seconds", entry.first_token),
            ("e2e_request_latency_seconds", entry.whole),
            ("time_per_output_token_seconds", entry.per_token),
        )
        for name, histogram in histograms:
            yield from histogram.lines(f"hearth_inference_{name}", labels)
            yield from histogram.lines(f"vllm:{name}", labels)


def _gauges(model: ServedModel, labels: str) -> Iterator[str]:
    running, waiting, used, cells, holders, offloaded = model.statistics
    usage = used / cells if cells else 0.0
    for name, value in (("num_requests_running", running), ("num_requests_waiting", waiting)):
        yield f"hearth_inference_{name}{{{labels}}} {value}"
        yield f"vllm:{name}{{{labels}}} {value}"
    yield f"hearth_inference_kv_cells_used{{{labels}}} {used}"
    yield f"hearth_inference_kv_cells{{{labels}}} {cells}"
    yield f"hearth_inference_prefix_holders{{{labels}}} {holders}"
    yield f"hearth_inference_offloaded_tokens{{{labels}}} {offloaded}"
    yield f"vllm:kv_cache_usage_perc{{{labels}}} {usage:.4f}"
    yield f"vllm:gpu_cache_usage_perc{{{labels}}} {usage:.4f}"
    for prefix in ("hearth_inference", "vllm"):
        colon = ":" if prefix == "vllm" else "_"
        yield from model.token_gaps.lines(f"{prefix}{colon}inter_token_latency_seconds", labels)
    placed = model.placement
    for name, value in (
        ("context_length", placed.context_length if placed else 0),
        ("model_reduced", int(bool(placed and placed.note))),
        ("model_memory_bytes", placed.ram_bytes if placed else 0),
        ("model_lent_bytes", placed.lent_bytes if placed else 0),
        ("model_gpu_memory_bytes", placed.gpu_bytes if placed else 0),
    ):
        yield f"hearth_inference_{name}{{{labels}}} {value}"
    for state in get_args(wire.ModelState):
        yield f'hearth_inference_model_state{{{labels},state="{state}"}} {int(model.state == state)}'
    yield f"hearth_inference_requests_refused_total{{{labels}}} {model.num_refused}"
    yield f"hearth_inference_model_loaded{{{labels}}} {int(model.state == 'loaded')}"
    yield f"hearth_inference_child_deaths_total{{{labels}}} {model.num_deaths}"
