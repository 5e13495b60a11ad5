"""Words, reasoning and calls, out of a model's text in any pieces."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference import wire
from inference.dialects import dialect_of, think_of
from inference.parsing import AnswerParser, Style, opening_of

TOOLS: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "days": {"type": "integer"}, "tags": {"type": "array"}},
            },
        },
    },
    {"type": "function", "function": {"name": "stop", "parameters": {"type": "object", "properties": {}}}},
]
HERMES = "<think></think><tool_call>"
BOTH = Style.of(HERMES, TOOLS)


def parsed(text: str, style: Style, size: int = 3) -> tuple[str, str, list[tuple[str, object]]]:
    """(content, reasoning, calls) when the text comes in pieces of that size."""
    parser = AnswerParser(style)
    said = [piece for n in range(0, len(text), size) for piece in parser.feed(text[n : n + size])]
    said += parser.finish()
    deltas = [piece for piece in said if isinstance(piece, wire.Delta)]
    pieces = [piece for piece in said if isinstance(piece, wire.CallPiece)]
    calls: list[tuple[str, str]] = []
    for piece in pieces:
        if piece.id:
            assert piece.number == len(calls)
            calls.append((piece.name, ""))
        calls[piece.number] = (calls[piece.number][0], calls[piece.number][1] + piece.arguments)
    read = [(name, json.loads(arguments)) for name, arguments in calls]
    return "".join(d.text for d in deltas), "".join(d.reasoning for d in deltas), read


ARGUMENTS = {"city": "Köln", "days": 3, "tags": ["a", {"b": "}</x>"}]}
AS_JSON = json.dumps(ARGUMENTS, ensure_ascii=False)
CALL = {"name": "weather", "arguments": ARGUMENTS}
M3 = "]<]minimax[>["
# (what the family's template holds, a call as the family writes it)
FAMILIES = {
    "hermes": (HERMES, f"<tool_call>\n{json.dumps(CALL)}\n</tool_call>"),
    "hermes without blanks": (HERMES, f"<tool_call>{json.dumps(CALL)}</tool_call>"),
    "generic": ("", f"  {json.dumps(CALL)}"),
    "generic, other key": ("", f'{{"name": "weather", "parameters": {AS_JSON}}}'),
    "generic, other order": ("", f'{{"arguments": {AS_JSON}, "name": "weather"}}'),
    "generic, as OpenAI": ("", f'{{"type": "function", "function": {{"name": "weather", "arguments": {AS_JSON}}}}}'),
    "generic, in a list": ("", f"[{json.dumps(CALL)}]"),
    "llama": ("<|python_tag|>", f"<|python_tag|>{json.dumps(CALL)}"),
    "llama, bare": ("<|python_tag|>", f'{{"name": "weather", "parameters": {AS_JSON}}}'),
    "mistral": ("[TOOL_CALLS][ARGS]", f"[TOOL_CALLS]weather[ARGS]{AS_JSON}"),
    "mistral with an id": ("[TOOL_CALLS][ARGS]", f"[TOOL_CALLS]weather[CALL_ID]abcdef123[ARGS]{AS_JSON}"),
    "mistral, older": ("[TOOL_CALLS]", f"[TOOL_CALLS][{json.dumps(CALL)}]"),
    "qwen-coder": (
        "<tool_call><function=",
        "<tool_call>\n<function=weather>\n<parameter=city>\nKöln\n</parameter>\n<parameter=days>\n3\n</parameter>\n"
        '<parameter=tags>\n["a", {"b": "}</x>"}]\n</parameter>\n</function>\n</tool_call>',
    ),
    "seed": (
        "<seed:tool_call><function=",
        "<seed:tool_call>\n<function=weather>\n<parameter=city>Köln</parameter>\n<parameter=days>3</parameter>\n"
        '<parameter=tags>["a", {"b": "}</x>"}]</parameter>\n</function>\n</seed:tool_call>',
    ),
    "glm": (
        "<tool_call><arg_key>",
        "<tool_call>weather\n<arg_key>city</arg_key>\n<arg_value>Köln</arg_value>\n<arg_key>days</arg_key>\n"
        '<arg_value>3</arg_value>\n<arg_key>tags</arg_key>\n<arg_value>["a", {"b": "}</x>"}]</arg_value>\n</tool_call>',
    ),
    "minimax": (
        "<minimax:tool_call>",
        '<minimax:tool_call>\n<invoke name="weather">\n<parameter name="city">Köln</parameter>\n'
        '<parameter name="days">3</parameter>\n<parameter name="tags">["a", {"b": "}</x>"}]</parameter>\n</invoke>\n'
        "</minimax:tool_call>",
    ),
    "minimax-m1": ('<tool_calls>\\n{"name"', f"<tool_calls>\n{json.dumps(CALL)}\n</tool_calls>"),
    "minimax-m3": (
        f"{M3} <invoke name=",
        f'{M3}<tool_call>\n{M3}<invoke name="weather">{M3}<city>Köln{M3}</city>{M3}<days>3{M3}</days>'
        f"{M3}<tags>{M3}<item>a{M3}</item>{M3}<item>{M3}<b>}}</x>{M3}</b>{M3}</item>{M3}</tags>{M3}</invoke>\n"
        f"{M3}</tool_call>",
    ),
    "firefunction": ("functools[", f" functools[{json.dumps(CALL)}]"),
    "dsml": (
        "DSML function_calls>",
        '<｜DSML｜function_calls>\n<｜DSML｜invoke name="weather">\n'
        '<｜DSML｜parameter name="city" string="true">Köln</｜DSML｜parameter>\n'
        '<｜DSML｜parameter name="days" string="false">3</｜DSML｜parameter>\n'
        '<｜DSML｜parameter name="tags" string="false">["a", {"b": "}</x>"}]</｜DSML｜parameter>\n'
        "</｜DSML｜invoke>\n</｜DSML｜function_calls>",
    ),
    "deepseek": (
        "<｜tool▁calls▁begin｜>",
        f"<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>weather<｜tool▁sep｜>{AS_JSON}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
    ),
    "deepseek-r1": (
        "<｜tool▁calls▁begin｜>```json",
        f"<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>weather\n```json\n{AS_JSON}\n```"
        "<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
    ),
    "kimi": (
        "<|tool_calls_section_begin|>",
        "<|tool_calls_section_begin|><|tool_call_begin|>functions.weather:0<|tool_call_argument_begin|>"
        f"{AS_JSON}<|tool_call_end|><|tool_calls_section_end|>",
    ),
    "harmony": (
        "<|channel|><|message|>",
        f"<|channel|>commentary to=functions.weather <|constrain|>json<|message|>{AS_JSON}<|call|>",
    ),
    "harmony, other order": (
        "<|channel|><|message|>",
        f" to=functions.weather<|channel|>commentary json<|message|>{AS_JSON}",
    ),
    "gemma": (
        "<|tool_call>call:",
        '<|tool_call>call:weather{city:<|"|>Köln<|"|>,days:3,tags:[<|"|>a<|"|>,{b:<|"|>}</x><|"|>}]}<tool_call|>',
    ),
    "lfm": (
        "<|tool_call_start|>",
        "<|tool_call_start|>[weather(city='Köln', days=3, tags=['a', {'b': '}</x>'}])]<|tool_call_end|>",
    ),
    "cohere": (
        "<|START_ACTION|>",
        f'<|START_ACTION|>[{{"tool_call_id": "0", "tool_name": "weather", "parameters": {AS_JSON}}}]<|END_ACTION|>',
    ),
    "nemotron": ("<TOOLCALL>", f"<TOOLCALL>[{json.dumps(CALL)}]</TOOLCALL>"),
    "list": ("<tool_calls>", f"<tool_calls>[{json.dumps(CALL)}]</tool_calls>"),
    "granite": ("<|tool_call|>", f"<|tool_call|>[{json.dumps(CALL)}]"),
    "functionary": ("<function=<|python_tag|>", f"<function=weather>{AS_JSON}</function>"),
}


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize("name", FAMILIES)
def test_each_family_of_calls_is_understood(name: str, size: int) -> None:
    """And nothing of the call is left in the text, however it is cut into pieces."""
    template, text = FAMILIES[name]
    content, _, calls = parsed(text, Style.of(template, TOOLS), size)
    assert calls == [("weather", ARGUMENTS)]
    assert content.strip() == ""


@pytest.mark.parametrize(
    "name", [n for n in FAMILIES if not n.startswith(("generic", "llama", "harmony", "granite", "mistral"))]
)
def test_words_before_a_call_are_words(name: str) -> None:
    """And two calls are two, in a section or in one each."""
    template, text = FAMILIES[name]
    content, _, calls = parsed(f"Let me look.\n{text}", Style.of(template, TOOLS))
    assert content.strip() == "Let me look."
    assert calls == [("weather", ARGUMENTS)]


@pytest.mark.parametrize("name", ["hermes", "qwen-coder", "glm", "seed", "mistral", "functionary"])
def test_several_calls_each_with_its_marks(name: str) -> None:
    """Numbered in their order."""
    template, text = FAMILIES[name]
    assert parsed(f"{text}\n{text}", Style.of(template, TOOLS))[2] == [("weather", ARGUMENTS)] * 2


def test_several_calls_in_one_section() -> None:
    """A list, a row of objects, or calls that follow one another."""
    both = f"{json.dumps(CALL)}, {json.dumps({'name': 'stop', 'arguments': {}})}"
    expected = [("weather", ARGUMENTS), ("stop", {})]
    assert parsed(f"[TOOL_CALLS][{both}]", Style.of("[TOOL_CALLS]", TOOLS))[2] == expected
    assert parsed(both.replace("}, {", "}; {"), Style.of("<|python_tag|>", TOOLS))[2] == expected
    one = "<｜tool▁call▁begin｜>{}<｜tool▁sep｜>{}<｜tool▁call▁end｜>"
    section = f"<｜tool▁calls▁begin｜>{one.format('weather', AS_JSON)}\n{one.format('stop', '{}')}<｜tool▁calls▁end｜>"
    assert parsed(section, Style.of("<｜tool▁calls▁begin｜>", TOOLS))[2] == expected


def test_arguments_come_while_they_are_written() -> None:
    """First number, id and name, then pieces; nothing waits for the end of the call."""
    parser = AnswerParser(BOTH)
    first = list(parser.feed('<tool_call>{"name": "weather", "arguments": {"city": "Kö'))
    more = list(parser.feed('ln", "tags"'))
    assert [type(piece) for piece in first] == [wire.CallPiece] * 2
    assert isinstance(first[0], wire.CallPiece)
    assert (first[0].name, first[0].arguments) == ("weather", "")
    assert [piece.arguments for piece in (*first, *more) if isinstance(piece, wire.CallPiece)] == [
        "",
        '{"city": "Kö',
        'ln", "tags"',
    ]
    parser = AnswerParser(Style.of(*FAMILIES["qwen-coder"][:1], TOOLS))
    told = list(parser.feed('<tool_call>\n<function=weather>\n<parameter=city>\nK"ö'))
    assert "".join(p.arguments for p in told if isinstance(p, wire.CallPiece)) == '{"city": "K\\"ö'


def test_nested_marks_come_while_they_are_written_and_mean_what_the_schema_says() -> None:
    """A text is passed on before its mark closes; lists, objects and numbers inside are told by the schema."""
    schema = {
        "type": "object",
        "properties": {
            "note": {"type": "string"},
            "rows": {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "string"}}}},
            "none": {"type": "array"},
            "item": {"type": "object"},
        },
    }
    tools = [{"type": "function", "function": {"name": "keep", "parameters": schema}}]
    style = Style.of(f"{M3} <invoke name= <mm:think>", tools)
    parser = AnswerParser(style)
    begun = [*parser.feed(f'</mm:think>Now. {M3}<tool_call>\n{M3}<invoke name="keep">{M3}<note>12 "a')]
    assert "".join(piece.arguments for piece in begun if isinstance(piece, wire.CallPiece)) == '{"note": "12 \\"a'
    assert "".join(piece.text for piece in begun if isinstance(piece, wire.Delta)).strip() == "Now."
    rest = (
        f"{M3}</note>{M3}<rows>{M3}<item>{M3}<n>7{M3}</n>{M3}</item>{M3}<item>{M3}<n>x{M3}</n>{M3}</item>{M3}</rows>"
        f"{M3}<none>{M3}</none>{M3}<item>{M3}<item>1{M3}</item>{M3}</item>{M3}</invoke>\n{M3}</tool_call>"
    )
    pieces = [*begun, *parser.feed(rest), *parser.finish()]
    written = "".join(piece.arguments for piece in pieces if isinstance(piece, wire.CallPiece))
    assert json.loads(written) == {
        "note": '12 "a', "rows": [{"n": "7"}, {"n": "x"}], "none": [], "item": {"item": 1}
    }  # fmt: skip


def test_a_text_argument_stays_a_text() -> None:
    """Whatever it looks like: the schema says so, and a number elsewhere stays a number."""
    text = "<tool_call><function=weather><parameter=city>\n12\n</parameter><parameter=days>12</parameter></function>"
    assert parsed(text, Style.of("<tool_call><function=", TOOLS))[2] == [("weather", {"city": "12", "days": 12})]


def test_json_that_is_no_call_streams_as_text() -> None:
    """An answer in JSON does not wait for its end only because tools were offered."""
    parser = AnswerParser(BOTH)
    assert "".join(p.text for p in parser.feed('{"city": "Bo') if isinstance(p, wire.Delta)) == '{"city": "Bo'


def test_reasoning_is_parted_from_the_answer() -> None:
    """Also when the end comes before the reasoning ends, and in each notation."""
    assert parsed("<think>\nHm.\n</think>\n\nYes.", BOTH)[:2] == ("Yes.", "\nHm.\n")
    assert parsed("<think>Hm, <b", BOTH)[:2] == ("", "Hm, <b")
    assert parsed("[THINK]Hm.[/THINK]Yes.", Style.of("[THINK]", []))[:2] == ("Yes.", "Hm.")
    channels = "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Yes.<|return|>"
    for size in (1, 5, 100):
        assert parsed(channels, Style.of("<|channel|><|message|>", []), size)[:2] == ("Yes.", "Hm.")


def test_reasoning_then_a_call() -> None:
    """In the two orders in which models do it."""
    assert parsed(f"<think>Hm.</think>\n{FAMILIES['hermes'][1]}", BOTH)[1:] == ("Hm.", [("weather", ARGUMENTS)])
    text = f"<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant{FAMILIES['harmony'][1]}"
    assert parsed(text, Style.of("<|channel|><|message|>", TOOLS)) == ("", "Hm.", [("weather", ARGUMENTS)])


def test_a_template_that_begins_to_reason_is_seen() -> None:
    """The answer's reader must know it, because the answer does not say it."""
    think = think_of("... <think> ...")
    assert opening_of("<|im_start|>assistant\n<think>\n", think) == "<think>"
    assert opening_of("<|im_start|>assistant\n<think>\n\n</think>\n\n", think) == ""
    assert opening_of("<|im_start|>assistant\n", None) == ""


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1}', "<tool_call>nonsense</tool_call>", "<tool_call>{", "[1, 2]", "{{", "<tool_call>",
        '{"name": "Bob", "arguments": {"a": 1}}', '{"name": "weather"',
        '<tool_call>{"name": 7, "arguments": {}}</tool_call>',
    ],
)  # fmt: skip
def test_what_is_no_call_is_text_after_all(text: str) -> None:
    """Nothing is lost; a bare object that names no offered function is somebody's JSON."""
    content, _, calls = parsed(text, BOTH)
    assert (content, calls) == (text, [])


@pytest.mark.parametrize("name", FAMILIES)
def test_broken_calls_of_each_family_lose_nothing(name: str) -> None:
    """Cut off anywhere, a call is text, or a call with the arguments so far."""
    template, text = FAMILIES[name]
    style = Style.of(template, TOOLS)
    for length in range(0, len(text), 5):
        parser = AnswerParser(style)
        said = [*parser.feed(text[:length]), *parser.finish()]
        has_call = any(isinstance(piece, wire.CallPiece) for piece in said)
        words = "".join(piece.text for piece in said if isinstance(piece, wire.Delta))
        assert has_call or words.strip() == text[:length].strip() or style.dialect.form == "harmony"


@given(st.text(alphabet='<>/thinktool_c[]TOOLCAS{}":, \n', max_size=60), st.integers(1, 9))
def test_no_text_is_lost_or_doubled(text: str, size: int) -> None:
    """Whatever the pieces, all that is no mark, no call and no blank comes out once."""
    content, reasoning, calls = parsed(text, BOTH, size)
    if not calls and "<think>" not in text and "</think>" not in text:
        assert (content + reasoning).split() == text.split()


@given(
    st.sampled_from(sorted(FAMILIES)),
    st.text(alphabet="<>/[]{}\"':,|=\n x", max_size=20),
    st.integers(0, 200),
    st.integers(1, 9),
)
def test_the_pieces_make_no_difference(name: str, noise: str, place: int, size: int) -> None:
    """A call with noise somewhere in it means the same, in pieces of any size."""
    template, text = FAMILIES[name]
    text = text[: place % len(text)] + noise + text[place % len(text) :]
    results = []
    for each in (size, 10_000):
        parser = AnswerParser(Style.of(template, TOOLS))
        said = [piece for n in range(0, len(text), each) for piece in parser.feed(text[n : n + each])]
        said += parser.finish()
        calls = "".join(f"{p.number}{p.name}{p.arguments}" for p in said if isinstance(p, wire.CallPiece) and p.name)
        results.append((calls, "".join(p.text + p.reasoning for p in said if isinstance(p, wire.Delta)).strip()))
    assert results[0] == results[1]


def test_without_tools_everything_is_text() -> None:
    """Nobody asked for calls, so what looks like one was said."""
    text = f"<tool_call>{json.dumps(CALL)}</tool_call><think>"
    assert parsed(text, Style())[0] == text


@pytest.mark.parametrize(
    ("template", "family"),
    [
        (None, "generic"),
        ("... [TOOL_CALLS] ...", "mistral-json"),
        ("<|python_tag|>", "llama"),
        ("<tool_call>", "hermes"),
        ("{{ '<tool_call>\\n<function=' }}", "qwen-coder"),
    ],
)
def test_the_family_is_told_from_the_template(template: str | None, family: str) -> None:
    """By the marks that its own calls carry."""
    assert dialect_of(template).name == family
