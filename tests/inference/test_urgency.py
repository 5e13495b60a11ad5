"""Who goes first on a busy processor."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from inference import urgency
from inference.client import Client
from tests.inference.serve import RunningInference

_TRY = "import os, sys; os.setpriority(os.PRIO_PROCESS, 0, -5); sys.exit(os.getpriority(os.PRIO_PROCESS, 0) != -5)"


def is_allowed() -> bool:
    return subprocess.run([sys.executable, "-c", _TRY], check=False, capture_output=True).returncode == 0


def test_who_writes_answers_goes_first(fake_service: RunningInference, client: Client) -> None:
    """The chat model's process, where the system allows it; never the embedding model's, for which nobody waits."""
    client.load("fake-chat")
    client.load("fake-embed")
    found = sorted(os.getpriority(os.PRIO_PROCESS, pid) for pid in fake_service.child_pids())
    ordinary = os.getpriority(os.PRIO_PROCESS, 0)
    assert found[0] == (-5 if is_allowed() else ordinary)
    assert found[-1] == ordinary


def test_where_it_is_not_allowed_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the right to go first the model works as before."""

    def refuse(*_: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", refuse)
    before = os.getpriority(os.PRIO_PROCESS, 0)
    urgency.hurry(-5)
    urgency.hurry_session(-5)  # pytest's session is not ours to hurry
    assert os.getpriority(os.PRIO_PROCESS, 0) == before
