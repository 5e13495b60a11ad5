"""One model's process: `python -m inference.child FD`. Started by `worker`, never by hand.

Thread A (the main one) owns the context and runs the loop; thread B reads the socket, renders templates and
tokenizes. Frames go out from whoever has something to say, one per engine step with the news of all requests.

    in   ["load", {...}]  ["submit", id, {...}]  ["cancel", id]  ["tokenize", id, {...}]  ["detokenize", id, {...}]
         ["embed", id, {...}]  ["rerank", id, {...}]  ["lend", 0, num_tokens]
    out  ["loading", percent]  ["ready", facts]  ["failed", error]  ["step", [events], statistics]
         ["prepared", id]  ["lent", num_tokens]  ["beat", steps, is_busy]
         ["counts", id, [int]]  ["text", id, text]  ["embedded", id, [bytes], num_tokens]  ["error", id, error]

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
import time
from pathlib import Path
from typing import Any

from inference import errors, frames, logs, reranking, urgency
from inference.backends import Embedder, EngineDead, Vocab
from inference.chatting import Chat, Send
from inference.config import EngineConfig
from inference.embedding import EmbeddingLoop, Job

log = logging.getLogger(__name__)

BEAT_SECONDS = 1.0
_PR_SET_PDEATHSIG = 1


class Embedding:
    """An embedding model in this process."""

    def __init__(self, embedder: Embedder, send: Send) -> None:
        self.vocab: Vocab = embedder.vocab
        self.inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._embedder = embedder
        self._loop = EmbeddingLoop(embedder, self.inbox, send)

    @property
    def num_steps(self) -> int:
        return self._loop.num_steps

    @property
    def is_busy(self) -> bool:
        return self._loop.is_busy

    def run(self) -> None:
        self._loop.run()

    def submit(self, number: int, body: dict[str, Any]) -> None:
        raise errors.BadParameter("model", "This is an embedding model; it does not chat.")

    def cancel(self, number: int) -> None:
        self.inbox.put(("cancel", number))

    def lend(self, num_tokens: int) -> None:
        """It keeps nothing between two texts."""

    def count(self, body: dict[str, Any]) -> list[int]:
        if "messages" in body:
            raise errors.BadParameter("model", "This is an embedding model; it does not chat.")
        if "content" in body:
            return self.vocab.tokenize(body["content"], add_special=body["add_special"])
        return [len(self._embedder.prepare(text)) for text in body["input"]]

    def embed(self, number: int, body: dict[str, Any]) -> None:
        rows = [text if isinstance(text, list) else self._embedder.prepare(text) for text in body["input"]]
        for row in rows:
            if len(row) > self._embedder.max_tokens:
                raise errors.ContextTooLong(len(row), self._embedder.max_tokens)
            if not row or max(row) >= self.vocab.num_tokens:
                raise errors.BadParameter("input", "An input holds no token of this model.")
        self._put(number, rows, body)

    def rerank(self, number: int, body: dict[str, Any]) -> None:
        raise errors.BadParameter("model", "This is an embedding model; it does not rank.")

    def _put(self, number: int, rows: list[list[int]], body: dict[str, Any]) -> None:
        self.inbox.put(("embed", Job(number, rows, body["priority"])))


class Reranking(Embedding):
    """A reranking model in this process: batched like embeddings, one score for each pair."""

    def __init__(self, reranker: reranking.Reranker, send: Send) -> None:
        super().__init__(reranker, send)
        self._reranker = reranker

    def embed(self, number: int, body: dict[str, Any]) -> None:
        raise errors.BadParameter("model", "This is a reranking model; it makes no embeddings.")

    def rerank(self, number: int, body: dict[str, Any]) -> None:
        rows = [self._reranker.prepare_pair(body["query"], document) for document in body["documents"]]
        for row in rows:
            if len(row) > self._reranker.max_tokens:
                raise errors.ContextTooLong(len(row), self._reranker.max_tokens)
        self._put(number, rows, body)


Model = Chat | Embedding


def load(body: dict[str, Any], send: Send) -> Model:
    """Bring the model into memory, telling how far it is. Raises EngineError."""
    config = EngineConfig(**body["config"])
    urgency.hurry(config.nice)  # before the library starts its threads
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
        if body["kind"] == "rerank":
            return Reranking(fake.FakeReranker(config), send)
        return Chat(fake.FakeBackend(config), fake.template_of(body["path"]), config, send)

    from inference import backend

    backend.start_library()
    model = backend.LlamaModel(Path(body["path"]), config, on_percent)
    if body["kind"] == "embedding":
        return Embedding(backend.LlamaEmbedder(model, config, normalise=body["tokenizer"] == "t5"), send)
    if body["kind"] == "rerank":
        reranker = backend.LlamaReranker(model, config)
        reranking.check(reranker)
        return Reranking(reranker, send)
    chat = backend.LlamaBackend(model, config)
    chat.warm_up()
    return Chat(chat, model.chat_template(), config, send)


def listen(messages: Any, model: Model, send: Send) -> None:
    """Thread B: prepare and hand over, until the supervisor closes."""
    try:
        for kind, number, *rest in messages:
            try:
                if kind == "cancel":
                    model.cancel(number)
                elif kind == "lend":
                    model.lend(rest[0])
                elif kind == "submit":
                    model.submit(number, rest[0])
                elif kind == "embed":
                    model.embed(number, rest[0])
                elif kind == "rerank":
                    model.rerank(number, rest[0])
                elif kind == "tokenize":
                    send(["counts", number, model.count(rest[0])])
                elif kind == "detokenize":
                    send(["text", number, spelt(model.vocab, rest[0]["tokens"])])
            except errors.InferenceError as error:
                send(["error", number, error.to_wire()])
            except Exception:  # one of the three outermost loops: the next request must live
                log.exception("request %s could not be prepared", number)
                send(["error", number, errors.EngineError("The request could not be prepared.").to_wire()])
    finally:
        model.inbox.put(None)


def spelt(vocab: Vocab, tokens: list[int]) -> str:
    """The text of tokens, control tokens included; bytes that make no character become U+FFFD."""
    if tokens and max(tokens) >= vocab.num_tokens:
        raise errors.BadParameter("tokens", f"This model has {vocab.num_tokens:,} tokens, and no token {max(tokens)}.")
    controls = {token: text.encode() for text, token in vocab.specials.items()}
    return b"".join(controls.get(token) or vocab.piece(token) for token in tokens).decode("utf-8", errors="replace")


class Beat:
    """Says every second that we live, how many steps are done, and whether there is work in hand."""

    def __init__(self, send: Send) -> None:
        self.model: Model | None = None
        self._send = send

    def run(self) -> None:
        while True:
            model = self.model
            self._send(["beat", model.num_steps, model.is_busy] if model else ["beat", -1, True])
            time.sleep(BEAT_SECONDS)


def main(file_descriptor: int) -> int:
    _die_with_parent()
    logs.start()
    connection = socket.socket(fileno=file_descriptor)
    send = _sender(connection)
    messages = frames.messages(connection)
    first = next(messages, None)
    if first is None:
        return 0
    beat = Beat(send)
    threading.Thread(target=beat.run, name="beat", daemon=True).start()
    try:
        model = load(first[1], send)
    except errors.InferenceError as error:
        send(["failed", error.to_wire()])
        return 1
    beat.model = model
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
