"""The fake embedding model of document tests."""

from tests.rag.conftest import inference

__all__ = ["inference"]
