"""Somebody else's Jinja program, run without any of our objects in reach.

It may only compute; how long and with how much memory is for the process around it to bound (`rendering`).
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from typing import Any, NoReturn

import jinja2
import jinja2.ext
from jinja2.sandbox import SandboxedEnvironment

from inference import errors

MAX_PROMPT_CHARS = 8 * 1024 * 1024
# What a template can bring Python to say; anything else ends its process.
_NO_PROMPT = (
    jinja2.TemplateError, TypeError, ValueError, LookupError, AttributeError, NameError, ArithmeticError,
    AssertionError, RuntimeError, MemoryError,
)  # fmt: skip


class Program:
    """One template, compiled."""

    def __init__(self, source: str) -> None:
        """Raises ModelBroken for a template that does not compile."""
        try:
            self._template = _environment().from_string(source)
        except (jinja2.TemplateError, RecursionError, MemoryError) as error:
            raise errors.ModelBroken(f"The model's chat template does not compile: {error}") from error

    def render(self, values: Mapping[str, Any]) -> str:
        """Raises BadParameter when it refuses the values or fails over them."""
        try:
            text = self._template.render(values)
        except _Refused as error:
            raise errors.BadParameter("messages", f"The model's template refuses this: {error}") from error
        except _NO_PROMPT as error:
            reason = f"The model's template cannot render these messages: {type(error).__name__}."
            raise errors.BadParameter("messages", reason) from error
        if len(text) > MAX_PROMPT_CHARS:
            raise errors.BadParameter("messages", "The model's template makes more text of this than any model reads.")
        return text

    def close(self) -> None:
        """Nothing to end: it runs in our own process."""


class _Refused(Exception):
    """The template called raise_exception."""


class _GenerationTag(jinja2.ext.Extension):
    """{% generation %} marks training text in some templates; for us its body is just text."""

    tags = {"generation"}

    def parse(self, parser: Any) -> Any:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _environment() -> SandboxedEnvironment:
    environment = SandboxedEnvironment(
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # a prompt is no page
        # Both keep {{ 'a' * 10 ** 9 }} from being worked out while the model loads, which nobody watches.
        optimized=False,
        finalize=_at_rendering,
        extensions=["jinja2.ext.loopcontrols", _GenerationTag],
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise
    environment.globals["strftime_now"] = _strftime_now
    return environment


@jinja2.pass_context
def _at_rendering(_context: jinja2.runtime.Context, value: Any) -> Any:
    """The value as it is. Whatever needs the context is not asked for its constants."""
    return value


def _to_json(value: Any, indent: int | None = None, **_: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent, default=list)  # what |map gives is a generator


def _raise(message: str) -> NoReturn:
    raise _Refused(str(message)[:500])


def _strftime_now(layout: str) -> str:
    return datetime.datetime.now(tz=datetime.UTC).strftime(layout)
