"""What /metrics says, in our names and in vLLM's."""

from __future__ import annotations

import re

import httpx

from inference.client import Client
from tests.inference.serve import RunningInference
from tests.inference.test_service import ask
from tests.inference.test_service import http as http  # the fixture

OURS = (
    "requests_total", "prompt_tokens_total", "generation_tokens_total", "prefix_cache_queries_total",
    "prefix_cache_hits_total", "embedding_tokens_total", "rerank_pairs_total", "rerank_tokens_total",
    "time_to_first_token_seconds_bucket", "e2e_request_latency_seconds_bucket", "time_per_output_token_seconds_bucket",
    "inter_token_latency_seconds_bucket", "num_requests_running", "num_requests_waiting", "kv_cells_used", "kv_cells",
    "prefix_holders", "model_loaded", "model_state", "model_reduced", "model_memory_bytes", "context_length",
    "child_deaths_total", "requests_refused_total",
)  # fmt: skip
VLLM = (
    "num_requests_running", "num_requests_waiting", "kv_cache_usage_perc", "prompt_tokens_total",
    "generation_tokens_total", "time_to_first_token_seconds_count", "time_per_output_token_seconds_count",
    "inter_token_latency_seconds_count", "e2e_request_latency_seconds_count", "prefix_cache_queries_total",
    "prefix_cache_hits_total", "request_success_total",
)  # fmt: skip


def test_everything_that_is_promised_is_there(client: Client, http: httpx.Client) -> None:
    """Each name with a value for the model that answered; and each line is one that Prometheus can read."""
    list(client.stream(ask("babble: 20")))
    client.rerank("fake-rerank", "x", ["x"])
    text = http.get("/metrics").text
    for name in [*(f"hearth_inference_{name}" for name in OURS), *(f"vllm:{name}" for name in VLLM)]:
        assert re.search(rf'^{name}\{{model_name="fake-chat"[^}}]*\}} [0-9.e+-]+$', text, re.MULTILINE), name
    for line in text.splitlines():
        assert re.fullmatch(r'[a-z0-9_:]+\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\} [0-9.e+-]+', line), line
    assert 'hearth_inference_model_state{model_name="fake-chat",state="loaded"} 1' in text


def test_gaps_are_counted_between_the_words_of_one_answer(client: Client, http: httpx.Client) -> None:
    """One less than there are words, which is what a reader waits for."""

    def gaps() -> float:
        found = re.search(
            r'vllm:inter_token_latency_seconds_count{model_name="fake-chat"} (\d+)', http.get("/metrics").text
        )
        return float(found[1]) if found else 0.0

    before = gaps()
    answer = client.chat(ask("babble: 20"))
    assert 0 < gaps() - before < answer.usage.num_completion_tokens


def test_the_log_has_ids_and_no_words(fake_service: RunningInference, http: httpx.Client) -> None:
    """A refused request can be found by its id; what was asked and said cannot be found at all."""
    body = {"model": "fake-chat", "messages": [{"role": "user", "content": "say: xylophone"}]}
    assert http.post("/v1/chat/completions", json=body, headers={"x-request-id": "req-1234"}).status_code == 200
    body |= {"temperature": "xylophone"}
    assert http.post("/v1/chat/completions", json=body, headers={"x-request-id": "req-5678"}).status_code == 400
    log = fake_service.log_path.read_text()
    assert "req-5678" in log
    assert "xylophone" not in log
