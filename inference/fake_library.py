"""The models of the fake backend, which lie in no folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from inference import errors, fake
from inference.config import MIB
from inference.library import Entry


class FakeLibrary:
    """The four models of the fake backend; no folder is looked at."""

    def entries(self) -> list[Entry]:
        chat = Entry(
            "fake-chat", Path("fake-chat.gguf"), 64 * MIB, 1, "chat", "fake", 1 << 24, 384, kv_bytes_per_token=8192
        )
        embed = Entry("fake-embed", Path("fake-embed.gguf"), 1, 1, "embedding", "fake", 2048, 384)
        rerank = Entry("fake-rerank", Path("fake-rerank.gguf"), 1, 1, "rerank", "fake", 2048, 384)
        think = replace(chat, id="fake-think", path=Path("fake-think.gguf"), chat_template=fake.THINKING)
        return [chat, embed, rerank, think]

    def get(self, name: str) -> Entry:
        for entry in self.entries():
            if entry.id == name:
                return entry
        raise errors.UnknownModel(f"There is no model {name[:128]!r} here.")
