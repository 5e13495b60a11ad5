"""A chat model in its own process: thread B turns requests into prompts, thread A runs the loop."""

from __future__ import annotations

import queue
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from inference import errors, generic_tools, parsing, templates
from inference.backends import Backend, Vocab
from inference.config import EngineConfig
from inference.dialects import Think, dialect_of, think_of
from inference.engine import Engine
from inference.request import Generation, SamplingParams, token_array
from inference.text import TextAssembler
from inference.tools import answer_constraint

Send = Callable[[Any], None]


class Chat:
    """A chat model in this process: what B prepares and A runs."""

    def __init__(self, backend: Backend, template: str | None, config: EngineConfig, send: Send) -> None:
        self.vocab: Vocab = backend.vocab
        self.inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._backend = backend
        self._config = config
        self._send = send
        self._template = templates.ChatTemplate(
            template, bos=self.vocab.bos_text, eos=self.vocab.eos_text, is_isolated=True
        )
        self._dialect = dialect_of(template)
        self._think = think_of(template)
        marks = self._marks()
        self._shown = {token: text.encode() for text, token in self.vocab.specials.items() if text in marks}
        self._engine = Engine(backend, config, self._send_step)

    @property
    def num_steps(self) -> int:
        return self._engine.num_steps

    @property
    def is_busy(self) -> bool:
        return not self._engine.is_idle

    def run(self) -> None:
        """Thread A, until the inbox says None."""
        engine, inbox = self._engine, self.inbox
        while True:
            while engine.is_idle or not inbox.empty():
                command = inbox.get()
                if command is None:
                    return
                kind, value = command
                if kind == "submit":
                    engine.submit(value)
                elif kind == "cancel":
                    engine.cancel(value)
                else:
                    engine.lend(value)
                    self._send(["lent", value])
                if engine.is_idle:
                    engine.flush()
            engine.step()

    def submit(self, number: int, body: dict[str, Any]) -> None:
        generation = self._generation(number, body)
        self._send(["prepared", number])
        self.inbox.put(("submit", generation))

    def cancel(self, number: int) -> None:
        self.inbox.put(("cancel", number))

    def lend(self, num_tokens: int) -> None:
        self.inbox.put(("lend", num_tokens))

    def count(self, body: dict[str, Any]) -> list[int]:
        if "messages" in body:
            segments = self._segments(body["messages"], body["continue_final"], [])
            return [len(templates.encode(segments, self.vocab))]
        if "content" in body:
            return self.vocab.tokenize(body["content"], add_special=body["add_special"])
        return [len(self.vocab.tokenize(text)) for text in body["input"]]

    def embed(self, number: int, body: dict[str, Any]) -> None:
        raise errors.BadParameter("model", "This is a chat model; it makes no embeddings.")

    def rerank(self, number: int, body: dict[str, Any]) -> None:
        raise errors.BadParameter("model", "This is a chat model; it does not rank.")

    def _marks(self) -> set[str]:
        """Control tokens that are shown, because the reader of an answer makes sense of them."""
        dialect = self._dialect
        marks = {*dialect.marks, dialect.close, dialect.tail, *dialect.controls} if dialect.name != "generic" else set()
        if self._think is not None:
            marks |= {self._think.opens, self._think.close, self._think.opens.strip(), "<|channel>"}
        return marks

    def _segments(
        self,
        messages: list[dict[str, Any]],
        continue_final: bool,
        tools: list[dict[str, Any]],
        values: dict[str, Any] | None = None,
    ) -> list[templates.Segment]:
        # Thread B works for everybody: what cannot fit however it is cut is not tokenized first.
        texts = [message["content"] for message in messages] + [messages[-1].get("reasoning", "")]
        least = sum(len(text.encode()) for text in texts) // self.vocab.longest_piece
        if least > self._config.context_length:
            raise errors.ContextTooLong(least, self._config.context_length)
        if continue_final and self._think is not None and messages[-1].get("reasoning"):
            before = self._segments(messages[:-1], False, tools, values)
            return [*before, *begun(messages[-1], len(messages) - 1, before, self._think)]
        if self._dialect.name == "generic":
            plain = generic_tools.told(messages, tools)
            try:
                return self._template.render(plain, continue_final=continue_final, values=values)
            except errors.BadParameter:  # some templates know no system prompt
                if not tools or messages[0]["role"] == "system":
                    raise
                plain = generic_tools.told(messages, tools, has_system=False)
                return self._template.render(plain, continue_final=continue_final, values=values)
        specials = self.vocab.specials if tools or any("tool_calls" in message for message in messages) else ()
        return self._template.render(
            messages, continue_final=continue_final, tools=tools, specials=specials, values=values
        )

    def _generation(self, number: int, body: dict[str, Any]) -> Generation:
        params = SamplingParams.from_wire(body["params"])
        if "prompt" in body:
            return self._complete(number, body, self._plain_prompt(body["prompt"]), params)
        segments = self._segments(body["messages"], body["continue_final"], body["tools"], body["template"])
        prompt = templates.encode(segments, self.vocab)
        num_public_messages = 0 if body["tools"] else body["num_public_messages"]
        num_public = templates.num_public_tokens(segments, prompt, self.vocab, num_public_messages)
        opening = self._opening(segments, body["continue_final"])
        found = answer_constraint(body["form"], body["tools"], self._dialect, self._think, opening)
        if found is not None:
            self._backend.check_grammar(found.text)
            params = replace(params, grammar=found.text, triggers=found.triggers, controls=found.controls)
        return self._complete(number, body, prompt, params, num_public=num_public, opening=opening)

    def _plain_prompt(self, prompt: str | list[int]) -> list[int]:
        """A text to go on from: without a template, and without control tokens unless it came as tokens."""
        if isinstance(prompt, list):
            if max(prompt) >= self.vocab.num_tokens:
                raise errors.BadParameter("prompt", "The prompt holds a token that this model does not have.")
            return prompt
        least = len(prompt.encode()) // self.vocab.longest_piece
        if least > self._config.context_length:
            raise errors.ContextTooLong(least, self._config.context_length)
        begin = [] if self.vocab.bos is None else [self.vocab.bos]
        tokens = [*begin, *self.vocab.tokenize(prompt)]
        if not tokens:
            raise errors.BadParameter("prompt", "This model cannot go on from nothing.")
        return tokens

    def _complete(
        self,
        number: int,
        body: dict[str, Any],
        prompt: list[int],
        params: SamplingParams,
        *,
        num_public: int = 0,
        opening: str = "",
    ) -> Generation:
        room = self._config.context_length - len(prompt)
        if room <= 0:
            raise errors.ContextTooLong(len(prompt), self._config.context_length)
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
            shown={} if "prompt" in body else self._shown,
            opening=opening,
            text=TextAssembler(params.stop),
        )

    def _opening(self, segments: list[templates.Segment], continue_final: bool) -> str:
        if continue_final and len(segments) > 1 and segments[-1].message is not None:
            # It goes on in the middle of its reasoning, or in its words.
            is_reasoning = segments[-1].is_reasoning
            return self._think.opens if self._think is not None and is_reasoning else ""
        if continue_final or not segments or segments[-1].message is not None:
            return ""
        return parsing.opening_of(segments[-1].text, self._think)

    def _send_step(self, events: list[Any]) -> None:
        scheduler = self._engine.scheduler
        statistics = [
            len(scheduler.running),
            len(scheduler.waiting),
            scheduler.cache.num_used,
            scheduler.cache.num_cells,
            scheduler.cache.num_holders,
            scheduler.cache.num_offloaded,
        ]
        self._send(["step", events, statistics])


def begun(
    message: Mapping[str, Any], index: int, before: Sequence[templates.Segment], think: Think
) -> list[templates.Segment]:
    """An answer with its reasoning, as far as it got, behind a prompt that asks for one. No template is asked: most of
    them leave reasoning out, or close it."""
    opens = "" if before and before[-1].message is None and parsing.opening_of(before[-1].text, think) else think.opens
    parts = [templates.Segment(opens), templates.Segment(message["reasoning"], index, is_reasoning=True)]
    if message["content"]:
        parts += [templates.Segment(f"{think.close}\n\n"), templates.Segment(message["content"], index)]
    return [part for part in parts if part.text]
