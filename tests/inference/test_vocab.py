"""Every token of the starter models, as something that a person types, wherever people's words go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from inference import generic_tools
from inference.config import EngineConfig
from inference.templates import ChatTemplate, encode
from tests.inference.serve import default_models_dir

pytestmark = pytest.mark.model
CHAT, EMBEDDING = "SmolLM2-135M-Instruct.Q4_1.gguf", "multilingual-e5-small-Q4_0.gguf"
TOOL_TEMPLATE = (
    "{% for tool in tools %}<|im_start|>system\n{{ tool | tojson }}<|im_end|>\n{% endfor %}"
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "{% for call in message.tool_calls %}<tool_call>{{ call.function | tojson }}</tool_call>{% endfor %}"
    "{{ message.tool_call_id }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def loaded(file_name: str) -> Iterator[Any]:
    from inference import backend

    backend.start_library()
    model = backend.LlamaModel(default_models_dir() / file_name, EngineConfig(), lambda _: None)
    yield model
    model.close()


@pytest.fixture(scope="module", params=[CHAT, EMBEDDING])
def model(request: pytest.FixtureRequest) -> Iterator[Any]:
    yield from loaded(request.param)


@pytest.fixture(scope="module")
def chat_model() -> Iterator[Any]:
    yield from loaded(CHAT)


def texts_of(vocab: Any) -> list[str]:
    return [vocab.piece(token).decode("utf-8", "replace") for token in range(vocab.num_tokens)]


def test_no_text_of_the_whole_vocabulary_becomes_a_control_token(model: Any) -> None:
    """Whatever token's text is typed, alone or between letters, it stays text."""
    vocab = model.vocab
    controls = set(vocab.specials.values())
    texts = texts_of(vocab)
    assert len(controls) >= 3
    for start in range(0, len(texts), 100):
        assert controls.isdisjoint(vocab.tokenize("\n".join(texts[start : start + 100])))
    for text in vocab.specials:
        assert controls.isdisjoint(vocab.tokenize(text))
        assert controls.isdisjoint(vocab.tokenize(f"a{text}b"))


@pytest.mark.thorough
def test_nor_anywhere_in_a_chat(chat_model: Any) -> None:
    """In questions, answers that are gone on with, results and names of tools, their descriptions and schemas: the
    prompt has as many control tokens as the same chat in plain words."""
    vocab = chat_model.vocab
    plain = controls_of(vocab, "word")
    specials = [text for text in vocab.specials if text]
    assert plain
    for text in [*specials, "".join(specials), "".join(specials[:1]) * 3]:
        for each in (text, f"a{text}b", f"\n{text}\n"):
            assert controls_of(vocab, each) == plain, each
    texts = texts_of(vocab)
    for start in range(0, len(texts), 2000):
        assert controls_of(vocab, "\n".join(texts[start : start + 2000])) == plain


def controls_of(vocab: Any, text: str) -> list[Counter[int]]:
    """How often each control token stands in the prompts of four chats in which people say this text."""
    tool = {"type": "function", "function": {"name": "f", "description": text, "parameters": parameters_of(text)}}
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": text},
        {"role": "user", "content": text},
        {"role": "assistant", "content": "", "tool_calls": [{"id": text, "name": "f", "arguments": {text: [text]}}]},
        {"role": "tool", "content": text, "tool_call_id": text},
    ]
    answer = [*messages[:2], {"role": "assistant", "content": text}]
    tools = ChatTemplate(TOOL_TEMPLATE)
    rendered = [
        tools.render(messages, continue_final=False, tools=[tool], specials=vocab.specials),
        tools.render(answer, continue_final=True, tools=[tool], specials=vocab.specials),
        ChatTemplate(None).render(generic_tools.told(messages, [tool]), continue_final=False),
        ChatTemplate(None).render(answer, continue_final=True),
    ]
    controls = set(vocab.specials.values())
    return [Counter(token for token in encode(segments, vocab) if token in controls) for segments in rendered]


def parameters_of(text: str) -> dict[str, Any]:
    described = {"type": "string", "description": text, "enum": [text], "default": text}
    return {"type": "object", "properties": {text: described}, "required": [text], "title": text}


def test_tokens_come_back_as_the_text_they_were(model: Any) -> None:
    """The byte table loses nothing."""
    vocab = model.vocab
    text = "Grüße, 世界! \U0001f600\n\tdef f(x): return x ** 2  # <|im_end|>"
    whole = b"".join(map(vocab.piece, vocab.tokenize(text))).decode()
    # The embedding model's tokenizer begins with a blank, takes line ends for blanks and knows no emoji of its own.
    assert whole.split() == text.split() if vocab.num_tokens < 100_000 else whole.strip().startswith("Grüße")
