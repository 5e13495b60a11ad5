"""The fake embedding model of document tests."""

from collections.abc import Iterator

import pytest

from tests.inference.serve import RunningInference, running_inference


@pytest.fixture(scope="module")
def inference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningInference]:
    with running_inference(backend="fake", models_dir=tmp_path_factory.mktemp("models")) as running:
        yield running
