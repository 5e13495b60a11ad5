"""Why a model cannot be used: an English sentence, which carries what pages need to say it in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Reason(str):
    """The sentence, as text like any other. `code` is a word that stays the same, `facts` the numbers and names in it.

    They go along as far as the object does: formatting it into another text makes a plain text of it.
    """

    code: str
    facts: Mapping[str, Any]
    __slots__ = ("code", "facts")

    def __new__(cls, code: str, sentence: str, **facts: Any) -> Reason:
        reason = super().__new__(cls, sentence)
        reason.code, reason.facts = code, facts
        return reason


def to_json(sentence: str | None) -> dict[str, Any] | None:
    """{"code", "facts"}; None for a sentence without a code. A fact may be a reason itself."""
    if not isinstance(sentence, Reason):
        return None
    facts = {name: to_json(fact) if isinstance(fact, Reason) else fact for name, fact in sentence.facts.items()}
    return {"code": sentence.code, "facts": facts}


def from_json(body: Any, sentence: str) -> str:
    """The sentence with what was told of it, if anything was."""
    if not isinstance(body, Mapping) or not isinstance(body.get("facts"), Mapping):
        return sentence
    return Reason(str(body.get("code")), sentence, **body["facts"])
