"""The families. A family is told by the marks in its template; whoever has none gets the generic form."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

_NAME = r"([A-Za-z0-9_.-]{1,64}?)"


@dataclass(frozen=True, slots=True)
class Tags:
    """One argument in marks of its own. `opening` finds its name (and, in group 2, whether it is a text);
    `written` is the opening as the family writes it, `end` what closes the value."""

    opening: re.Pattern[str]
    written: str
    end: str
    line: str = ""  # what stands between marks and value


@dataclass(frozen=True, slots=True)
class Dialect:
    """One family's calls: `opens`, then calls, then `close` (or the answer's end). Each call is `head` with its name,
    then arguments, then `tail`; `before` and `after` are the same as the family writes them.

    form "json": the call is one JSON object. "object": the arguments are. "tags": each argument has its marks.
    "nested": so has everything inside of an argument, each mark behind `namespace`.
    "gemma", "python": arguments in a notation of their own, read once they are whole. "harmony": channels.
    """

    name: str
    form: Literal["json", "object", "tags", "nested", "gemma", "python", "harmony"]
    opens: str
    close: str = ""
    head: re.Pattern[str] | None = None
    tail: str = ""
    before: str = ""
    after: str = ""
    key: str = "arguments"
    is_list: bool = False  # calls stand in a JSON array
    is_repeated: bool = True  # each further call has marks of its own
    tags: Tags | None = None
    namespace: str = ""  # of "nested": what stands before every mark
    others: tuple[str, ...] = ()  # further marks that may begin calls
    controls: tuple[str, ...] = ()  # control tokens inside of it that its reader must see

    @property
    def marks(self) -> tuple[str, ...]:
        """What may begin calls in an answer."""
        return (self.opens, *self.others)


@dataclass(frozen=True, slots=True)
class Think:
    """What stands around reasoning. With `closes_alone` an answer without any begins with the closing mark."""

    opens: str
    close: str
    closes_alone: bool = False


GENERIC = Dialect("generic", "json", "<tool_call>", "</tool_call>", before="\n", after="\n")
_FUNCTION = re.compile(rf"\s*<function={_NAME}>\s*")
_PARAMETER = Tags(re.compile(r"\s*<parameter=([^>\n]{1,256})>"), "<parameter={key}>", "</parameter>", "\n")
_INVOKE = re.compile(r'\s*<invoke name="([^"\n]{1,64})">\s*')

_DEEPSEEK = re.compile(
    rf"\s*<｜tool▁call▁begin｜>(?:function<｜tool▁sep｜>)?{_NAME}\s*(?:<｜tool▁sep｜>|```json)\s*(?=\{{)"
)
_ARGS = re.compile(rf"\s*{_NAME}(?:\[CALL_ID\][A-Za-z0-9]{{0,32}})?(?:\[ARGS\])?\s*(?=\{{)")

_DSML = Dialect(
    "dsml",
    "tags",
    "<｜DSML｜function_calls>",
    "</｜DSML｜function_calls>",
    re.compile(r'\s*<｜DSML｜invoke name="([^"\n]{1,64})">\s*'),
    "</｜DSML｜invoke>",
    '\n<｜DSML｜invoke name="{name}">\n',
    "</｜DSML｜invoke>\n",
    is_repeated=False,
    tags=Tags(
        re.compile(r'\s*<｜DSML｜parameter name="([^"\n]{1,256})"(?: string="(true|false)")?>'),
        '<｜DSML｜parameter name="{key}" string="{is_text}">',
        "</｜DSML｜parameter>",
    ),
    controls=("｜DSML｜",),
)

# Stands before every mark of MiniMax-M3's calls.
_M3 = "]<]minimax[>["

# (what the template holds, the family), the more particular first.
_FAMILIES: tuple[tuple[tuple[str, ...], Dialect], ...] = (
    (
        ("<|channel|>", "<|message|>"),
        Dialect(
            "harmony", "harmony", "<|channel|>",
            controls=("<|channel|>", "<|message|>", "<|start|>", "<|end|>", "<|constrain|>", "<|call|>"),
        ),
    ),
    (
        ("<|tool_call>call:",),
        Dialect(
            "gemma", "gemma", "<|tool_call>", "<tool_call|>", re.compile(rf"\s*call:{_NAME}(?=\{{)"),
            before="call:{name}", controls=('<|"|>',),
        ),
    ),
    (("DSML", "function_calls>"), _DSML),
    (("DSML",), replace(_DSML, opens="<｜DSML｜tool_calls>", close="</｜DSML｜tool_calls>")),
    (
        ("<｜tool▁calls▁begin｜>", "```json"),
        Dialect(
            "deepseek-r1", "object", "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>",
            _DEEPSEEK,
            "<｜tool▁call▁end｜>", "<｜tool▁call▁begin｜>function<｜tool▁sep｜>{name}\n```json\n",
            "\n```<｜tool▁call▁end｜>",
            is_repeated=False, controls=("<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>", "<｜tool▁sep｜>"),
        ),
    ),
    (
        ("<｜tool▁calls▁begin｜>",),
        Dialect(
            "deepseek", "object", "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>",
            _DEEPSEEK,
            "<｜tool▁call▁end｜>", "<｜tool▁call▁begin｜>{name}<｜tool▁sep｜>", "<｜tool▁call▁end｜>",
            is_repeated=False, controls=("<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>", "<｜tool▁sep｜>"),
        ),
    ),
    (
        ("<|tool_calls_section_begin|>",),
        Dialect(
            "kimi", "object", "<|tool_calls_section_begin|>", "<|tool_calls_section_end|>",
            re.compile(rf"\s*<\|tool_call_begin\|>\s*(?:functions\.)?{_NAME}(?::\d+)?\s*<\|tool_call_argument_begin\|>\s*(?=\{{)"),
            "<|tool_call_end|>", "<|tool_call_begin|>functions.{name}:{number}<|tool_call_argument_begin|>",
            "<|tool_call_end|>", is_repeated=False,
            controls=("<|tool_call_begin|>", "<|tool_call_argument_begin|>", "<|tool_call_end|>"),
        ),
    ),
    (
        ("]<]minimax[>[", "<invoke name="),
        Dialect(
            "minimax-m3", "nested", f"{_M3}<tool_call>", f"{_M3}</tool_call>",
            re.compile(rf'\s*{re.escape(_M3)}<invoke name="([^"\n]{{1,64}})">'), f"{_M3}</invoke>",
            f'{_M3}<invoke name="{{name}}">', f"{_M3}</invoke>", is_repeated=False, controls=(_M3,), namespace=_M3,
        ),
    ),
    (
        ("<minimax:tool_call>",),
        Dialect(
            "minimax", "tags", "<minimax:tool_call>", "</minimax:tool_call>", _INVOKE, "</invoke>",
            '\n<invoke name="{name}">\n', "</invoke>\n", is_repeated=False,
            tags=Tags(re.compile(r'\s*<parameter name="([^"\n]{1,256})">'), '<parameter name="{key}">', "</parameter>"),
        ),
    ),
    (
        ("<seed:tool_call>",),
        Dialect(
            "seed", "tags", "<seed:tool_call>", "</seed:tool_call>", _FUNCTION, "</function>",
            "\n<function={name}>\n", "</function>\n",
            tags=Tags(_PARAMETER.opening, _PARAMETER.written, _PARAMETER.end),
        ),
    ),
    (
        ("<arg_key>",),
        Dialect(
            "glm", "tags", "<tool_call>", "</tool_call>",
            re.compile(rf"\s*{_NAME}\s*(?=<arg_key>|</tool_call>)"), "", "{name}\n",
            tags=Tags(
                re.compile(r"\s*<arg_key>([^<\n]{1,256})</arg_key>\s*<arg_value>"),
                "<arg_key>{key}</arg_key>\n<arg_value>", "</arg_value>",
            ),
            controls=("<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>"),
        ),
    ),
    (
        ("<function=", "<|python_tag|>"),
        Dialect(
            "functionary", "object", "<function=", "",
            re.compile(rf"{_NAME}>\s*(?=\{{)"), "</function>", "{name}>", "</function>",
        ),
    ),
    (
        ("<function=", "<tool_call>"),
        Dialect(
            "qwen-coder", "tags", "<tool_call>", "</tool_call>", _FUNCTION, "</function>",
            "\n<function={name}>\n", "</function>\n", tags=_PARAMETER,
        ),
    ),
    (
        ("[TOOL_CALLS]", "[ARGS]"),
        Dialect(
            "mistral", "object", "[TOOL_CALLS]", "",
            _ARGS, "", "{name}[ARGS]",
            controls=("[ARGS]", "[CALL_ID]"),
        ),
    ),
    (
        ("[TOOL_CALLS]",),
        Dialect(
            "mistral-json", "json", "[TOOL_CALLS]", head=_ARGS, is_list=True, is_repeated=False,
            controls=("[ARGS]", "[CALL_ID]"),
        ),
    ),
    (
        ("<|START_ACTION|>",),
        Dialect(
            "cohere", "json", "<|START_ACTION|>", "<|END_ACTION|>", key="parameters", is_list=True, is_repeated=False
        ),
    ),
    (("<|tool_call_start|>",), Dialect("lfm", "python", "<|tool_call_start|>", "<|tool_call_end|>", is_repeated=False)),
    (("<TOOLCALL>",), Dialect("nemotron", "json", "<TOOLCALL>", "</TOOLCALL>", is_list=True, is_repeated=False)),
    (
        ("<|python_tag|>",),
        Dialect("llama", "json", "<|python_tag|>", key="parameters", is_repeated=False),
    ),
    (
        ('"parameters": dictionary of argument name',),
        Dialect("llama", "json", "<|python_tag|>", key="parameters", is_repeated=False),
    ),
    (
        ("<tool_calls>\\n{",),  # as a template spells it: MiniMax-M1, one object a line
        Dialect("minimax-m1", "json", "<tool_calls>", "</tool_calls>", before="\n", after="\n", is_repeated=False),
    ),
    (("<tool_calls>[",), Dialect("list", "json", "<tool_calls>", "</tool_calls>", is_list=True, is_repeated=False)),
    (("<tool_call>",), Dialect("hermes", "json", "<tool_call>", "</tool_call>", before="\n", after="\n")),
    (("<tool_calls>",), Dialect("list", "json", "<tool_calls>", "</tool_calls>", is_list=True, is_repeated=False)),
    (("<|tool_call|>",), Dialect("granite", "json", "<|tool_call|>", is_list=True, is_repeated=False)),
    (("functools[",), Dialect("firefunction", "json", "functools", is_list=True, is_repeated=False)),
)  # fmt: skip

_THINKS = (
    Think("<mm:think>", "</mm:think>", closes_alone=True),
    Think("<think>", "</think>"),
    Think("[THINK]", "[/THINK]"),
    Think("<|channel>thought\n", "<channel|>"),
    Think("<seed:think>", "</seed:think>"),
    Think("<|START_THINKING|>", "<|END_THINKING|>"),
    Think("<|inner_prefix|>", "<|inner_suffix|>"),
)


def dialect_of(template: str | None) -> Dialect:
    """How a model with this template writes its calls."""
    text = template or ""
    return next((dialect for marks, dialect in _FAMILIES if all(mark in text for mark in marks)), GENERIC)


def think_of(template: str | None) -> Think | None:
    """How a model with this template marks its reasoning; None when it has none."""
    text = template or ""
    return next((each for each in _THINKS if each.opens.strip() in text), None)
