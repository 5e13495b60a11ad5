"""The fake embedding model of document tests, and no client of it that outlives it."""

from collections.abc import Iterator

import pytest

from rag import spaces
from tests.inference.serve import RunningInference, running_inference


@pytest.fixture(scope="module")
def inference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningInference]:
    with running_inference(backend="fake", models_dir=tmp_path_factory.mktemp("models")) as running:
        yield running
        spaces._client(running.url, running.secret).close()
