"""docs/api.md is true: its examples run, and its numbers and codes are the code's."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from chat.api import errors, limits
from chat.edges.limits import MIB, Limits
from chat.limits import LIMITS
from inference import errors as inference_errors
from tests.chat.running_door import CHAT, EMBED, RERANK, Door

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "api.md").read_text()


def examples(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_commands_work(door: Door) -> None:
    """As they stand, with the reader's own address, key and model."""
    variables = {"HEARTH_URL": door.url, "HEARTH_KEY": door.keys["alice"], "NO_PROXY": "*", "PATH": "/usr/bin:/bin"}
    answers = [
        subprocess.run(
            ["bash", "-c", command.replace("MODEL", CHAT)], env=variables, capture_output=True, text=True, check=True
        ).stdout
        for command in examples("bash")
    ]
    assert f'"id": "{CHAT}"' in answers[0]
    assert "You said: Say hello." in answers[1]


def test_the_program_works(door: Door) -> None:
    """The same for the official client."""
    (program,) = examples("python")
    program = program.replace("HEARTH_URL", door.url).replace("HEARTH_KEY", door.keys["alice"])
    program = program.replace("EMBEDDING_MODEL", EMBED).replace("MODEL", CHAT)
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.stderr == ""
    assert ended.stdout == f"{CHAT}\n{EMBED}\n{RERANK}\nYou said: Say hello.384\n"


def test_the_numbers_are_the_codes() -> None:
    """Each limit as the page says it."""
    limit = LIMITS["api.employee"]
    assert f"{limit.num_times} requests a minute" in PAGE
    assert limit.window_seconds == 60
    assert f"{limits.MAX_RUNNING_PER_EMPLOYEE} answers at a time" in PAGE
    assert f"more than {Limits().body_max_bytes // MIB} MiB" in PAGE


def test_every_code_is_listed_with_its_status() -> None:
    """What the inference service can raise and the door lets through."""
    listed = {
        code: int(status)
        for status, codes in re.findall(r"^\| (\d+) \| (.*?) \|", PAGE, re.MULTILINE)
        for code in re.findall(r"`(\w+)`", codes)
    }
    failures = [
        inference_errors.BadParameter("x", "x"),
        inference_errors.ContextTooLong(2, 1),
        inference_errors.UnknownModel("x"),
        inference_errors.QueueFull(1.0),
        inference_errors.ModelLoading("x"),
        inference_errors.ShuttingDown("x"),
        inference_errors.ModelBroken("x"),
        inference_errors.OutOfMemory("x"),
        inference_errors.BackendLost("x"),
        inference_errors.Unreachable("x"),
        inference_errors.Unauthorized("x"),
        errors.NoKey(),
        errors.ModelNotFound(),
        errors.TooManyAtOnce(1),
        errors.WrongMethod(["GET"]),
    ]
    for failure in failures:
        answer = errors.translate(failure)
        code = re.search(rb'"code": "(\w+)"', answer.content)
        assert code
        assert listed.get(code[1].decode()) == answer.status_code, code[1]
