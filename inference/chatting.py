"""A chat model in its own process: thread B turns requests into prompts, thread A runs the loop."""

from __future__ import annotations

import queue
from collections.abc import Callable
from typing import Any

from inference import errors, generic_tools, parsing, templates
from inference.backends import Backend, Vocab
from inference.config import EngineConfig
from inference.engine import Engine
from inference.request import Generation, SamplingParams, token_array
from inference.text import TextAssembler

Send = Callable[[Any], None]


class Chat:
    """A chat model in this process: what B prepares and A runs."""

    def __init__(self, backend: Backend, template: str | None, config: EngineConfig, send: Send) -> None:
        self.vocab: Vocab = backend.vocab
        self.inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._backend = backend
        self._config = config
        self._send = send
        self._template = templates.ChatTemplate(template, bos=self.vocab.bos_text, eos=self.vocab.eos_text)
        self._family = parsing.family_of(template)
        self._shown = {token: text.encode() for text, token in self.vocab.specials.items() if text in parsing.MARKERS}
        self._engine = Engine(backend, config, self._send_step)

    def run(self) -> None:
        """Thread A, until the inbox says None."""
        engine, inbox = self._engine, self.inbox
        while True:
            while engine.is_idle or not inbox.empty():
                command = inbox.get()
                if command is None:
                    return
                kind, value = command
                engine.submit(value) if kind == "submit" else engine.cancel(value)
                if engine.is_idle:
                    engine.flush()
            engine.step()

    def submit(self, number: int, body: dict[str, Any]) -> None:
        generation = self._generation(number, body)
        self._send(["prepared", number])
        self.inbox.put(("submit", generation))

    def cancel(self, number: int) -> None:
        self.inbox.put(("cancel", number))

    def count(self, body: dict[str, Any]) -> list[int]:
        if "messages" in body:
            segments = self._segments(body["messages"], body["continue_final"], [])
            return [len(templates.encode(segments, self.vocab))]
        return [len(self.vocab.tokenize(text)) for text in body["input"]]

    def embed(self, number: int, body: dict[str, Any]) -> None:
        raise errors.BadParameter("model", "This is a chat model; it makes no embeddings.")

    def rerank(self, number: int, body: dict[str, Any]) -> None:
        raise errors.BadParameter("model", "This is a chat model; it does not rank.")

    def _segments(
        self, messages: list[dict[str, Any]], continue_final: bool, tools: list[dict[str, Any]]
    ) -> list[templates.Segment]:
        # Thread B works for everybody: what cannot fit however it is cut is not tokenized first.
        least = sum(len(message["content"].encode()) for message in messages) // self.vocab.longest_piece
        if least > self._config.context_length:
            raise errors.ContextTooLong(least, self._config.context_length)
        if self._family == "generic":
            messages, tools = generic_tools.told(messages, tools), []
        specials = self.vocab.specials if tools or any("tool_calls" in message for message in messages) else ()
        return self._template.render(messages, continue_final=continue_final, tools=tools, specials=specials)

    def _generation(self, number: int, body: dict[str, Any]) -> Generation:
        segments = self._segments(body["messages"], body["continue_final"], body["tools"])
        prompt = templates.encode(segments, self.vocab)
        num_public_messages = 0 if body["tools"] else body["num_public_messages"]
        num_public = templates.num_public_tokens(segments, prompt, self.vocab, num_public_messages)
        room = self._config.context_length - len(prompt)
        if room <= 0:
            raise errors.ContextTooLong(len(prompt), self._config.context_length)
        params = SamplingParams.from_wire(body["params"])
        if params.grammar:
            self._backend.check_grammar(params.grammar)
        for token, _ in params.logit_bias:
            if token >= self.vocab.num_tokens:
                raise errors.BadParameter("logit_bias", f"This model has no token {token}.")
        return Generation(
            id=number,
            tokens=token_array(prompt + body["resume_tokens"]),
            num_prompt=len(prompt),
            max_tokens=min(body["max_tokens"] or room, room),
            params=params,
            priority=body["priority"],
            fairness_key=body["fairness_key"],
            cache_salt=body["cache_salt"],
            num_public=num_public,
            wants_progress=body["wants_progress"],
            num_chars_known=body["resume_chars"],
            shown=self._shown if self._family != "generic" or parsing.THINK.encode() in self._shown.values() else {},
            opening=_opening(segments, body["continue_final"]),
            text=TextAssembler(params.stop),
        )

    def _send_step(self, events: list[Any]) -> None:
        scheduler = self._engine.scheduler
        statistics = [
            len(scheduler.running),
            len(scheduler.waiting),
            scheduler.cache.num_used,
            scheduler.cache.num_cells,
            scheduler.cache.num_holders,
        ]
        self._send(["step", events, statistics])


def _opening(segments: list[templates.Segment], continue_final: bool) -> str:
    """Some templates begin the reasoning themselves; the reader of the answer must see that it began."""
    if continue_final or not segments or segments[-1].message is not None:
        return ""
    return parsing.THINK if segments[-1].text.rstrip().endswith(parsing.THINK) else ""
