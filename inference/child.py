"""One model's process: `python -m inference.child FD`. Started by `worker`, never by hand.

Thread A (the main one) owns the context and runs the loop; thread B reads the socket, renders templates and
tokenizes. Frames go out from whoever has something to say, one per engine step with the news of all requests.

    in   ["load", {...}]  ["submit", id, {...}]  ["cancel", id]  ["tokenize", id, {...}]  ["embed", id, {...}]
    out  ["loading", percent]  ["ready", facts]  ["failed", error]  ["step", [events], statistics]
         ["prepared", id]  ["counts", id, [int]]  ["embedded", id, [bytes], num_tokens]  ["error", id, error]

The socket's end is the signal to go; the kernel kills us should the parent vanish without closing it.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import queue
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inference import errors, frames, generic_tools, logs, parsing, templates
from inference.backends import Backend, Embedder, EngineDead, Vocab
from inference.config import EngineConfig
from inference.embedding import EmbeddingLoop, Job
from inference.engine import Engine
from inference.request import Generation, SamplingParams, token_array
from inference.text import TextAssembler

log = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1
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


class Embedding:
    """An embedding model in this process."""

    def __init__(self, embedder: Embedder, send: Send) -> None:
        self.vocab: Vocab = embedder.vocab
        self.inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._embedder = embedder
        self._loop = EmbeddingLoop(embedder, self.inbox, send)

    def run(self) -> None:
        self._loop.run()

    def submit(self, number: int, body: dict[str, Any]) -> None:
        raise errors.BadParameter("model", "This is an embedding model; it does not chat.")

    def cancel(self, number: int) -> None:
        self.inbox.put(("cancel", number))

    def count(self, body: dict[str, Any]) -> list[int]:
        if "messages" in body:
            raise errors.BadParameter("model", "This is an embedding model; it does not chat.")
        return [len(self._embedder.prepare(text)) for text in body["input"]]

    def embed(self, number: int, body: dict[str, Any]) -> None:
        rows = [text if isinstance(text, list) else self._embedder.prepare(text) for text in body["input"]]
        for row in rows:
            if len(row) > self._embedder.max_tokens:
                raise errors.ContextTooLong(len(row), self._embedder.max_tokens)
            if not row or max(row) >= self.vocab.num_tokens:
                raise errors.BadParameter("input", "An input holds no token of this model.")
        self.inbox.put(("embed", Job(number, rows, body["priority"])))


def load(body: dict[str, Any], send: Send) -> Chat | Embedding:
    """Bring the model into memory, telling how far it is. Raises EngineError."""
    config = EngineConfig(**body["config"])
    told = -1

    def on_percent(percent: int) -> None:
        nonlocal told
        if percent != told:
            told = percent
            send(["loading", percent])

    if body["backend"] == "fake":
        from inference import fake

        fake.pretend_to_load(config, on_percent)
        if body["kind"] == "embedding":
            return Embedding(fake.FakeEmbedder(config), send)
        return Chat(fake.FakeBackend(config), None, config, send)

    from inference import backend

    backend.start_library()
    model = backend.LlamaModel(Path(body["path"]), config, on_percent)
    if body["kind"] == "embedding":
        return Embedding(backend.LlamaEmbedder(model, config, normalise=body["tokenizer"] == "t5"), send)
    chat = backend.LlamaBackend(model, config)
    chat.warm_up()
    return Chat(chat, model.chat_template(), config, send)


def listen(messages: Any, model: Chat | Embedding, send: Send) -> None:
    """Thread B: prepare and hand over, until the supervisor closes."""
    try:
        for kind, number, *rest in messages:
            try:
                if kind == "cancel":
                    model.cancel(number)
                elif kind == "submit":
                    model.submit(number, rest[0])
                elif kind == "embed":
                    model.embed(number, rest[0])
                elif kind == "tokenize":
                    send(["counts", number, model.count(rest[0])])
            except errors.InferenceError as error:
                send(["error", number, error.to_wire()])
            except Exception:  # one of the three outermost loops: the next request must live
                log.exception("request %s could not be prepared", number)
                send(["error", number, errors.EngineError("The request could not be prepared.").to_wire()])
    finally:
        model.inbox.put(None)


def main(file_descriptor: int) -> int:
    _die_with_parent()
    logs.start()
    connection = socket.socket(fileno=file_descriptor)
    send = _sender(connection)
    messages = frames.messages(connection)
    first = next(messages, None)
    if first is None:
        return 0
    try:
        model = load(first[1], send)
    except errors.InferenceError as error:
        send(["failed", error.to_wire()])
        return 1
    send(["ready", {"num_tokens": model.vocab.num_tokens}])
    threading.Thread(target=listen, args=(messages, model, send), name="io", daemon=True).start()
    try:
        model.run()
    except EngineDead as error:
        log.error("engine dead: %s", error)
        return 1
    return 0


def _sender(connection: socket.socket) -> Send:
    lock = threading.Lock()

    def send(message: Any) -> None:
        data = frames.encode(message)
        with lock, contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the reader ends us
            connection.sendall(data)

    return send


def _die_with_parent() -> None:
    """Ctrl-C and SIGTERM are the supervisor's to handle; its death is ours."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.setswitchinterval(0.001)  # thread B must not hold up a step for the usual 5 ms
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == 1:
            raise SystemExit(1)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
