"""What an answer has used that somebody stopped: its stream is closed, so the engine's last word on it never comes.

The prompt's length was told while it was read; the tokens written are counted anew from their text, by the model's own
tokenizer; the speed is theirs over the time from the first piece to the last.
"""

from __future__ import annotations

import asyncio
import logging
import time

from inference import errors, wire
from inference.client import AsyncClient

log = logging.getLogger(__name__)

COUNT_SECONDS = 1.0  # nobody waits longer for a number


class Meter:
    """Notes what comes from the engine during one attempt; `usage` adds it up, with one request to the engine."""

    def __init__(self) -> None:
        self._num_prompt_tokens = 0
        self._begun_at = self._last_at = 0.0
        self._pieces: list[str] = []

    def reading(self, num_prompt_tokens: int) -> None:
        """The first counts: an engine that died in the middle reads its own words as prompt the next time."""
        self._num_prompt_tokens = self._num_prompt_tokens or num_prompt_tokens

    def wrote(self, text: str) -> None:
        self._last_at = time.monotonic()
        self._begun_at = self._begun_at or self._last_at
        self._pieces.append(text)

    async def usage(self, client: AsyncClient, model: str) -> tuple[wire.Usage, wire.Timings]:
        """Zeros where nothing was written or the engine does not say."""
        if not self._pieces:
            return wire.Usage(), wire.Timings()
        try:
            async with asyncio.timeout(COUNT_SECONDS):
                first, all_of_it = await client.count_tokens(model, [self._pieces[0], "".join(self._pieces)])
        except (errors.InferenceError, TimeoutError) as error:
            log.info("a stopped answer is not counted: %s", type(error).__name__)
            return wire.Usage(), wire.Timings()
        seconds = self._last_at - self._begun_at
        speed = (all_of_it - first) / seconds if seconds > 0 else 0.0
        return wire.Usage(self._num_prompt_tokens, all_of_it), wire.Timings(predicted_per_second=speed)
