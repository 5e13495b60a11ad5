"""Grammars in llama.cpp itself, under a model that writes random tokens: nothing ends the process, all of it fits."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import jsonschema
import numpy as np
import pytest

from inference import schema
from inference.config import EngineConfig
from inference.dialects import dialect_of, grammars
from inference.parsing import Style
from inference.request import SamplingParams
from tests.inference.serve import default_models_dir
from tests.inference.test_call_grammars import TEMPLATES, TOOLS, is_right
from tests.inference.test_parsing import parsed
from tests.inference.test_schema import NODE, PERSON, SHAPES

pytestmark = pytest.mark.model
MOST_TOKENS = 120


@pytest.fixture(scope="module")
def model() -> Iterator[Any]:
    from inference import backend

    backend.start_library()
    path = default_models_dir() / "SmolLM2-135M-Instruct.Q4_1.gguf"
    model = backend.LlamaModel(path, EngineConfig(), lambda _: None)
    yield model
    model.close()


class Scribe:
    """Writes with random logits, a little in favour of what ends things."""

    def __init__(self, model: Any, params: SamplingParams, seed: int) -> None:
        from inference.backend.sampler import LlamaSampler

        self._vocab = model.vocab
        self._luck = np.random.default_rng(seed)
        self.sampler = LlamaSampler(replace(params, temperature=1.0, top_k=0, top_p=1.0, min_p=0.0), model.vocab, [])
        closing = ['"', '"}', "}", "]", "</", "<|im_end|>", "<｜", "<|"]
        self._closers = [
            t for t in range(model.vocab.num_tokens) if model.vocab.piece(t).decode("utf-8", "replace") in closing
        ]
        self._closers += sorted(model.vocab.ends)

    def write(self) -> tuple[str, bool]:
        """(text, whether it came to its end)."""
        data = b""
        for _ in range(MOST_TOKENS):
            logits = self._luck.normal(0, 3, self._vocab.num_tokens).astype(np.float32)
            logits[self._closers] += 12
            token = self.sampler.choose(logits)
            assert token is not None
            if self._vocab.is_end(token):
                return data.decode("utf-8", "replace"), True
            data += self._vocab.piece(token)
        return data.decode("utf-8", "replace"), False


@pytest.mark.parametrize(
    "wanted",
    [
        PERSON,
        SHAPES,
        {"$ref": "#/$defs/node", "$defs": {"node": NODE}},
        {"type": "array", "prefixItems": [{"type": "integer", "minimum": -5}], "items": {"type": "null"}},
        {"type": "string", "pattern": r"^[a-f\d]{2,8}-(x|yy)+\.?$"},
        {"type": "string", "format": "date-time"},
        {"type": "number", "exclusiveMinimum": -3, "maximum": 12},
        {"type": "object", "properties": {"text": {"minLength": 5, "maxLength": 20}}, "required": ["text"]},
    ],
)
def test_random_tokens_keep_to_the_schema(model: Any, wanted: Any) -> None:
    """What came to an end is valid."""
    text, num_whole = schema.grammar(wanted), 0
    for seed in range(2):
        scribe = Scribe(model, SamplingParams(grammar=text), seed)
        written, is_whole = scribe.write()
        scribe.sampler.close()
        if is_whole:
            num_whole += 1
            jsonschema.validate(json.loads(written), wanted)
    assert num_whole


@pytest.mark.thorough
@pytest.mark.parametrize("template", TEMPLATES)
def test_random_tokens_make_calls(model: Any, template: str) -> None:
    """Forced, in the form of each family: llama.cpp reads every one of our grammars."""
    found = grammars.call_constraint(TOOLS, dialect_of(template), None, is_forced=True)
    assert found is not None
    scribe = Scribe(model, SamplingParams(grammar=found.text, controls=found.controls), 5)
    written, is_whole = scribe.write()
    scribe.sampler.close()
    _, _, calls = parsed(written, replace(Style.of(template, TOOLS), think=None)) if is_whole else ("", "", [])
    assert all(is_right(name, arguments) for name, arguments in calls)
    assert calls or not is_whole


@pytest.mark.thorough
@pytest.mark.parametrize("template", TEMPLATES)
def test_a_mark_in_the_middle_of_words_begins_a_grammar(model: Any, template: str) -> None:
    """Whatever the tokens at the mark's border are, also when one goes on with what no call begins with."""
    found = grammars.call_constraint(TOOLS, dialect_of(template), None, is_forced=False)
    if found is None:
        return
    luck = random.Random(1)
    for mark, is_only_at_start, _ in found.triggers:
        for after in ("", "\n", "\n{", "nonsense", " \n\n\n ", "ü", "<"):
            params = SamplingParams(grammar=found.text, triggers=found.triggers, controls=found.controls)
            scribe = Scribe(model, params, luck.randrange(1000))
            before = "" if is_only_at_start else "Let me look: "
            for token in model.vocab.tokenize(f"{before}{mark}{after}"):
                scribe.sampler.accept(token)
            assert (scribe.sampler.grammar is not None) or after.strip() or "\n\n" in after
            if scribe.sampler.grammar is not None and not after:
                scribe.write()
            scribe.sampler.close()


WAITING = SamplingParams(
    temperature=1.0, seed=7, grammar=schema.grammar(PERSON), triggers=(("<tool_call>", False, "root"),)
)


@pytest.mark.parametrize(
    "params",
    [
        SamplingParams(temperature=1.0, seed=7),
        SamplingParams(temperature=1.5, seed=2**64 - 1, top_k=0, top_p=1.0, min_p=0.0, presence_penalty=0.5),
        SamplingParams(temperature=0.8, seed=-3, min_p=0.9),
        SamplingParams(temperature=1.0, seed=7, grammar=schema.grammar(PERSON)),
        WAITING,
    ],
    ids=["plain", "uncut", "often one candidate", "grammar", "grammar behind a mark"],
)
def test_a_seeded_answer_goes_on_as_if_nothing_had_happened(model: Any, params: SamplingParams) -> None:
    """From whatever token on: a process that takes over from one that died comes to the same draws."""
    from inference.backend.sampler import LlamaSampler

    luck = np.random.default_rng(1)
    mark = model.vocab.tokenize("<tool_call>")
    rows = [luck.normal(0, 3, model.vocab.num_tokens).astype(np.float32) for _ in range(30)]
    if params.triggers:  # the words before the mark, then the mark itself
        for row, token in zip(rows[4:], mark, strict=False):
            row[token] += 1000

    def written(sampler: Any, begin: int) -> list[int]:
        tokens = []
        for row in rows[begin:]:
            token = sampler.choose(row) if sampler.grammar is not None else _plain(sampler, row)
            assert token is not None
            tokens.append(token)
            if model.vocab.is_end(token):
                break
        sampler.close()
        return tokens

    whole = written(LlamaSampler(params, model.vocab, []), 0)
    assert len(whole) > 8
    for cut in range(1, len(whole), 7):
        assert written(LlamaSampler(params, model.vocab, whole[:cut]), cut) == whole[cut:]


def _plain(sampler: Any, row: Any) -> int:
    """As llama_sampler_sample does it over the logits of a context."""
    import llama_cpp.llama_cpp as llama

    from inference.backend.sampler import _Candidates

    candidates = _Candidates(np.arange(len(row), dtype=np.int32), row)
    llama.llama_sampler_apply(sampler.handle, candidates.pointer)
    token = candidates.selected
    sampler.accept(token)
    return token
