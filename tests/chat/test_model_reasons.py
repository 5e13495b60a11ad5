"""Admins read in their language why a model cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.utils import translation

from chat import model_reasons
from inference import errors, library, reasons, wire
from inference.reasons import Reason

CODES = sorted(model_reasons._sentences())


def info(reason: object, error: str = "Said in English.") -> wire.ModelInfo:
    fields = {"file_name": "m.gguf", "size_bytes": 1, "kind": "chat", "state": "broken", "error": error}
    return wire.ModelInfo.from_json({"id": "m", "meta": fields | {"reason": reason}})


def test_a_broken_file_is_told_in_german(tmp_path: Path) -> None:
    """From the file on the disk to the words on the page."""
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"no model at all")
    (entry,) = library.Library(tmp_path).entries()
    with translation.override("de"):
        assert model_reasons.sentence(info(reasons.to_json(entry.broken))) == "Das ist keine GGUF-Datei."


def test_numbers_and_causes_are_told_too() -> None:
    """A reason may hold another one; large numbers are grouped as the language does it."""
    cause = Reason("signal", "it was ended by SIGABRT", signal="SIGABRT")
    dead = errors.ModelBroken(Reason("deaths", "…", num_deaths=5, cause=cause))
    full = Reason("out_of_memory", "…", needed_mib=12_345, context_length=512, free_mib=900)
    with translation.override("de"):
        assert "5-mal beendet (beendet durch SIGABRT)" in model_reasons.sentence(info(dead.to_wire()["reason"]))
        assert "etwa 12.345 MiB" in model_reasons.sentence(info(reasons.to_json(full)))


def test_a_reason_survives_the_wire() -> None:
    """From a model's process, and from the engine to its clients."""
    error = errors.from_wire(errors.ModelBroken(Reason("not_loaded", "llama.cpp cannot load this file.")).to_wire())
    assert reasons.to_json(error.sentence) == {"code": "not_loaded", "facts": {}}


@pytest.mark.parametrize("reason", [None, {"code": "of tomorrow", "facts": {}}, {"code": "cut_off", "facts": {}}])
def test_what_is_not_known_is_told_in_the_engines_words(reason: object) -> None:
    assert model_reasons.sentence(info(reason)) == "Said in English."


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_german_words(code: str) -> None:
    with translation.override("de"):
        german = model_reasons._sentences()[code]
    with translation.override("en"):
        assert german != model_reasons._sentences()[code]
