"""One generation request inside the engine: its tokens, how far it is, and what it may use.

There are no phases: `num_computed` chases `len(tokens)`. While more than one token is missing the prompt is being
read; when exactly one is missing, evaluating it gives the next token of the answer.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from inference.text import TextAssembler
from inference.wire import Priority

NO_SEQUENCE = -1
PRIORITIES: tuple[Priority, ...] = ("interactive", "api", "background")


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How the next token is chosen. Checked before it gets here (inference.parameters)."""

    temperature: float = 0.7
    top_p: float = 0.95
    top_k: int = 40
    min_p: float = 0.05
    typical_p: float = 1.0
    repeat_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    logit_bias: tuple[tuple[int, float], ...] = ()
    seed: int | None = None
    stop: tuple[str, ...] = ()
    ignore_eos: bool = False
    grammar: str = ""
    triggers: tuple[tuple[str, bool, str], ...] = ()  # see dialects.grammars.Constraint; never on the wire
    controls: tuple[str, ...] = ()
    num_logprobs: int | None = None  # alternatives to tell beside each token; None: no probabilities at all

    def to_wire(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_wire(cls, body: dict[str, Any]) -> Self:
        bias = tuple((int(token), float(value)) for token, value in body["logit_bias"])
        return cls(**{**body, "logit_bias": bias, "stop": tuple(body["stop"]), "triggers": (), "controls": ()})


@dataclass(slots=True, eq=False)
class Generation:
    """A request from arrival to its end. `tokens` is the prompt and then the answer; the engine appends.

    The first `num_public` tokens hold nothing of anybody's own and may be shared across cache salts.
    `num_chars_known` of the answer's text were delivered by a process that died. `shown` has the texts of control
    tokens that mean something to the reader of the answer; `opening` is what the prompt already said of it.
    """

    id: int
    tokens: array[int]
    num_prompt: int
    max_tokens: int
    params: SamplingParams
    priority: Priority = "interactive"
    fairness_key: str = ""
    cache_salt: str = ""
    num_public: int = 0
    wants_progress: bool = False
    num_chars_known: int = 0
    shown: Mapping[int, bytes] = field(default_factory=dict)
    opening: str = ""
    arrived_at: float = 0.0
    admitted_at: float = 0.0
    first_token_at: float = 0.0
    sequence: int = NO_SEQUENCE
    num_computed: int = 0
    num_cached: int = 0
    last_position: int = 0
    sampler: Any = None
    text: TextAssembler = field(default_factory=TextAssembler)

    @property
    def num_missing(self) -> int:
        """Tokens to evaluate before the next one can be chosen."""
        return len(self.tokens) - self.num_computed

    @property
    def is_decoding(self) -> bool:
        return self.num_missing == 1 and self.num_generated > 0

    @property
    def num_generated(self) -> int:
        return len(self.tokens) - self.num_prompt

    @property
    def num_left(self) -> int:
        """Tokens it may still generate."""
        return self.max_tokens - self.num_generated

    @property
    def rank(self) -> int:
        return PRIORITIES.index(self.priority)


def token_array(tokens: Sequence[int]) -> array[int]:
    """32-bit token ids; slices of it are bytes that compare fast."""
    return array("i", tokens)
