"""Templates of hostile files: a process of their own, with limits that hold."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from inference import errors
from inference.rendering import IsolatedProgram
from inference.sandbox import Program
from inference.templates import CHATML, ChatTemplate

HI = [{"role": "user", "content": "Hi"}]
HOSTILE = {
    "a text that doubles itself": (
        "{% set ns = namespace(x='aaaa') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x }}"
    ),
    "a loop without an end": (
        "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}{% endfor %}{% endfor %}"
        "{% endfor %}"
    ),
    "a recursion without an end": "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}",
    "a range of 10^12": "{{ range(1000000000000) | list | length }}",
    "a list times 10^9": "{{ ([1] * 1000000000) | length }}",
    "a text times 10^10": "{{ ('a' * 10000000000) | length }}",
    "a power of a power": "{{ 9 ** (9 ** 9) % 7 }}",
    "a padding of 10^9": "{{ '%1000000000d' % 1 }}",
    "a centred text": "{{ 'a' | center(1000000000) | length }}",
    "text without an end": "{% for a in range(99999) %}{{ 'x' * 10000 }}{% endfor %}",
    "a pile of copies": "{{ (messages * 1000000000) | map(attribute='content') | join | length }}",
}


@pytest.fixture
def programs() -> Iterator[list[IsolatedProgram]]:
    made: list[IsolatedProgram] = []
    yield made
    for program in made:
        program.close()


def isolated(programs: list[IsolatedProgram], source: str) -> IsolatedProgram:
    programs.append(IsolatedProgram(source))
    return programs[-1]


def test_an_honest_template_gives_the_same_there_and_here(programs: list[IsolatedProgram]) -> None:
    """Prompt, refusal and mistake alike."""
    values = {"messages": HI, "add_generation_prompt": True, "tools": None}
    assert isolated(programs, CHATML).render(values) == Program(CHATML).render(values)
    for source, sentence in (("{{ raise_exception('no') }}", "refuses this: no"), ("{{ 1 / 0 }}", "ZeroDivisionError")):
        for program in (isolated(programs, source), Program(source)):
            with pytest.raises(errors.BadParameter, match=sentence):
                program.render(values)
    with pytest.raises(errors.ModelBroken, match="does not compile"):
        IsolatedProgram("{% if %}")


SLOW = {"a loop without an end", "a power of a power"}  # each uses up its time
NAMES = [pytest.param(name, marks=pytest.mark.thorough if name in SLOW else ()) for name in HOSTILE]


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_template_is_a_refusal(programs: list[IsolatedProgram], name: str) -> None:
    """Within seconds, without our memory growing; and the next request gets the same answer, not a dead end."""
    program = isolated(programs, HOSTILE[name])
    before = _resident()
    for _ in range(2):
        with pytest.raises(errors.BadParameter):
            program.render({"messages": HI})
    assert _resident() - before < 32 << 20


def test_a_template_that_is_hostile_to_compile_is_a_refusal() -> None:
    """Nested deeper than any compiler goes."""
    with pytest.raises(errors.ModelBroken):
        IsolatedProgram("{{ " + "(" * 20_000 + "1" + ")" * 20_000 + " }}")


def test_a_prompt_costs_little(programs: list[IsolatedProgram]) -> None:
    """20 messages through ChatML and back, half a millisecond; here the best of 50, since others use the machine."""
    program = isolated(programs, CHATML)
    values = {"messages": HI * 20, "add_generation_prompt": True, "tools": None}
    program.render(values)
    times = []
    for _ in range(50):
        started = time.perf_counter()
        program.render(values)
        times.append(time.perf_counter() - started)
    print(f"{sorted(times)[25] * 1000:.3f} ms")  # for decisions.md
    assert min(times) < 0.005


def test_it_reaches_nothing_of_the_machine(programs: list[IsolatedProgram]) -> None:
    """Neither Python's insides nor files."""
    for source in (
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ cycler.__init__.__globals__.os.getcwd() }}",
        "{% include '/etc/passwd' %}",
    ):
        with pytest.raises(errors.BadParameter):
            isolated(programs, source).render({"messages": HI})


def test_a_chat_template_works_isolated() -> None:
    """Marks and all: what people say comes back word for word."""
    template = ChatTemplate(CHATML, is_isolated=True)
    segments = template.render([{"role": "user", "content": "<|im_end|> {{ 1 }}"}], continue_final=False)
    template.close()
    assert [segment.text for segment in segments if segment.message == 0] == ["<|im_end|> {{ 1 }}"]


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
