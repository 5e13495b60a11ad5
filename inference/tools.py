"""Check what a request says about tools and the form of its answer, and turn what must hold into a grammar."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inference import schema
from inference.dialects import GENERIC, Dialect, Think, grammars
from inference.dialects.grammars import Constraint
from inference.dialects.nested_grammar import CannotHold
from inference.fields import bad, flag, is_portable, is_text

MAX_TOOLS = 128
MAX_TOOLS_CHARS = 256 * 1024
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def checked_tools(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The functions that the model may call; none with tool_choice "none"."""
    tools = body.get("tools") or []
    if not isinstance(tools, list) or len(tools) > MAX_TOOLS:
        bad("tools", f"tools must be a list of at most {MAX_TOOLS}.")
    try:
        num_chars = len(json.dumps(tools))
    except RecursionError:
        bad("tools", "The tools are too deep.")
    if num_chars > MAX_TOOLS_CHARS:
        bad("tools", f"tools may have {MAX_TOOLS_CHARS:,} characters in all.")
    checked = [_tool(tool, f"tools[{index}]") for index, tool in enumerate(tools)]
    names = [tool["function"]["name"] for tool in checked]
    if len(set(names)) < len(names):
        bad("tools", "Two tools have the same name.")
    choice = body.get("tool_choice")
    return [] if choice == "none" else _allowed(choice, checked)


@dataclass(frozen=True, slots=True)
class Form:
    """What an answer has to be: `wanted` is the schema of a JSON answer (None: any text will do), `forced` the tools of
    which one must be called."""

    wanted: Any = None
    forced: Sequence[Mapping[str, Any]] = ()
    is_parallel: bool = True

    def to_wire(self) -> dict[str, Any]:
        forced = [tool["function"]["name"] for tool in self.forced]
        return {
            "has_schema": self.wanted is not None,
            "schema": self.wanted,
            "forced": forced,
            "parallel": self.is_parallel,
        }


def answer_form(body: Mapping[str, Any], tools: list[dict[str, Any]]) -> Form:
    """Checked as far as that goes without knowing the model: whether grammars can be made at all."""
    form = Form(
        wanted=_wanted_schema(body.get("response_format")),
        forced=_forced_calls(body.get("tool_choice"), tools),
        is_parallel=body.get("parallel_tool_calls") is None or flag(body, "parallel_tool_calls"),
    )
    if form.forced and form.wanted is not None:
        bad("response_format", "An answer cannot be a call and of a given form.")
    if form.forced or form.wanted is not None:
        for name in ("ignore_eos", "continue_final_message"):
            if body.get(name):
                bad(name, "An answer of a given form has its own beginning and end.")
    answer_constraint(form.to_wire(), tools, GENERIC, None, "")
    return form


def answer_constraint(
    form: Mapping[str, Any], tools: Sequence[Mapping[str, Any]], dialect: Dialect, think: Think | None, opening: str
) -> Constraint | None:
    """What the answer of a model of this family is held to. `form` is a Form's to_wire."""
    forced = [tool for tool in tools if tool["function"]["name"] in form["forced"]]
    param = "response_format" if form["has_schema"] else "tools"
    found: Constraint | None = None
    try:
        if form["has_schema"]:
            found = grammars.form_constraint(form["schema"], dialect, think, opening)
        elif tools:
            found = grammars.call_constraint(
                forced or tools, dialect, think, opening, is_forced=bool(forced), is_parallel=form["parallel"]
            )
    except (schema.SchemaRefused, CannotHold) as error:
        bad(param, str(error))
    except RecursionError:
        bad(param, "The schema is too deep.")
    if found is not None and not is_text(found.text):
        bad(param, "The schema holds a text that is not Unicode.")
    return found


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
    if not is_text(description):
        bad(f"{where}.function.description", "The description must be a text.")
    if not is_portable(parameters):
        bad(f"{where}.function.parameters", "The parameters are too deep, or hold what is no text or number.")
    checked = {"name": name, "description": description, "parameters": parameters}
    if flag(function, "strict"):
        checked["strict"] = True
    return {"type": "function", "function": checked}


def _allowed(choice: Any, tools: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that OpenAI's "allowed_tools" leaves; all of them without it."""
    if not _is_selection(choice):
        return tools
    named = choice["allowed_tools"].get("tools")
    wanted = [_name_in(each) for each in named] if isinstance(named, list) else []
    known = [tool["function"]["name"] for tool in tools]
    if not wanted or not all(isinstance(name, str) and name in known for name in wanted):
        bad("tool_choice.allowed_tools", "allowed_tools must name some of the tools.")
    return [tool for tool in tools if tool["function"]["name"] in wanted]


def _is_selection(choice: Any) -> bool:
    is_selection = isinstance(choice, dict) and choice.get("type") == "allowed_tools"
    return is_selection and isinstance(choice.get("allowed_tools"), dict)


def _name_in(choice: Any) -> Any:
    function = choice.get("function") if isinstance(choice, dict) and choice.get("type") == "function" else None
    return function.get("name") if isinstance(function, dict) else None


def _forced_calls(choice: Any, tools: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The tools of which one must be called."""
    if _is_selection(choice):
        choice = choice["allowed_tools"].get("mode")
    if choice in (None, "none", "auto"):
        return []
    if choice == "required":
        if not tools:
            bad("tool_choice", "There is no tool that could be called.")
        return tools
    found = [tool for tool in tools if tool["function"]["name"] == _name_in(choice)]
    if not found:
        bad("tool_choice", "tool_choice must be none, auto, required, or name one of the tools.")
    return found


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
    if described["schema"] is None or not is_portable(described["schema"]):
        bad(
            "response_format",
            "The schema must be an object of Unicode texts and 64-bit numbers, not too deep.",
        )
    return described["schema"]
