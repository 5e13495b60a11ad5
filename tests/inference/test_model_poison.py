"""A request that ends the process of a real model: found among others and refused alone, as on the fake backend.

llama.cpp has no request of ours that ends it, so the test puts one in: its own start-up file on the child's Python path
makes any evaluation abort that holds a certain token. Nothing in `inference` knows of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from inference import errors, wire
from inference.client import Client
from tests.inference.serve import default_models_dir, running_inference
from tests.inference.test_model import CHAT
from tests.inference.test_service import text_of
from tests.inference.test_supervision import in_threads, state

pytestmark = pytest.mark.model

# Python runs a module of this name at its start.
SITE = """
import sys
if "inference.child" in sys.orig_argv:
    import os
    from inference.backend.chat import LlamaBackend
    evaluate = LlamaBackend.evaluate
    def poisoned(self, batch):
        if self.vocab.tokenize(" Zimbabwe")[-1] in batch.tokens:
            os.abort()
        evaluate(self, batch)
    LlamaBackend.evaluate = poisoned
"""
QUESTIONS = ["Write about the sea.", "Write about a red house.", "Write about winter.", "Write about Zimbabwe."]


def request(question: str, salt: str) -> wire.ChatRequest:
    messages = [{"role": "user", "content": question}]
    return wire.ChatRequest(CHAT, messages, temperature=0.9, seed=11, max_tokens=16, cache_salt=salt)


@pytest.mark.thorough
def test_the_request_that_kills_a_real_model_is_found(tmp_path: Path) -> None:
    """The others are answered, by their seeds as if nothing had happened save where two tokens were nearly tied; the
    model stays on; and the same request is refused at once from then on."""
    (tmp_path / "sitecustomize.py").write_text(SITE)
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    with (
        running_inference("llama", models_dir=default_models_dir(), HEARTH_THREADS="1", PYTHONPATH=path) as running,
        Client(running.url, running.secret, 120.0) as client,
    ):
        undisturbed = [text_of(list(client.stream(request(question, "before")))) for question in QUESTIONS[:3]]
        got: list[Any] = [None] * len(QUESTIONS)

        def follow(place: int) -> None:
            try:
                got[place] = text_of(list(client.stream(request(QUESTIONS[place], f"after{place}"))))
            except errors.InferenceError as error:
                got[place] = error

        work = [lambda place=n: follow(place) for n in range(len(QUESTIONS))]  # type: ignore[misc]  # bound now
        for thread in in_threads(work):
            thread.join(120)
        assert isinstance(got[3], errors.RequestRefused)
        print(sum(a == b for a, b in zip(undisturbed, got, strict=False)), "of 3 to the character")
        assert all(len(text) > 20 for text in got[:3])
        assert sum(text[:12] == before[:12] for text, before in zip(got, undisturbed, strict=False)) >= 1
        assert state(client, CHAT).state == "loaded"
        with pytest.raises(errors.RequestRefused):
            client.chat(request(QUESTIONS[3], "another"))
        assert client.chat(request(QUESTIONS[0], "before")).text
        deaths = running.log_path.read_text().count("child lost")
        assert 3 <= deaths <= 12
