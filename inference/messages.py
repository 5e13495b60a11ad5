"""Check the messages of a chat request: roles, and contents that are texts or lists of text parts."""

from __future__ import annotations

from typing import Any

from inference.fields import bad, is_text

MAX_MESSAGES = 4096

_ROLES = ("system", "developer", "user", "assistant", "tool")
_MESSAGE_FIELDS = {"role", "content", "name", "refusal", "annotations", "reasoning_content", "id"}


def checked_messages(value: Any) -> list[dict[str, str]]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_MESSAGES:
        bad("messages", f"messages must be a list of 1 to {MAX_MESSAGES} messages.")
    return [_message(message, f"messages[{index}]") for index, message in enumerate(value)]


def _message(message: Any, where: str) -> dict[str, str]:
    if not isinstance(message, dict):
        bad(where, "A message must be an object with role and content.")
    for name, content in message.items():
        if name not in _MESSAGE_FIELDS and content:
            bad(f"{where}.{name[:64]}", f"A message cannot carry {name[:64]!r} here.")
    role = message.get("role")
    if role not in _ROLES:
        bad(f"{where}.role", f"role must be one of {', '.join(_ROLES)}.")
    text = _content(message.get("content"), f"{where}.content")
    return {"role": "system" if role == "developer" else role, "content": text}


def _content(content: Any, where: str) -> str:
    if content is None:
        return ""
    if isinstance(content, list):
        content = "".join(_part(part, where) for part in content)
    if not is_text(content):
        bad(where, "content must be a text.")
    return str(content)


def _part(part: Any, where: str) -> str:
    if not isinstance(part, dict) or part.get("type") not in ("text", "input_text"):
        bad(where, "Only text can be read: images and sounds are not supported.")
    text = part.get("text")
    if not isinstance(text, str):
        bad(where, "A text part needs a text.")
    return text
