"""A model's tokenizer."""

from __future__ import annotations

import ctypes
import functools
import unicodedata
from typing import Any

import llama_cpp.llama_cpp as llama

from inference import errors


class LlamaVocab:
    """The model's tokenizer (texts come normalised if it needs that), with the bytes of every token in a table: a
    lookup there costs a 30th of the call."""

    def __init__(self, model: Any) -> None:
        self.handle = llama.llama_model_get_vocab(model)
        self.num_tokens = llama.llama_vocab_n_tokens(self.handle)
        bos = llama.llama_vocab_bos(self.handle)
        self.bos = bos if bos >= 0 and llama.llama_vocab_get_add_bos(self.handle) else None
        self.bos_text = self._text(bos)
        self.eos_text = self._text(llama.llama_vocab_eos(self.handle))
        self.longest_piece = 256  # until the table is filled
        self._pieces: list[bytes] = []

    @functools.cached_property
    def specials(self) -> dict[str, int]:
        """Only chat models need it, and an embedding model may have 250,000 tokens to look at."""
        controls = (t for t in range(self.num_tokens) if llama.llama_vocab_is_control(self.handle, t))
        return {self._text(token): token for token in controls}

    @functools.cached_property
    def ends(self) -> frozenset[int]:
        return frozenset(t for t in range(self.num_tokens) if llama.llama_vocab_is_eog(self.handle, t))

    def tokenize(self, text: str, *, add_special: bool = False) -> list[int]:
        data = text.encode()
        room = len(data) + 8
        buffer = (llama.llama_token * room)()
        count = llama.llama_tokenize(self.handle, data, len(data), buffer, room, add_special, False)
        if count < 0:
            raise errors.BadParameter("messages", "The text cannot be tokenized.")
        return list(buffer[:count])

    def piece(self, token: int) -> bytes:
        if not self._pieces:
            self.fill_pieces()
        return self._pieces[token]

    def fill_pieces(self) -> None:
        """74 ms for 49,000 tokens; done while loading, not at the first answer. Control tokens have no text."""
        buffer = ctypes.create_string_buffer(512)
        read, handle = llama.llama_token_to_piece, self.handle
        pieces = []
        for token in range(self.num_tokens):
            length = read(handle, token, buffer, 512, 0, False)
            pieces.append(buffer.raw[: max(0, length)])
        self._pieces, self.longest_piece = pieces, max(map(len, pieces))

    def is_end(self, token: int) -> bool:
        return token in self.ends

    def _text(self, token: int) -> str:
        if token < 0:
            return ""
        text = llama.llama_vocab_get_text(self.handle, token)
        return text.decode("utf-8", errors="replace") if text else ""


def normalised(text: str) -> str:
    """What the character map of a unigram ("t5") tokenizer would do; our converted files do not carry it.

    Without it the cosine to the reference falls to 0.94 on ligatures and full-width text, with it it is 1.
    """
    return " ".join(unicodedata.normalize("NFKC", text).split())
