"""Every variable stands in .env.example, and nothing else does."""

from __future__ import annotations

import re

from launch import config
from launch.config import POSTGRES_SECRET_NAMES, ROOT

READERS = ("chat/settings.py", "inference/config.py", "launch/*.py", "bin/*")
# Written by Hearth for itself.
INTERNAL = {*POSTGRES_SECRET_NAMES, "HEARTH_THROWAWAY", "HEARTH_TEST_COUNTS"}
QUOTED = re.compile(r"""["'{$](HEARTH_[A-Z_]+|DATABASE_URL|VALKEY_URL)\b""")


def test_env_example_names_every_variable() -> None:
    example = set(re.findall(r"^(?:# )?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    sources = [path.read_text() for pattern in READERS for path in ROOT.glob(pattern) if path.is_file()]
    read = {name.removesuffix("_FILE") for text in sources for name in QUOTED.findall(text)} - INTERNAL
    assert read - example == set(), "read but not in .env.example"
    assert example - read == set(), "in .env.example but read nowhere"


def test_a_copied_env_example_changes_nothing() -> None:
    """Who copies it and starts gets what they had without it."""
    without, copied = config.read({}, ROOT / "none"), config.read({}, ROOT / ".env.example")
    for name in ("data_dir", "models_dir", "uploads_dir", "host", "port", "inference_port", "url"):
        assert getattr(copied, name) == getattr(without, name), name
    assert copied.has_own_postgres
    assert copied.has_own_valkey
    assert copied.has_own_inference
    assert copied.has_own_models
