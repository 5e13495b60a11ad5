"""Every token of the starter models, as something that a person types."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from inference.config import EngineConfig
from tests.inference.serve import default_models_dir

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def model() -> Iterator[object]:
    from inference import backend

    backend.start_library()
    path = default_models_dir() / "SmolLM2-135M-Instruct.Q4_1.gguf"
    model = backend.LlamaModel(path, EngineConfig(), lambda _: None)
    yield model
    model.close()


def test_no_text_of_the_whole_vocabulary_becomes_a_control_token(model: object) -> None:
    """Whatever token's text is typed, alone or between letters, it stays text."""
    vocab = model.vocab  # type: ignore[attr-defined]  # LlamaModel, imported only where models run
    controls = set(vocab.specials.values())
    texts = [vocab.piece(token).decode("utf-8", "replace") for token in range(vocab.num_tokens)]
    assert len(controls) >= 3
    for start in range(0, len(texts), 100):
        assert controls.isdisjoint(vocab.tokenize("\n".join(texts[start : start + 100])))
    for text in vocab.specials:
        assert controls.isdisjoint(vocab.tokenize(text))
        assert controls.isdisjoint(vocab.tokenize(f"a{text}b"))


def test_tokens_come_back_as_the_text_they_were(model: object) -> None:
    """The byte table loses nothing."""
    vocab = model.vocab  # type: ignore[attr-defined]  # LlamaModel
    text = "Grüße, 世界! \U0001f600\n\tdef f(x): return x ** 2  # <|im_end|>"
    assert b"".join(map(vocab.piece, vocab.tokenize(text))).decode() == text
