"""Check what a request says about tools and the form of its answer, and turn what must hold into a grammar."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from inference import schema
from inference.fields import bad, is_text

MAX_TOOLS = 128
MAX_TOOLS_CHARS = 256 * 1024
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def checked_tools(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The functions that the model may call; none with tool_choice "none"."""
    tools = body.get("tools") or []
    if not isinstance(tools, list) or len(tools) > MAX_TOOLS:
        bad("tools", f"tools must be a list of at most {MAX_TOOLS}.")
    if len(json.dumps(tools)) > MAX_TOOLS_CHARS:
        bad("tools", f"tools may have {MAX_TOOLS_CHARS:,} characters in all.")
    checked = [_tool(tool, f"tools[{index}]") for index, tool in enumerate(tools)]
    return [] if body.get("tool_choice") == "none" else checked


def answer_grammar(body: Mapping[str, Any], tools: list[dict[str, Any]]) -> str:
    """GBNF that the answer has to follow, or ""."""
    forced = _forced_calls(body.get("tool_choice"), tools)
    wanted = _wanted_schema(body.get("response_format"))
    if forced and wanted is not None:
        bad("response_format", "An answer cannot be a call and of a given form.")
    if (forced or wanted is not None) and body.get("ignore_eos"):
        bad("ignore_eos", "An answer of a given form has an end.")
    if wanted is None and not forced:
        return ""
    param = "tools" if forced else "response_format"
    try:
        text = schema.grammar(wanted if not forced else {"anyOf": [_call_schema(tool["function"]) for tool in forced]})
        if not is_text(text):
            bad(param, "The schema holds a text that is not Unicode.")
        return text
    except schema.SchemaRefused as error:
        bad(param, str(error))
    except RecursionError:
        bad(param, "The schema is too deep.")


def _tool(tool: Any, where: str) -> dict[str, Any]:
    function = tool.get("function") if isinstance(tool, dict) and tool.get("type") == "function" else None
    if not isinstance(function, dict):
        bad(where, "A tool must be of the type function and describe one.")
    name, parameters = function.get("name"), function.get("parameters") or {"type": "object", "properties": {}}
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        bad(f"{where}.function.name", "A function's name has 1 to 64 letters, digits, dots, dashes or underscores.")
    if not isinstance(parameters, dict):
        bad(f"{where}.function.parameters", "The parameters must be a schema.")
    description = function.get("description") or ""
    if not is_text(description) or not is_text(json.dumps(parameters, ensure_ascii=False)):
        bad(f"{where}.function.description", "The description must be a text.")
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


def _forced_calls(choice: Any, tools: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The tools of which one must be called."""
    if choice in (None, "none", "auto"):
        return []
    if choice == "required":
        if not tools:
            bad("tool_choice", "There is no tool that could be called.")
        return tools
    function = choice.get("function") if isinstance(choice, dict) and choice.get("type") == "function" else None
    name = function.get("name") if isinstance(function, dict) else None
    found = [tool for tool in tools if tool["function"]["name"] == name]
    if not found:
        bad("tool_choice", "tool_choice must be none, auto, required, or name one of the tools.")
    return found


def _call_schema(function: Mapping[str, Any]) -> dict[str, Any]:
    parameters = _inlined(function["parameters"], function["parameters"], 0)
    properties = {"name": {"const": function["name"]}, "arguments": {"type": "object"} | parameters}
    return {"type": "object", "properties": properties, "required": ["name", "arguments"]}


def _inlined(value: Any, root: Mapping[str, Any], depth: int) -> Any:
    """The schema without references: they would lead elsewhere once it is a part of another one."""
    if depth > schema.MAX_DEPTH:
        bad("tools", "A tool's parameters are too deep, or refer to themselves.")
    if isinstance(value, list):
        return [_inlined(each, root, depth + 1) for each in value]
    if not isinstance(value, dict):
        return value
    reference = value.get("$ref")
    if isinstance(reference, str) and reference.startswith(("#/$defs/", "#/definitions/")):
        _, place, name = reference.split("/", 2)
        definitions = root.get(place)
        if not isinstance(definitions, dict) or name not in definitions:
            bad("tools", f"The reference {reference[:60]!r} leads nowhere.")
        return _inlined(definitions[name], root, depth + 1)
    return {key: _inlined(each, root, depth + 1) for key, each in value.items() if key not in ("$defs", "definitions")}


def _wanted_schema(form: Any) -> Any:
    """The schema of a response_format; None when any text will do."""
    if form is None:
        return None
    kind = form.get("type") if isinstance(form, dict) else None
    if kind == "text":
        return None
    if kind == "json_object":
        return schema.ANY_OBJECT
    described = form.get("json_schema") if isinstance(form, dict) else None
    if kind != "json_schema" or not isinstance(described, dict) or "schema" not in described:
        bad("response_format", "response_format must be text, json_object, or json_schema with a schema.")
    if described["schema"] is None:
        bad("response_format", "The schema must be an object.")
    return described["schema"]
