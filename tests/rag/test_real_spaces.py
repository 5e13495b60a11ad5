"""The change of the embedding model with real ones: other vector lengths, and a file exchanged under its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from launch import convert_bert
from rag import embedding, golden, maintenance, search, spaces, vectors
from rag.errors import UnsuitableModel
from rag.models import Space
from tests.inference.serve import running_inference
from tests.launch.test_convert_bert import HIDDEN, small_model
from tests.rag.workbench import library

pytestmark = pytest.mark.model


def test_a_real_model_takes_over_from_another_and_is_missed_when_it_changes(
    alice: Any, settings: Any, tmp_path: Path
) -> None:
    """Fill, take over, search; then the file changes behind the name, and words go on alone until it is back."""
    models = tmp_path / "models"
    models.mkdir()
    for name, seed in (("first", 1), ("second", 2)):
        convert_bert.convert(small_model(tmp_path / name, seed=seed), models / f"{name}.gguf")
    convert_bert.convert(small_model(tmp_path / "other", seed=3), tmp_path / "other.gguf")
    with running_inference("llama", models_dir=models, GOMP_SPINCOUNT="0") as service:
        settings.HEARTH_INFERENCE_URL, settings.HEARTH_INFERENCE_SECRET = service.url, service.secret
        first = spaces.activate("first")
        assert (first.num_dimensions, first.pooling, len(first.golden)) == (HIDDEN, "mean", HIDDEN)
        document = library(alice)
        second = spaces.activate("second")
        assert spaces.active() == first
        assert search.passages("hotel rates", employee=alice).is_complete
        embedding.embed()
        maintenance.sweep()
        assert spaces.active() == second
        assert vectors.count(second, document.live_version_id or 0) == document.state().num_chunks
        assert search.passages("hotel rates", employee=alice).is_complete

        old = (models / "second.gguf").read_bytes()
        (tmp_path / "other.gguf").replace(models / "second.gguf")
        spaces.client().unload("second")
        golden.forget()
        assert not search.passages("hotel rates", employee=alice).is_complete
        assert Space.objects.get(pk=second.pk).problem == golden.CHANGED

        (models / "second.gguf").write_bytes(old)
        spaces.client().unload("second")
        golden.forget()
        assert search.passages("hotel rates", employee=alice).is_complete
        assert Space.objects.get(pk=second.pk).problem == ""


def test_a_family_that_pools_otherwise_is_refused(settings: Any, db: None, tmp_path: Path) -> None:
    """A bge that says "mean" was converted wrongly; it would find nothing and say nothing."""
    convert_bert.convert(small_model(tmp_path / "source"), tmp_path / "bge-tiny.gguf")
    with running_inference("llama", models_dir=tmp_path, GOMP_SPINCOUNT="0") as service:
        settings.HEARTH_INFERENCE_URL, settings.HEARTH_INFERENCE_SECRET = service.url, service.secret
        with pytest.raises(UnsuitableModel, match="mean"):
            spaces.activate("bge-tiny")
