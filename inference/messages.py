"""Check the messages of a chat request: roles, contents that are texts or lists of text parts, calls of tools."""

from __future__ import annotations

import json
from typing import Any

from inference.fields import bad, is_portable, is_text

MAX_MESSAGES = 4096

_ROLES = ("system", "developer", "user", "assistant", "tool")
_MESSAGE_FIELDS = {
    "role", "content", "name", "refusal", "annotations", "reasoning_content", "reasoning", "id", "tool_calls",
    "tool_call_id",
}  # fmt: skip
# Kind of part -> where its text stands.
_PARTS = {"text": "text", "input_text": "text", "output_text": "text", "refusal": "refusal"}
MAX_CALLS = 128
MAX_ID_CHARS = 256


def checked_messages(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_MESSAGES:
        bad("messages", f"messages must be a list of 1 to {MAX_MESSAGES} messages.")
    checked = [_message(message, f"messages[{index}]") for index, message in enumerate(value)]
    called: set[str] = set()
    for index, message in enumerate(checked):
        called.update(call["id"] for call in message.get("tool_calls", ()))
        if message["role"] == "tool" and message["tool_call_id"] not in called:
            bad(f"messages[{index}].tool_call_id", "A tool answers only a call that the assistant made before.")
    return checked


def _message(message: Any, where: str) -> dict[str, Any]:
    if not isinstance(message, dict):
        bad(where, "A message must be an object with role and content.")
    for name, content in message.items():
        if name not in _MESSAGE_FIELDS and content:
            bad(f"{where}.{name[:64]}", f"A message cannot carry {name[:64]!r} here.")
    role = message.get("role")
    if role not in _ROLES:
        bad(f"{where}.role", f"role must be one of {', '.join(_ROLES)}.")
    text = _content(message.get("content"), f"{where}.content")
    checked: dict[str, Any] = {"role": "system" if role == "developer" else role, "content": text}
    name = "reasoning_content" if message.get("reasoning_content") else "reasoning"  # DeepSeek's name, and vLLM's
    reasoning = message.get(name)
    if reasoning and role == "assistant":
        if not is_text(reasoning):
            bad(f"{where}.{name}", f"{name} must be a text.")
        checked["reasoning"] = reasoning  # an answer that goes on needs it; templates never see it
    calls = message.get("tool_calls")
    if calls:
        if role != "assistant" or not isinstance(calls, list) or len(calls) > MAX_CALLS:
            bad(f"{where}.tool_calls", f"Only the assistant calls tools, at most {MAX_CALLS} at once.")
        checked["tool_calls"] = [_call(call, f"{where}.tool_calls") for call in calls]
    if role == "tool":
        checked["tool_call_id"] = _id(message.get("tool_call_id"), f"{where}.tool_call_id")
    return checked


def _call(call: Any, where: str) -> dict[str, Any]:
    """{"name": ..., "arguments": {...}}, out of OpenAI's form with its arguments as a text."""
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or not is_text(function.get("name")):
        bad(where, "A call needs a function with name and arguments.")
    try:
        arguments = json.loads(function.get("arguments") or "{}")
    except (ValueError, TypeError, RecursionError):
        bad(where, "The arguments of a call must be JSON.")
    if not isinstance(arguments, dict) or not is_portable(arguments):
        bad(where, "The arguments of a call must be a JSON object.")
    return {"id": _id(call.get("id"), where), "name": function["name"], "arguments": arguments}


def _id(value: Any, where: str) -> str:
    """A call without an id and an answer without one find each other."""
    if value is not None and (not is_text(value) or len(value) > MAX_ID_CHARS):
        bad(where, f"The id of a call must be a text of at most {MAX_ID_CHARS} characters.")
    return str(value)


def _content(content: Any, where: str) -> str:
    if content is None:
        return ""
    if isinstance(content, list):
        content = "".join(_part(part, where) for part in content)
    if not is_text(content):
        bad(where, "content must be a text.")
    return str(content)


def _part(part: Any, where: str) -> str:
    kind = part.get("type") if isinstance(part, dict) else None
    if not isinstance(kind, str) or kind not in _PARTS:
        bad(where, "Only text can be read: images and sounds are not supported.")
    text = part.get(_PARTS[kind])
    if not isinstance(text, str):
        bad(where, "A text part needs a text.")
    return text
