"""From token bytes to text that may be shown: incremental UTF-8, and stop strings across token borders.

Only the longest tail that could still become a stop string is held back; everything before it goes out at once.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence


class TextAssembler:
    """One answer's text. Push the bytes of each token, get what became certain."""

    def __init__(self, stop: Sequence[str] = ()) -> None:
        self._stop = tuple(text for text in stop if text)
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._held = ""
        self.is_stopped = False

    def push(self, data: bytes) -> str:
        """Text that is certain now. Nothing more comes once a stop string was seen."""
        if self.is_stopped:
            return ""
        return self._release(self._decoder.decode(data))

    def finish(self) -> str:
        """What was still held back, when the answer ends for another reason than a stop string."""
        if self.is_stopped:
            return ""
        text = self._release(self._decoder.decode(b"", final=True))
        if not self.is_stopped:
            text, self._held = text + self._held, ""
        return text

    def _release(self, more: str) -> str:
        if not self._stop:
            return more
        text = self._held + more
        found = [position for position in map(text.find, self._stop) if position >= 0]
        if found:
            self.is_stopped, self._held = True, ""
            return text[: min(found)]
        keep = max(_overlap(text, stop) for stop in self._stop)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]


def _overlap(text: str, stop: str) -> int:
    """Length of the longest tail of `text` that is a proper beginning of `stop`."""
    for length in range(min(len(text), len(stop) - 1), 0, -1):
        if text.endswith(stop[:length]):
            return length
    return 0
