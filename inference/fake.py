"""A model without weights, for tests and laptops. Deterministic, and honest about the cache.

Every token is up to three bytes of text, packed into its number, so that tokens mean the same in every process. The
answer is read out of the tokens that the engine has really put into the sequence: were two sequences ever mixed up,
or one cell reused wrongly, the answer would be another.

    "say: X" in the last question     X
    "babble: N" in the last question  N words, each made from a checksum over the whole sequence
    "clock: N" in the last question   N words of three characters: when each was written (see clock_word)
    "die: N" in the last question     N words, and then the process kills itself
    "hang: N" in the last question    N words, and then it never moves again
    "think: X say: Y"                 <think> X </think> Y, which fake-think's readers see as reasoning and answer
    anything else                     You said: <the last question>
    a source in the prompt            " [1]" at the end
"""

from __future__ import annotations

import hashlib
import math
import os
import re
import struct
import time
import zlib
from array import array
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from inference.backends import Batch, EngineDead
from inference.cache import Copy, Operation, Remove
from inference.config import EngineConfig
from inference.host_cache import Discard, Fetch, Offload
from inference.request import SamplingParams

DIMENSIONS = 384
_START, _END = 1, 2
_DIE, _HANG = 3, 4  # never sent: the process is gone
_BASE = 16
_WORDS = re.compile(rb"\s?[^\s]+|\s")
_CLOCK = -1  # a token of the script whose text is not known before it is written
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"
CLOCK_RANGE_MS = len(_DIGITS) ** 3

# ChatML of a model that thinks, which readers of its answers tell from the mark.
THINKING = (
    "{# <think> #}{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def template_of(path: str) -> str | None:
    """None is ChatML."""
    return THINKING if "think" in Path(path).name else None


def clock_word(milliseconds: int) -> str:
    """Three characters for a time of day in milliseconds, which come again after CLOCK_RANGE_MS (262 s)."""
    rest = milliseconds % CLOCK_RANGE_MS
    return _DIGITS[rest >> 12] + _DIGITS[rest >> 6 & 63] + _DIGITS[rest & 63]


def clock_milliseconds(word: str) -> int:
    """The time that a clock word says, below CLOCK_RANGE_MS."""
    first, second, third = (_DIGITS.index(digit) for digit in word)
    return first << 12 | second << 6 | third


def pretend_to_load(config: EngineConfig, on_percent: Callable[[int], None]) -> None:
    """Take as long as the configuration says, telling every tenth."""
    for percent in range(0, 101, 10):
        on_percent(percent)
        time.sleep(config.fake_load_seconds / 11)


class FakeVocab:
    """Tokens of at most three bytes, never across a word's border."""

    num_tokens = _BASE + (4 << 24)
    longest_piece = 3
    bos: int | None = None
    bos_text = ""
    eos_text = "<|im_end|>"
    specials: Mapping[str, int] = {"<|im_start|>": _START, "<|im_end|>": _END}

    def tokenize(self, text: str, *, add_special: bool = False) -> list[int]:
        tokens = []
        for word in _WORDS.findall(text.encode()):
            for start in range(0, len(word), 3):
                piece = word[start : start + 3]
                tokens.append(_BASE + (len(piece) << 24) + int.from_bytes(piece, "big"))
        return tokens

    def piece(self, token: int) -> bytes:
        if token < _BASE:
            return {_START: b"<|im_start|>", _END: b"<|im_end|>"}.get(token, b"")
        length, value = (token - _BASE) >> 24, (token - _BASE) & 0xFFFFFF
        return value.to_bytes(3, "big")[3 - length :]

    def is_end(self, token: int) -> bool:
        return token == _END

    def text(self, tokens: Sequence[int]) -> str:
        return b"".join(map(self.piece, tokens)).decode("utf-8", errors="replace")


class FakeSampler:
    def close(self) -> None:
        pass


class FakeBackend:
    """Keeps each sequence's tokens as a cache would and refuses what llama.cpp would refuse."""

    def __init__(self, config: EngineConfig) -> None:
        self.vocab = FakeVocab()
        self.num_evaluated = 0
        self.can_share = self.can_offload = self.can_mix = True
        self._seconds = 1 / config.fake_tokens_per_second if config.fake_tokens_per_second else 0.0
        self._sequences: dict[int, array[int]] = {}
        self.offloaded: dict[int, array[int]] = {}
        self._scripts: dict[int, tuple[int, list[int]]] = {}

    def apply(self, operations: Sequence[Operation]) -> None:
        for operation in operations:
            match operation:
                case Copy(source, target, length):
                    rest = self._sequences.get(target, array("i"))[length:]
                    self._sequences[target] = self._sequences[source][:length] + rest
                    self._scripts.pop(target, None)
                case Remove(sequence, start):
                    self._remove(sequence, start)
                case Offload(sequence, key):
                    self.offloaded[key] = self._sequences[sequence][:]
                    self._remove(sequence, 0)
                case Fetch(key, sequence, length, is_last):
                    self._sequences[sequence] = self.offloaded[key][:]
                    self._remove(sequence, length)
                    if is_last:
                        del self.offloaded[key]
                case Discard(key):
                    del self.offloaded[key]

    def _remove(self, sequence: int, start: int) -> None:
        del self._sequences.setdefault(sequence, array("i"))[start:]
        self._scripts.pop(sequence, None)

    def evaluate(self, batch: Batch) -> None:
        if self._seconds:
            time.sleep(self._seconds)
        for token, position, sequence in zip(batch.tokens, batch.positions, batch.sequences, strict=True):
            tokens = self._sequences.setdefault(sequence, array("i"))
            if position != len(tokens):
                raise EngineDead(f"position {position} after {len(tokens)} tokens of sequence {sequence}")
            tokens.append(token)
        self.num_evaluated += len(batch.tokens)

    def sampler(self, params: SamplingParams, generated: Sequence[int]) -> FakeSampler:
        return FakeSampler()

    def check_grammar(self, text: str) -> None:
        pass

    def logprobs(self, row: int, token: int, num_others: int) -> list[tuple[int, float]]:
        return [(token, -0.25)] + [(token, -0.25)] * min(1, num_others)

    def sample(self, row: int, sequence: int, sampler: object) -> int:
        tokens = self._sequences[sequence]
        start, script = self._scripts.get(sequence, (0, []))
        place = len(tokens) - start
        if not 0 < place <= len(script) or tokens[-1] != script[place - 1]:
            start, script, place = len(tokens), self._script(tokens), 0
            self._scripts[sequence] = (start, script)
        if place < len(script) and script[place] == _CLOCK:
            script[place] = self.vocab.tokenize(clock_word(time.time_ns() // 1_000_000))[0]
        token = script[place] if place < len(script) else _END
        if token == _DIE:
            os.abort()
        if token == _HANG:
            time.sleep(86_400)
        return token

    def close(self) -> None:
        pass

    def _script(self, tokens: array[int]) -> list[int]:
        """The rest of the answer, from what the sequence holds."""
        marks = [index for index, token in enumerate(tokens) if token == _START]
        text = self.vocab.text(tokens[marks[-1] + 1 if marks else 0 :])
        _role, _, written = text.partition("\n")
        prompt = self.vocab.text(tokens[: marks[-1]] if marks else tokens)
        clock = re.search(r"clock: ([0-9]{1,5})", _last_question(prompt))
        if clock:
            return [_CLOCK] * max(0, int(clock[1]) - len(written) // 3)
        answer = _answer(prompt, zlib.crc32(tokens[: marks[-1] if marks else None].tobytes()))
        if not answer.startswith(written):
            return []
        question = _last_question(prompt)
        ends = [token for word, token in (("die", _DIE), ("hang", _HANG)) if re.search(rf"{word}: [0-9]", question)]
        return self.vocab.tokenize(answer[len(written) :]) + ends


def _last_question(prompt: str) -> str:
    _, _, last = prompt.rpartition("<|im_start|>user\n")
    question, _, _ = last.partition("<|im_end|>")
    return question


def _answer(prompt: str, checksum: int) -> str:
    question = _last_question(prompt)
    said = re.search(r"say: (.*)", question, re.DOTALL)
    babble = re.search(r"(?:babble|die|hang): ([0-9]{1,5})", question)
    if babble:
        words = (f"w{zlib.crc32(struct.pack('>II', checksum, n)) % 9973}" for n in range(int(babble[1])))
        answer = " ".join(words)
    elif thought := re.search(r"think: (.*?)\s*say: (.*)", question, re.DOTALL):
        answer = f"<think>\n{thought[1]}\n</think>\n\n{thought[2].strip()}"
    else:
        answer = said[1].strip() if said else f"You said: {question.strip()}"
    return answer + " [1]" if '<source id="1"' in prompt else answer


class FakeEmbedder:
    """Hashing bag of words: texts that share words lie close together."""

    def __init__(self, config: EngineConfig) -> None:
        self.vocab = FakeVocab()
        self.dimensions = DIMENSIONS
        self.max_tokens = config.context_length
        self.max_sequences = 32

    def prepare(self, text: str) -> list[int]:
        return self.vocab.tokenize(" ".join(text.split()))

    def embed(self, rows: Sequence[Sequence[int]]) -> list[bytes]:
        return [self._vector(self.vocab.text(row)) for row in rows]

    def close(self) -> None:
        pass

    @staticmethod
    def _vector(text: str) -> bytes:
        values = [0.0] * DIMENSIONS
        for word in re.findall(r"\w+", text.lower()):
            digest = hashlib.blake2b(word.encode(), digest_size=8).digest()
            place = int.from_bytes(digest[:4], "big") % DIMENSIONS
            values[place] += 1.0 if digest[4] & 1 else -1.0
        length = math.sqrt(sum(value * value for value in values))
        if length == 0.0:
            values[0] = length = 1.0
        return struct.pack(f"<{DIMENSIONS}f", *(value / length for value in values))


class FakeReranker(FakeEmbedder):
    """The share of the question's words that the text has too."""

    def prepare_pair(self, query: str, document: str) -> list[int]:
        return [*self.prepare(query), _END, *self.prepare(document)]

    def embed(self, rows: Sequence[Sequence[int]]) -> list[bytes]:
        return [struct.pack("<d", self._overlap(list(row))) for row in rows]

    def _overlap(self, row: list[int]) -> float:
        border = row.index(_END)
        asked, said = (set(re.findall(r"\w+", self.vocab.text(part).lower())) for part in (row[:border], row[border:]))
        return len(asked & said) / len(asked) if asked else 0.0
