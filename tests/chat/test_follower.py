"""What one socket reads of a turn's log when it comes back."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from chat.turns import follow, log

TURN = uuid.uuid4()


def entry(attempt: int, seq: int) -> log.Entry:
    text = json.dumps({"type": "answer.extended", "turn": str(TURN), "seq": seq, "start": seq, "text": "x"})
    return log.Entry(log.entry_id(attempt, seq), seq, text)


def state(attempt: int) -> dict[str, Any]:
    return {"is_over": False, "checkpoint_seq": 30, "attempt": attempt, "text": "x" * 30, "status": "running"}


class Log:
    """Stands for Valkey's stream; knows from where it was read."""

    def __init__(self, entries: list[log.Entry]) -> None:
        self.entries = entries
        self.asked: list[str | None] = []

    async def read(self, _turn_id: uuid.UUID, after_id: str | None = None) -> list[log.Entry]:
        self.asked.append(after_id)
        start = tuple(map(int, (after_id or "0-0").split("-")))
        return [each for each in self.entries if tuple(map(int, each.id.split("-"))) > start]


async def come_back(kept: Log, after_seq: int, attempt: int, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    monkeypatch.setattr(log, "read", kept.read)
    sent: list[dict[str, Any]] = []

    async def send(text: str) -> None:
        sent.append(json.loads(text))

    async def load() -> dict[str, Any]:
        return state(attempt)

    follower = follow.Follower(TURN, after_seq, follow.Window(), send, load)
    await follower.look(known=state(attempt))
    return sent


async def test_who_comes_back_is_given_the_rest_and_the_rest_alone_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long answer is not read again from its beginning for each line that broke."""
    kept = Log([entry(1, seq) for seq in range(1, 41)])
    sent = await come_back(kept, 38, 1, monkeypatch)
    assert [frame["seq"] for frame in sent] == [39, 40]
    assert kept.asked == ["1-38"]


async def test_what_an_earlier_attempt_wrote_meanwhile_is_not_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader stood at 20; attempt 1 went on to 30 and attempt 2 wrote the rest."""
    kept = Log([*(entry(1, seq) for seq in range(1, 31)), *(entry(2, seq) for seq in range(31, 34))])
    sent = await come_back(kept, 20, 2, monkeypatch)
    assert [frame["seq"] for frame in sent] == list(range(21, 34))


async def test_where_the_log_has_forgotten_the_text_comes_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Valkey lost the beginning: PostgreSQL's checkpoint takes its place."""
    kept = Log([entry(2, seq) for seq in range(31, 34)])
    sent = await come_back(kept, 20, 2, monkeypatch)
    assert [(frame["type"], frame["seq"]) for frame in sent] == [("turn.snapshot", 30)]
    assert sent[0]["text"] == "x" * 30
