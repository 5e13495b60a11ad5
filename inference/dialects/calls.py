"""The calls of one answer, as events: a first piece with number, id and name, then its arguments in pieces."""

from __future__ import annotations

import ast
import json
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from inference import wire


class Calls:
    """Counts the calls and knows which functions were offered."""

    def __init__(self, tools: Sequence[Mapping[str, Any]]) -> None:
        self._parameters = {tool["function"]["name"]: tool["function"]["parameters"] for tool in tools}
        self.num = 0

    def has(self, name: str) -> bool:
        return name in self._parameters

    def begin(self, name: str) -> wire.CallPiece:
        self.num += 1
        return wire.CallPiece(self.num - 1, "", f"call_{secrets.token_hex(12)}", name)

    def more(self, arguments: str) -> wire.CallPiece:
        return wire.CallPiece(self.num - 1, arguments)

    def whole(self, name: str, arguments: Mapping[str, Any]) -> Iterator[wire.CallPiece]:
        yield self.begin(name)
        yield self.more(dumped(arguments))

    def parameters_of(self, name: str) -> Mapping[str, Any]:
        """The schema of all arguments of this tool; nothing of one that is not offered."""
        found: Mapping[str, Any] = self._parameters.get(name, {})
        return found

    def schema_of(self, name: str, argument: str) -> Mapping[str, Any]:
        """What the tool says of this argument; nothing when it says nothing."""
        properties = self.parameters_of(name).get("properties")
        found = properties.get(argument) if isinstance(properties, dict) else None
        return found if isinstance(found, dict) else {}


def is_text(schema: Mapping[str, Any]) -> bool:
    """Whether only texts fit, so that what stands between the marks is one, whatever it looks like."""
    values = schema.get("enum", [schema["const"]] if "const" in schema else None)
    if isinstance(values, list) and values:
        return all(isinstance(value, str) for value in values)
    return schema.get("type") == "string"


def value_of(text: str, schema: Mapping[str, Any]) -> Any:
    """What stands between the marks of an argument that need not be a text."""
    if is_text(schema):
        return text
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return text


def dumped(value: Any) -> str:
    """JSON as text; half of a surrogate pair, which JSON can spell, stays spelt."""
    written = json.dumps(value, ensure_ascii=False)
    try:
        written.encode()
    except UnicodeEncodeError:
        return json.dumps(value)
    return written


def read_json(text: str) -> list[tuple[str, dict[str, Any]]]:
    """(name, arguments) of the calls in a text that should hold nothing else; none when it holds something else."""
    text = text.strip().removeprefix("```json").removesuffix("```").strip()
    decoder, values, place = json.JSONDecoder(parse_constant=_no_constant), [], 0
    while place < len(text):
        try:
            value, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            return []
        values += value if isinstance(value, list) else [value]
        while place < len(text) and text[place] in "; \n\t,":
            place += 1
    calls = [_read(value) for value in values]
    return [call for call in calls if call] if all(calls) else []


def _read(value: Any) -> tuple[str, dict[str, Any]] | None:
    value = value.get("function", value) if isinstance(value, dict) else None
    if not isinstance(value, dict):
        return None
    name = value.get("name", value.get("tool_name"))
    arguments = value.get("arguments", value.get("parameters", {}))
    try:
        given = json.loads(arguments, parse_constant=_no_constant) if isinstance(arguments, str) else arguments
    except (ValueError, RecursionError):
        return None
    return (name, given) if isinstance(name, str) and isinstance(given, dict) else None


def read_gemma(text: str) -> dict[str, Any] | None:
    """{key:<|"|>text<|"|>,other:3}: names without quotes, texts between marks."""
    parts = text.split('<|"|>')
    parts[::2] = [re.sub(r"([{,]\s*)([A-Za-z_][\w.-]*)\s*:", r'\1"\2":', part) for part in parts[::2]]
    parts[1::2] = [json.dumps(part) for part in parts[1::2]]
    try:
        value = json.loads("".join(parts), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def read_python(text: str) -> list[tuple[str, dict[str, Any]]]:
    """[f(a="x", b=[1]), g()]: calls as Python writes them, read and never run."""
    try:
        tree = ast.parse(text.strip(), mode="eval").body if len(text) < 100_000 else None
        calls = []
        for node in tree.elts if isinstance(tree, ast.List) else []:
            if not isinstance(node, ast.Call) or node.args or not isinstance(node.func, ast.Name | ast.Attribute):
                return []
            values = {each.arg: ast.literal_eval(each.value) for each in node.keywords if each.arg}
            json.dumps(values)
            calls.append((ast.unparse(node.func), values))
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return []
    return calls


def _no_constant(name: str) -> Any:
    raise ValueError(name)
