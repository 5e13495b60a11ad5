"""What a request may look like. Checked before anything is queued, so that a cheap request stays cheap.

Three kinds of fields: those that are sent on; those of OpenAI's that mean nothing on our own machines and are
accepted unread (`store`, `user`, …); and those for abilities we do not have yet, which are accepted only where they ask
for nothing (`n: 1`, `tools: []`). Every other field is refused by name, `cache_salt` and `priority` with
it: those are ours to set.
"""

from __future__ import annotations

import re
import threading
from abc import ABC, abstractmethod
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails, from_json

from chat.api.errors import BadField

MAX_MESSAGES = 4096
MAX_STOPS = 16
MAX_INPUTS = 2048
MAX_INPUT_TOKENS = 2**17
MAX_BIASES = 1024
MAX_FIELDS = MAX_BIASES
INT32 = 2**31 - 1

# Bounds that every number of a sampler has; the service's own may be narrower.
Unit = Annotated[float, Field(ge=0, le=1)]
Penalty = Annotated[float, Field(ge=-2, le=2)]
NumTokens = Annotated[int, Field(ge=1, lt=INT32)]
StopText = Annotated[str, Field(min_length=1, max_length=256)]
Biases = Annotated[dict[str, Annotated[float, Field(ge=-100, le=100)]], Field(max_length=MAX_BIASES)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
TokenId = Annotated[int, Field(ge=0, lt=INT32)]
Texts = Annotated[list[str], Field(fail_fast=True, max_length=MAX_INPUTS)]
Tokens = Annotated[list[TokenId], Field(fail_fast=True, max_length=MAX_INPUT_TOKENS)]
TokenLists = Annotated[list[Tokens], Field(fail_fast=True, max_length=MAX_INPUTS)]


class Shape(BaseModel):
    """Strict: a number in quotes is no number, Infinity and NaN are none either, and unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, hide_input_in_errors=True)

    def only_neutral(self, **neutral: tuple[Any, ...]) -> None:
        """Refuse a field of an ability that we do not have, unless it asks for nothing."""
        for name, allowed in neutral.items():
            value = getattr(self, name)
            if value is not None and not any(value == each and type(value) is type(each) for each in allowed):
                raise BadField(name, f"“{name}” is not supported here.", "unsupported_parameter")


class TextPart(Shape):
    type: Literal["text"]
    text: str


class Message(Shape):
    """One message; the null fields are what clients send back of our own answers."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | Annotated[list[TextPart], Field(fail_fast=True, min_length=1, max_length=1024)]
    name: Annotated[str, Field(max_length=64)] | None = None
    refusal: None = None
    audio: None = None
    function_call: None = None
    tool_calls: Annotated[list[Any], Field(max_length=0)] | None = None
    annotations: Annotated[list[Any], Field(max_length=0)] | None = None
    reasoning_content: str | None = None


class StreamOptions(Shape):
    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class ResponseFormat(Shape):
    type: Literal["text"]


class Question(Shape, ABC):
    """What every request for a model's work has."""

    model: Name

    @property
    def wants_stream(self) -> bool:
        return False

    @abstractmethod
    def payload(self) -> dict[str, Any]:
        """What the inference service is asked."""


class ChatBody(Question):
    """POST /v1/chat/completions."""

    messages: Annotated[list[Message], Field(fail_fast=True, min_length=1, max_length=MAX_MESSAGES)]
    max_tokens: NumTokens | None = None
    max_completion_tokens: NumTokens | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Unit | None = None
    top_k: Annotated[int, Field(ge=0, lt=INT32)] | None = None
    min_p: Unit | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    repeat_penalty: Annotated[float, Field(gt=0, le=2)] | None = None
    logit_bias: Annotated[dict[str, Annotated[float, Field(ge=-100, le=100)]], Field(max_length=MAX_BIASES)] | None = (
        None
    )
    seed: Annotated[int, Field(ge=-INT32, le=INT32)] | None = None
    stop: StopText | Annotated[list[StopText], Field(fail_fast=True, max_length=MAX_STOPS)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    continue_final_message: bool | None = None
    return_progress: bool | None = None
    # abilities we do not have yet
    n: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    response_format: ResponseFormat | None = None
    tools: Any = None
    tool_choice: Any = None
    functions: Any = None
    function_call: Any = None
    modalities: Any = None
    audio: Any = None
    # accepted unread
    metadata: Any = None
    moderation: Any = None
    parallel_tool_calls: Any = None
    prediction: Any = None
    prompt_cache_key: Any = None
    prompt_cache_options: Any = None
    prompt_cache_retention: Any = None
    reasoning_effort: Any = None
    safety_identifier: Any = None
    service_tier: Any = None
    store: Any = None
    user: Any = None
    verbosity: Any = None
    web_search_options: Any = None

    SENT_ON: ClassVar[frozenset[str]] = frozenset(
        {
            "model", "temperature", "top_p", "top_k", "min_p", "presence_penalty", "frequency_penalty",
            "repeat_penalty", "logit_bias", "seed", "stop", "stream", "continue_final_message", "return_progress",
        }
    )  # fmt: skip

    @model_validator(mode="after")
    def _consistent(self) -> ChatBody:
        self.only_neutral(
            n=(1,), logprobs=(False,), top_logprobs=(0,), tools=([],), tool_choice=("none", "auto"),
            functions=([],), function_call=("none", "auto"), modalities=(["text"],), audio=(),
        )  # fmt: skip
        if self.stream_options is not None and not self.stream:
            raise BadField("stream_options", "“stream_options” needs “stream”: true.")
        for token_id in self.logit_bias or {}:
            if not re.fullmatch(r"[0-9]{1,10}", token_id) or int(token_id) > INT32:
                raise BadField("logit_bias", "“logit_bias” takes token numbers as keys.")
        return self

    @property
    def wants_stream(self) -> bool:
        return self.stream is True

    def payload(self) -> dict[str, Any]:
        payload = self.model_dump(include=set(self.SENT_ON), exclude_none=True)
        payload["messages"] = [
            message.model_dump(include={"role", "content", "name"}, exclude_none=True) for message in self.messages
        ]
        max_tokens = self.max_completion_tokens or self.max_tokens
        if max_tokens is not None:
            payload["max_tokens"] = max_tokens
        if self.stream_options is not None and self.stream_options.include_usage is not None:
            payload["stream_options"] = {"include_usage": self.stream_options.include_usage}
        return payload


class EmbeddingsBody(Question):
    """POST /v1/embeddings."""

    input: str | Texts | Tokens | TokenLists
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: NumTokens | None = None
    user: Any = None

    @model_validator(mode="after")
    def _bounded(self) -> EmbeddingsBody:
        is_one = isinstance(self.input, str) or any(isinstance(entry, int) for entry in self.input)
        if not self.input or (not is_one and not all(self.input)):
            raise BadField("input", "“input” must not be empty.")
        return self

    def payload(self) -> dict[str, Any]:
        return self.model_dump(exclude={"user"}, exclude_none=True)


# A small body may hold a million objects. One at a time is unfolded, so that together they stay small.
_unfolding = threading.Lock()


def read(kind: type[Question], body: bytes) -> Question:
    """The checked body; raises BadField with the name of the field that is wrong."""
    with _unfolding:
        try:
            value = from_json(body)
        except ValueError:
            raise BadField(None, "The body is not valid JSON.", "invalid_json") from None
        _refuse_bulk(value)
        try:
            return kind.model_validate(value)
        except ValidationError as error:
            raise _told(error.errors(include_url=False, include_context=False, include_input=False)) from None


def _refuse_bulk(value: Any) -> None:
    """Refuse objects with so many fields, each of them wrong, that listing the mistakes would be the attack."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if len(value) > MAX_FIELDS:
                raise BadField(None, f"An object here has at most {MAX_FIELDS} fields.")
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(each for each in value if isinstance(each, dict | list))


def _told(mistakes: list[ErrorDetails]) -> BadField:
    """The one mistake worth telling: where a field may have several shapes, each has complained."""
    mistake = next((each for each in mistakes if not each["type"].endswith("_type")), mistakes[0])
    is_unknown = mistake["type"] == "extra_forbidden"
    param = _path(mistake["loc"], is_unknown) or None
    if is_unknown:
        return BadField(param, f"There is no parameter “{param}” here.", "unknown_parameter")
    # pydantic's own sentence would name our classes.
    sentence = "Input should be an object" if mistake["type"] == "model_type" else mistake["msg"]
    return BadField(param, f"“{param}”: {sentence}." if param else f"{sentence}.")


_FIELD_NAMES = {
    name
    for shape in (ChatBody, EmbeddingsBody, Message, TextPart, StreamOptions, ResponseFormat)
    for name in shape.model_fields
}


def _path(place: tuple[int | str, ...], is_unknown: bool) -> str:
    """("messages", 0, "content", "str") -> messages[0].content; pydantic's names of union branches are left out."""
    path = ""
    for step in place:
        if isinstance(step, int):
            path += f"[{step}]"
        elif step in _FIELD_NAMES or (is_unknown and step is place[-1]):
            path += f".{step[:60]}" if path else step[:60]
    return path
