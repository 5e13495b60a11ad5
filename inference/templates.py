"""From messages to prompt tokens, through the chat template that the GGUF brings along.

The template is somebody else's program: it runs in Jinja's sandbox (`sandbox`), on copies, in a small process with
limits on time and memory (`rendering`). What people and documents say never meets the template: it is given
marks in place of the texts, and the texts are put in afterwards. So only the template's own words can become control
tokens; a text that spells one stays plain text.
What tools are called and what they were given goes the same way where it spells a control token.
"""

from __future__ import annotations

import datetime
import itertools
import json
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inference import errors
from inference.backends import Vocab
from inference.rendering import IsolatedProgram
from inference.sandbox import Program

MAX_TEMPLATE_CHARS = 256 * 1024
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of the prompt: the template's own (message is None), which alone may form control tokens, or the text
    of a message, by its index; is_reasoning where it is what the model thought before its words."""

    text: str
    message: int | None = None
    is_reasoning: bool = False


class ChatTemplate:
    """One model's template, compiled. A model without one gets ChatML."""

    def __init__(self, source: str | None, *, bos: str = "", eos: str = "", is_isolated: bool = False) -> None:
        """is_isolated: in a process of its own, with limits. Raises ModelBroken when it does not compile."""
        if source is not None and len(source) > MAX_TEMPLATE_CHARS:
            raise errors.ModelBroken("The model's chat template is larger than any honest one.")
        self._marks = {"bos_token": bos, "eos_token": eos}
        self._has_functions = "functools[" in (source or "")
        # Our own needs no guard.
        self._program = IsolatedProgram(source) if source and is_isolated else Program(source or CHATML)

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        continue_final: bool,
        tools: Sequence[Mapping[str, Any]] = (),
        specials: Iterable[str] = (),
        values: Mapping[str, Any] | None = None,
    ) -> list[Segment]:
        """The prompt in pieces. With continue_final it ends inside the last message instead of opening a new one.
        `specials` are the control tokens that the words of tools could spell; `values` are further variables, of which
        none can spell one.

        Raises BadParameter when the template refuses the messages (say, two questions in a row).
        """
        marks = _Marks(messages, specials)
        described = [marks.values(tool, None) for tool in tools]
        marked = [marks.message(message, index) for index, message in enumerate(messages)]
        try:
            rendered = self._run(marked, described or None, values or {}, add_generation_prompt=not continue_final)
        except errors.BadParameter:
            if described:
                raise
            # No tools are None for most templates; some walk through them unasked.
            rendered = self._run(marked, [], values or {}, add_generation_prompt=not continue_final)
        parts = marks.split(rendered)
        if continue_final:
            last = str(len(messages) - 1)
            if last not in parts[1::2]:
                raise errors.BadParameter("continue_final_message", "This model's template hides the last message.")
            end = len(parts) - 1 - parts[::-1].index(last)
            parts = parts[: end + 1]
        segments = []
        for index, part in enumerate(parts):
            text, message = marks.texts[int(part)] if index % 2 else (part, None)
            if text:
                segments.append(Segment(text, message))
        return segments

    def close(self) -> None:
        self._program.close()

    def _run(
        self, messages: list[dict[str, Any]], tools: Any, values: Mapping[str, Any], *, add_generation_prompt: bool
    ) -> str:
        given = {**values, **self._marks, "messages": messages, "tools": tools}
        if self._has_functions:  # Firefunction's own variables; no time of day, so that prompts have a common beginning
            listed = [tool["function"] for tool in tools or ()]
            given["functions"] = json.dumps(listed, ensure_ascii=False, indent=4)
            given["datetime"] = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
        return self._program.render(given | {"add_generation_prompt": add_generation_prompt})


class _Marks:
    """What stands in the template's input for texts that are not its own; `texts` has each with the message it is of
    (that of tools belongs to the last one: it is nobody's public beginning)."""

    def __init__(self, messages: Sequence[Mapping[str, Any]], specials: Iterable[str]) -> None:
        self._mark = f"\ue000{secrets.token_hex(8)}:"
        self._specials = [*filter(None, specials), "\ue000"]
        self._ids: dict[str, str] = {}
        self._last = len(messages) - 1
        self.texts: list[tuple[str, int]] = [(message["content"], n) for n, message in enumerate(messages)]

    def message(self, message: Mapping[str, Any], index: int) -> dict[str, Any]:
        marked: dict[str, Any] = {
            "role": message["role"],
            "content": self._of(index) if message["content"] or "tool_calls" not in message else "",
        }
        if "tool_calls" in message:
            marked["tool_calls"] = [self._call(call, index) for call in message["tool_calls"]]
        if "tool_call_id" in message:
            marked["tool_call_id"] = self._id(message["tool_call_id"])
        return marked

    def values(self, value: Any, message: int | None) -> Any:
        """The same structure; texts that spell control tokens are replaced, to come back as they stand in JSON."""
        if isinstance(value, dict):
            return {self.values(key, message): self.values(each, message) for key, each in value.items()}
        if isinstance(value, list):
            return [self.values(each, message) for each in value]
        if isinstance(value, str) and any(special in value for special in self._specials):
            self.texts.append((json.dumps(value, ensure_ascii=False)[1:-1], self._last if message is None else message))
            return self._of(len(self.texts) - 1)
        return value

    def split(self, rendered: str) -> list[str]:
        """Template, number of a text, template, and so on."""
        return re.split(f"{self._mark}([0-9]+)\ue001", rendered)

    def _of(self, number: int) -> str:
        return f"{self._mark}{number}\ue001"

    def _call(self, call: Mapping[str, Any], index: int) -> dict[str, Any]:
        function = self.values({"name": call["name"], "arguments": call["arguments"]}, index)
        return {"type": "function", "id": self._id(call["id"]), "function": function}

    def _id(self, given: str) -> str:
        """Nine digits, because some templates insist on nine characters."""
        return self._ids.setdefault(given, f"{len(self._ids):09d}")


def encode(segments: Sequence[Segment], vocab: Vocab) -> list[int]:
    """Prompt tokens. Control tokens come from template pieces only; all text between two of them is tokenized in
    one go, so that the pieces leave no trace at their borders."""
    tokens: list[int] = []
    plain: list[str] = []
    pattern = _specials_pattern(vocab)

    def close_plain() -> None:
        if plain:
            tokens.extend(vocab.tokenize("".join(plain)))
            plain.clear()

    for segment in segments:
        if segment.message is not None or pattern is None:
            plain.append(segment.text)
            continue
        for index, part in enumerate(pattern.split(segment.text)):
            if index % 2:
                close_plain()
                tokens.append(vocab.specials[part])
            elif part:
                plain.append(part)
    close_plain()
    if vocab.bos is not None and tokens[:1] != [vocab.bos]:
        tokens.insert(0, vocab.bos)
    return tokens


def num_public_tokens(segments: Sequence[Segment], tokens: Sequence[int], vocab: Vocab, num_messages: int) -> int:
    """How many of the prompt's first tokens hold nothing but the template's words and the first `num_messages`
    messages: what may be shared between people."""
    beginning = list(itertools.takewhile(lambda s: s.message is None or s.message < num_messages, segments))
    public = encode(beginning, vocab)
    return next(
        (n for n, (a, b) in enumerate(zip(public, tokens, strict=False)) if a != b), min(len(public), len(tokens))
    )


_patterns: dict[int, tuple[Vocab, re.Pattern[str] | None]] = {}


def _specials_pattern(vocab: Vocab) -> re.Pattern[str] | None:
    """One expression over all control tokens, the longest first; kept per vocabulary."""
    known = _patterns.get(id(vocab))
    if known is None or known[0] is not vocab:
        names = sorted(filter(None, vocab.specials), key=len, reverse=True)
        pattern = re.compile("(" + "|".join(map(re.escape, names)) + ")") if names else None
        known = _patterns[id(vocab)] = (vocab, pattern)
    return known[1]
