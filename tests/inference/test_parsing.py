"""Words, reasoning and calls, out of a model's text in any pieces."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference import wire
from inference.parsing import AnswerParser, Style, family_of

BOTH = Style(has_tools=True, thinks=True)


def parsed(text: str, style: Style, size: int = 3) -> tuple[str, str, list[tuple[str, object]]]:
    """(content, reasoning, calls) when the text comes in pieces of that size."""
    parser = AnswerParser(style)
    said = [piece for n in range(0, len(text), size) for piece in parser.feed(text[n : n + size])]
    said += parser.finish()
    deltas = [piece for piece in said if isinstance(piece, wire.Delta)]
    calls = [(call.name, json.loads(call.arguments)) for call in said if isinstance(call, wire.ToolCall)]
    return "".join(d.text for d in deltas), "".join(d.reasoning for d in deltas), calls


CALL = {"name": "weather", "arguments": {"city": "Köln"}}


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize(
    "text",
    [
        f"<tool_call>\n{json.dumps(CALL)}\n</tool_call>",
        f"[TOOL_CALLS][{json.dumps(CALL)}]",
        '[TOOL_CALLS]weather[ARGS]{"city": "Köln"}',
        f"<|python_tag|>{json.dumps(CALL)}",
        '{"name": "weather", "parameters": {"city": "Köln"}}',
        f"  {json.dumps(CALL)}",
    ],
)
def test_each_family_of_calls_is_understood(text: str, size: int) -> None:
    """And nothing of the call is left in the text."""
    content, _, calls = parsed(text, BOTH, size)
    assert calls == [("weather", {"city": "Köln"})]
    assert content.strip() == ""


def test_several_calls_and_words_before_them() -> None:
    """The words go out as words."""
    block = f"<tool_call>{json.dumps(CALL)}</tool_call>"
    content, _, calls = parsed(f"Let me look.\n{block}\n{block}", BOTH)
    assert content.strip() == "Let me look."
    assert len(calls) == 2


def test_reasoning_is_parted_from_the_answer() -> None:
    """Also when the end comes before the reasoning ends."""
    assert parsed("<think>\nHm.\n</think>\n\nYes.", BOTH)[:2] == ("Yes.", "\nHm.\n")
    assert parsed("<think>Hm, <b", BOTH)[:2] == ("", "Hm, <b")


@pytest.mark.parametrize(
    "text", ['{"a": 1}', "<tool_call>nonsense</tool_call>", "<tool_call>{", "[TOOL_CALLS]x", "[1, 2]", "{{"]
)
def test_what_is_no_call_is_text_after_all(text: str) -> None:
    """Nothing is lost."""
    content, _, calls = parsed(text, BOTH)
    assert (content, calls) == (text, [])


@given(st.text(alphabet='<>/thinktool_c[]TOOLCAS{}":, \n', max_size=60), st.integers(1, 9))
def test_no_text_is_lost_or_doubled(text: str, size: int) -> None:
    """Whatever the pieces, all that is no mark, no call and no blank comes out once."""
    content, reasoning, calls = parsed(text, BOTH, size)
    if not calls and "<think>" not in text and "</think>" not in text:
        assert (content + reasoning).split() == text.split()


def test_without_tools_everything_is_text() -> None:
    """Nobody asked for calls, so what looks like one was said."""
    text = f"<tool_call>{json.dumps(CALL)}</tool_call><think>"
    assert parsed(text, Style())[0] == text


@pytest.mark.parametrize(
    ("template", "family"),
    [(None, "generic"), ("... [TOOL_CALLS] ...", "mistral"), ("<|python_tag|>", "llama"), ("<tool_call>", "hermes")],
)
def test_the_family_is_told_from_the_template(template: str | None, family: str) -> None:
    """By the mark that its own calls carry."""
    assert family_of(template) == family
