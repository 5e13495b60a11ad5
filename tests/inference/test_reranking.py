"""Which of many texts answers a question: through HTTP, with the fake and with a real cross-encoder."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from inference import errors, reranking, wire
from inference.client import AsyncClient, Client
from tests.inference import tiny_reranker
from tests.inference.serve import RunningInference, running_inference
from tests.inference.test_service import http as http  # the fixture

QUERY = "days of leave"
TEXTS = ["printers are broken", "you get thirty days of leave", "leave the door open"]


def post(http: httpx.Client, **more: Any) -> httpx.Response:
    return http.post("/v1/rerank", json={"model": "fake-rerank", "query": QUERY, "documents": TEXTS} | more)


def test_the_best_text_comes_first(http: httpx.Client) -> None:
    """With its place in the caller's list, a score and, when asked for, the text itself; and nothing beyond top_n."""
    body = post(http, return_documents=True, top_n=2).json()
    assert [row["index"] for row in body["results"]] == [1, 2]
    assert [row["document"] for row in body["results"]] == [{"text": TEXTS[1]}, {"text": TEXTS[2]}]
    assert body["results"][0]["relevance_score"] == 1
    assert body["object"] == "list"
    assert body["usage"]["total_tokens"] > 0
    whole = post(http, documents=[{"text": text} for text in TEXTS]).json()
    assert [row["index"] for row in whole["results"]] == [1, 2, 0]
    assert all(set(row) == {"index", "relevance_score"} for row in whole["results"])


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"query": ""}, "query"), ({"query": 3}, "query"), ({"documents": []}, "documents"),
        ({"documents": "x"}, "documents"), ({"documents": [{"text": 1}]}, "documents"),
        ({"documents": [{"text": "x", "more": 1}]}, "documents"), ({"documents": ["x"] * 2049}, "documents"),
        ({"top_n": 0}, "top_n"), ({"top_n": "1"}, "top_n"), ({"return_documents": 1}, "return_documents"),
        ({"model": "fake-chat"}, "model"), ({"model": "fake-embed"}, "model"), ({"topn": 1}, "topn"),
    ],
)  # fmt: skip
def test_a_wrong_request_is_refused_by_name(http: httpx.Client, more: dict[str, Any], param: str | None) -> None:
    """And never guessed at."""
    answer = post(http, **more)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


def test_a_pair_too_long_says_both_numbers(http: httpx.Client) -> None:
    """It is not cut."""
    answer = post(http, documents=["short", "word " * 3000])
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "context_length_exceeded")
    assert error["num_prompt_tokens"] > error["context_length"] == 2048


async def test_both_clients_give_scores_in_the_order_of_the_texts(fake_service: RunningInference) -> None:
    """Also of more texts than one request holds."""
    texts = [*TEXTS, *(f"text {n}" for n in range(100)), QUERY]
    with Client(fake_service.url, fake_service.secret) as client:
        scores = client.rerank("fake-rerank", QUERY, texts)
    assert len(scores) == len(texts)
    assert scores[0] == 0
    assert scores[1] == scores[-1] == 1
    async with AsyncClient(fake_service.url, fake_service.secret) as client:
        assert await client.rerank("fake-rerank", QUERY, texts) == scores


def test_ranking_is_counted(http: httpx.Client) -> None:
    """Pairs and tokens."""
    post(http)
    lines = [line for line in http.get("/metrics").text.splitlines() if "rerank" in line]
    assert any(line.startswith("hearth_inference_rerank_pairs_total{") for line in lines)
    assert any(line.startswith("hearth_inference_rerank_tokens_total{") for line in lines)


def test_one_scale_keeps_the_order() -> None:
    """From 0 to 1 whatever number a model gives."""
    values = [reranking.relevance(score) for score in (-1000.0, -20.0, -1.0, 0.0, 1.0, 20.0, 1000.0)]
    assert values == sorted(values)
    assert 0 < values[0] < 1e-300
    assert values[3] == 0.5
    assert values[-1] <= 1


def test_a_pair_template_keeps_people_out_of_control_tokens() -> None:
    """What people wrote is marked as a message's text, whatever it spells."""
    template = reranking.PairTemplate("<s>{query}</s>{document}</s>")
    segments = template.segments("{document}", "</s>")
    assert [(each.text, each.message) for each in segments] == [
        ("<s>", None), ("{document}", 0), ("</s>", None), ("</s>", 0), ("</s>", None),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Two cross-encoders with random weights: one that happens to pass the probe, and one that does not."""
    folder = tmp_path_factory.mktemp("models")
    tiny_reranker.write(folder / "fit.gguf", tiny_reranker.FIT_SEED)
    tiny_reranker.write(folder / "unfit.gguf", tiny_reranker.UNFIT_SEED)
    with running_inference("llama", models_dir=folder) as running, Client(running.url, running.secret, 240.0) as client:
        yield client


@pytest.mark.model
def test_a_real_cross_encoder_ranks(real: Client) -> None:
    """By its file's kind, in 0 to 1, and many callers at once get what each gets alone."""
    assert {info.kind for info in real.models()} == {"rerank"}
    pairs = [(query, [document for _, document in reranking.PROBES]) for query, _ in reranking.PROBES]
    with ThreadPoolExecutor(3) as threads:
        together = list(threads.map(lambda pair: real.rerank("fit", *pair), pairs * 3))
    for place, (query, texts) in enumerate(pairs):
        alone = [real.rerank("fit", query, [text])[0] for text in texts]
        assert together[place] == pytest.approx(alone, abs=1e-3)
        assert together[place + 3] == pytest.approx(alone, abs=1e-3)
        assert all(0 < score < 1 for score in alone)
        assert max(range(3), key=alone.__getitem__) == place
    odds = [math.log(score / (1 - score)) for score in together[0]]
    assert max(odds) - min(odds) > reranking.MARGIN


@pytest.mark.model
def test_a_model_that_does_not_rank_is_marked_unfit(real: Client) -> None:
    """With the reason, before anybody trusts its order; it can neither chat nor embed either."""
    with pytest.raises(errors.ModelBroken, match="does not rank"):
        real.rerank("unfit", QUERY, TEXTS)
    info = next(model for model in real.models() if model.id == "unfit")
    assert "does not rank" in str(info.error)
    with pytest.raises(errors.BadParameter):
        real.chat(wire.ChatRequest("fit", [{"role": "user", "content": "x"}]))
    with pytest.raises(errors.BadParameter):
        real.embed("fit", ["x"])


@pytest.mark.model
def test_real_pairs_hold_no_control_tokens(real: Client) -> None:
    """A text that spells [SEP] is read as text: it scores as any text, and costs more than one token."""
    plain, spelt = real.rerank("fit", "x", ["a", "[SEP]"])
    assert plain != spelt


def test_the_generator_writes_what_it_says(tmp_path: Path) -> None:
    """The vocabulary has no double entries, which llama.cpp would refuse."""
    tokens = tiny_reranker.vocabulary()
    assert len(tokens) == len(set(tokens))
