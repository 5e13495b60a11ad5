"""Tools for models whose template does not know any: told in the system prompt, in the form that most models have seen.

Pure: messages in, messages out. Nothing is promised of a model that was never trained for it, save under tool_choice
required or named, where a grammar holds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

_PROMPT = """You may call functions to answer. These are the functions, as JSON:
<tools>
{tools}
</tools>
To call one, answer with nothing but
<tool_call>
{{"name": <name of the function>, "arguments": <its arguments as a JSON object>}}
</tool_call>"""


def told(
    messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]], *, has_system: bool = True
) -> list[dict[str, Any]]:
    """The same conversation in plain texts, with the tools in its system prompt, or in the first question for a model
    that has none."""
    plain = [_plain(message) for message in messages]
    if not tools:
        return plain
    prompt = _PROMPT.format(tools="\n".join(json.dumps(tool["function"], ensure_ascii=False) for tool in tools))
    if plain[0]["role"] == "system":
        plain[0]["content"] += f"\n\n{prompt}"
        return plain
    if not has_system and plain[0]["role"] == "user":
        return [{"role": "user", "content": f"{prompt}\n\n{plain[0]['content']}"}, *plain[1:]]
    return [{"role": "system", "content": prompt}, *plain]


def _plain(message: Mapping[str, Any]) -> dict[str, Any]:
    if message["role"] == "tool":
        return {"role": "user", "content": f"<tool_response>\n{message['content']}\n</tool_response>"}
    calls = [
        json.dumps({"name": call["name"], "arguments": call["arguments"]}, ensure_ascii=False)
        for call in message.get("tool_calls", ())
    ]
    written = [f"<tool_call>\n{call}\n</tool_call>" for call in calls]
    return {"role": message["role"], "content": "\n".join(filter(None, [message["content"], *written]))}
