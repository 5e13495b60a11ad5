"""From offered tools, or a wanted schema, to a grammar in the family's own form.

With tool_choice "auto" the grammar waits for the mark that opens calls; forced calls and schemas are held from the
first token, reasoning before them included. What follows a call is another call or the end.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inference import schema
from inference.dialects.calls import is_text
from inference.dialects.families import Dialect, Think
from inference.dialects.nested_grammar import CannotHold, NestedArguments


@dataclass(frozen=True, slots=True)
class Constraint:
    """GBNF for an answer. With `triggers` it begins only after one of these marks, (mark, only at the very start of the
    answer, rule that goes on from there); `controls` are the control tokens that it may use, by their text."""

    text: str
    triggers: tuple[tuple[str, bool, str], ...] = ()
    controls: tuple[str, ...] = ()


def form_constraint(wanted: Any, dialect: Dialect, think: Think | None, opening: str) -> Constraint:
    """An answer that is JSON of this schema. Raises SchemaRefused."""
    writer = schema.Writer()
    form = writer.expression(wanted)
    if dialect.form == "harmony":
        begin = f'{_analysis(writer)} "<|channel|>final" (" <|constrain|>json")? "<|message|>"'
        return Constraint(writer.text(f"{begin} {form}"), controls=dialect.controls)
    return Constraint(writer.text(f"{_reasoning(writer, think, opening)} {form}"), controls=_thinking(think))


def call_constraint(
    tools: Sequence[Mapping[str, Any]],
    dialect: Dialect,
    think: Think | None = None,
    opening: str = "",
    *,
    is_forced: bool,
    is_parallel: bool = True,
) -> Constraint | None:
    """Calls of these tools. Raises CannotHold where one is promised and cannot be held; None when an "auto" call of
    this family is not held to anything."""
    writer = schema.Writer()
    calls = _Calls(writer, dialect, strict=is_forced)
    marks = (*dialect.marks, dialect.close, *dialect.controls, *_thinking(think))
    if dialect.form == "harmony":
        return _channel_calls(writer, calls, tools, marks, is_forced=is_forced)
    has_own_notation = dialect.form in ("gemma", "python")
    if has_own_notation and not is_forced:
        return None
    if has_own_notation or (dialect.name == "llama" and is_forced):
        plain = " | ".join(calls.bare(tool) for tool in tools)  # a reader of any family knows this form
        return Constraint(writer.text(f"{_reasoning(writer, think, opening)} ({plain})"), controls=_thinking(think))
    calls.write(tools, is_parallel=is_parallel)
    if is_forced:
        root = f"{_reasoning(writer, think, opening)} {schema.literal(dialect.opens)} section"
        return Constraint(writer.text(root), controls=marks)
    triggers = [(dialect.opens, False, "section")]
    if dialect.name in ("generic", "llama"):
        writer.rules["bare"] = " | ".join(calls.after_name(tool) for tool in tools)
        triggers.append(('{"name":', True, "bare"))
    return Constraint(writer.text("section"), tuple(triggers), marks)


def _channel_calls(
    writer: schema.Writer, calls: _Calls, tools: Sequence[Mapping[str, Any]], marks: tuple[str, ...], *, is_forced: bool
) -> Constraint:
    writer.rules["section"] = " | ".join(
        f"{schema.literal(tool['function']['name'] + ' <|constrain|>json<|message|>')} {calls.arguments(tool)}"
        for tool in tools
    )
    opens = "<|channel|>commentary to=functions."
    if is_forced:
        return Constraint(writer.text(f"{_analysis(writer)} {schema.literal(opens)} section"), controls=marks)
    return Constraint(writer.text("section"), ((opens, False, "section"),), marks)


def _analysis(writer: schema.Writer) -> str:
    writer.rules |= schema.until("<|end|>", "analysis")
    return '("<|channel|>analysis<|message|>" analysis "<|start|>assistant")?'


def _reasoning(writer: schema.Writer, think: Think | None, opening: str) -> str:
    """What may, or after an opening must, come before the form begins."""
    if think is None:
        return ""
    writer.rules |= schema.until(think.close, "reasoning")
    writer.rules["blank"] = "[ \\n]{0,3}"
    return "reasoning blank" if opening else f"({schema.literal(think.opens)} reasoning blank)?"


def _thinking(think: Think | None) -> tuple[str, ...]:
    return (think.opens, think.close) if think else ()


class _Calls:
    """Writes the rules of a family's calls."""

    def __init__(self, writer: schema.Writer, dialect: Dialect, *, strict: bool) -> None:
        self._writer = writer
        self._dialect = dialect
        self._strict = strict

    def write(self, tools: Sequence[Mapping[str, Any]], *, is_parallel: bool) -> None:
        """`section`: what follows the opening mark."""
        dialect, rules = self._dialect, self._writer.rules
        rules["call"] = " | ".join(map(self._call, tools))
        rules["blank"] = "[ \\n]{0,3}"
        close = schema.literal(dialect.close) if dialect.close else '""'
        if dialect.form == "nested":
            more = "(call blank)*" if is_parallel else ""
            rules["section"] = f"blank call blank {more} {close}"
        elif dialect.is_list:
            more = '("," blank call)*' if is_parallel else ""
            rules["section"] = f'blank "[" blank call {more} blank "]" {close}'
        elif dialect.is_repeated:
            again = f"(blank {schema.literal(dialect.opens)} section)?" if is_parallel else ""
            rules["section"] = f"call {close} {again}"
        else:
            more = "([;\\n] blank call)*" if dialect.form == "json" else "(blank call)*"
            rules["section"] = f"call {more if is_parallel else ''} {close}"

    def arguments(self, tool: Mapping[str, Any]) -> str:
        """The arguments as one JSON object; any object, where nothing was promised and the schema cannot be held."""
        return self._held(tool["function"], {"type": "object"} | tool["function"]["parameters"], "object")

    def _held(self, function: Mapping[str, Any], wanted: Any, otherwise: str) -> str:
        try:
            schema.Writer().expression(wanted)  # on a sheet of its own: what is refused leaves nothing behind
        except schema.SchemaRefused as error:
            if self._strict or function.get("strict"):
                raise CannotHold(f"{function['name']!r} cannot be held to its parameters: {error}") from None
            return otherwise
        return self._writer.expression(wanted)

    def bare(self, tool: Mapping[str, Any]) -> str:
        return f'"{{" ws "\\"name\\":" {self.after_name(tool)}'

    def after_name(self, tool: Mapping[str, Any]) -> str:
        """The rest of {"name": NAME, "arguments": {…}}."""
        name = schema.literal(json.dumps(tool["function"]["name"]))
        key = schema.literal(json.dumps(self._dialect.key))
        return f'ws {name} ws "," ws {key} ws ":" ws {self.arguments(tool)} ws "}}"'

    def _call(self, tool: Mapping[str, Any]) -> str:
        dialect, name = self._dialect, tool["function"]["name"]
        if dialect.form == "json":
            return f'blank "{{" ws "\\"name\\":" {self.after_name(tool)} blank'
        pieces = dialect.before.replace("{name}", name).split("{number}")
        before = " [0-9]{1,3} ".join(map(schema.literal, pieces))
        inside = self._inside(tool)
        after = f" {schema.literal(dialect.after)}" if dialect.after else ""
        return f"{before} {inside}{after}"

    def _inside(self, tool: Mapping[str, Any]) -> str:
        if self._dialect.form == "nested":
            return NestedArguments(self._writer, self._dialect.namespace, tool, strict=self._strict).written()
        return self._tagged(tool) if self._dialect.tags else self.arguments(tool)

    def _tagged(self, tool: Mapping[str, Any]) -> str:
        """Each argument in its marks, in the order of the schema; a text as it is, all else as JSON."""
        parameters = tool["function"]["parameters"]
        properties, required = parameters.get("properties"), parameters.get("required")
        if not isinstance(properties, dict) or not all(_is_simple(key) for key in properties):
            properties = {}
        parts = []
        for key, each in properties.items():
            rule = self._writer.rule(self._tag(tool, key, each if isinstance(each, dict) else {}))
            parts.append(rule if isinstance(required, list) and key in required else f"{rule}?")
        return " ".join(parts) or '""'

    def _tag(self, tool: Mapping[str, Any], key: str, wanted: Mapping[str, Any]) -> str:
        tags = self._dialect.tags
        if tags is None:
            return '""'
        text_only = is_text(wanted)
        opening = schema.literal(tags.written.format(key=key, is_text="true" if text_only else "false") + tags.line)
        end = tags.line + tags.end
        if not text_only:
            parameters = tool["function"]["parameters"]
            shared = {each: parameters[each] for each in ("$defs", "definitions") if each in parameters}
            value = self._held(tool["function"], {**wanted, **shared}, "value")
            return f"{opening} {value} {schema.literal(end)} blank"
        values = wanted.get("enum", [wanted["const"]] if "const" in wanted else [])
        if values:
            return f"{opening} ({schema.any_text_of(values)}) {schema.literal(end)} blank"
        name = f"text{len(self._writer.rules)}x"
        self._writer.rules |= schema.until(end, name)
        return f"{opening} {name} blank"


def _is_simple(key: str) -> bool:
    return key.replace("_", "").replace("-", "").replace(".", "").isalnum()
