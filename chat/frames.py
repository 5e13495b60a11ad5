"""What browsers say on a socket, checked field by field. Whatever is unknown here is refused.

Pure: no database, no rights. `parse` gives a frame or raises BadFrame, whose ref lets the page find what it sent.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from chat import answer_settings, limits
from chat.answer_settings import AnswerSettings
from chat.errors import BadInput

MAX_REF_CHARS = 64
MAX_SEQ = 2**53


class BadFrame(Exception):
    def __init__(self, code: str, sentence: str, ref: str | None = None) -> None:
        super().__init__(code)
        self.code, self.sentence, self.ref = code, sentence, ref


@dataclass(frozen=True)
class SendMessage:
    """The question is stored once under its id, however often it is sent.

    parent: the message that it follows, None for the last one shown; edits: the question that it stands beside.
    folder, temporary, assistant and settings: of the thread that begins with it. model is the thread's from now on,
    model_once only this answer's. compare: the models that answer side by side, in this order, instead of one.
    collections, everything: what the thread asks from now on besides its documents; None leaves it as it is.
    """

    ref: str
    id: uuid.UUID
    thread: uuid.UUID | None
    text: str
    model: str | None
    documents: tuple[uuid.UUID, ...]
    parent: uuid.UUID | None = None
    edits: uuid.UUID | None = None
    folder: uuid.UUID | None = None
    temporary: bool = False
    assistant: uuid.UUID | None = None
    settings: AnswerSettings | None = None
    model_once: str | None = None
    collections: tuple[uuid.UUID, ...] | None = None
    everything: bool | None = None
    compare: tuple[str, ...] = ()


@dataclass(frozen=True)
class RegenerateAnswer:
    """Another answer beside this one, perhaps of another model. id is the new answer's."""

    ref: str
    id: uuid.UUID
    answer: uuid.UUID
    model: str | None


@dataclass(frozen=True)
class ContinueAnswer:
    """The rest of an answer that was cut off. id is the turn's."""

    ref: str
    id: uuid.UUID
    answer: uuid.UUID


@dataclass(frozen=True)
class FollowTurn:
    turn: uuid.UUID
    after_seq: int


@dataclass(frozen=True)
class UnfollowTurn:
    turn: uuid.UUID


@dataclass(frozen=True)
class StopTurn:
    turn: uuid.UUID


@dataclass(frozen=True)
class Acknowledge:
    turn: uuid.UUID
    seq: int


@dataclass(frozen=True)
class Ping:
    pass


# An acknowledgement is a subtraction, and one that is lost would leave its reader waiting.
ACKNOWLEDGE_COST = 0.1

Frame = SendMessage | RegenerateAnswer | ContinueAnswer | FollowTurn | UnfollowTurn | StopTurn | Acknowledge | Ping


def parse(text: str | None) -> Frame:
    """The frame in the text of one websocket message; None stands for a binary message."""
    if text is None:
        raise BadFrame("not_text", _("Only text is understood here."))
    if len(text) > limits.MAX_FRAME_BYTES or len(text.encode("utf-8", "surrogatepass")) > limits.MAX_FRAME_BYTES:
        raise BadFrame("too_large", _("That is too much at once."), _ref_in(text))
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        raise BadFrame("not_json", _("This cannot be read.")) from None
    if not isinstance(body, dict):
        raise BadFrame("not_json", _("This cannot be read."))
    ref = _storable(body["ref"]) if isinstance(body.get("ref"), str) else None
    name = body.pop("type", None)
    if not isinstance(name, str) or name not in KINDS:
        raise BadFrame("unknown_type", _("There is no such frame."), ref)
    cls, checks = KINDS[name]
    for key in body:
        if key not in checks:
            raise BadFrame(
                "unknown_field", _("There is no field “%(name)s” here.") % {"name": _storable(key[:60])}, ref
            )
    values = {}
    for key, check in checks.items():
        try:
            values[key] = check(body.get(key))
        except (TypeError, ValueError, AttributeError):
            sentence = _("The field “%(name)s” is missing or wrong.") % {"name": key}
            raise BadFrame("bad_field", sentence, ref) from None
        except BadFrame as error:
            raise BadFrame(error.code, error.sentence, ref) from None
    frame: Frame = cls(**values)
    return frame


def _ref_in(text: str) -> str | None:
    """The ref of a frame that is too large to be read, so that the page can give its text back to the writer."""
    start = text[:200].partition('"ref":')[2].strip()
    return start[1:].partition('"')[0][:MAX_REF_CHARS] if start.startswith('"') else None


def _storable(text: str) -> str:
    """PostgreSQL stores neither NUL nor half of a surrogate pair, and no socket carries the latter."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def _id(value: Any) -> uuid.UUID:
    if not isinstance(value, str) or len(value) != 36:
        raise ValueError
    return uuid.UUID(value)


def _id_or_none(value: Any) -> uuid.UUID | None:
    return None if value is None else _id(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool | None):
        raise ValueError
    return bool(value)


def _ids(value: Any) -> tuple[uuid.UUID, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > limits.MAX_DOCUMENTS_PER_THREAD:
        raise ValueError
    return tuple(dict.fromkeys(_id(item) for item in value))


def _ids_or_none(value: Any) -> tuple[uuid.UUID, ...] | None:
    return None if value is None else _ids(value)


def _flag_or_none(value: Any) -> bool | None:
    if not isinstance(value, bool | None):
        raise ValueError
    return value


def _ref(value: Any) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_REF_CHARS:
        raise ValueError
    return _storable(value)


def _name_or_none(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > 200:
        raise ValueError
    return _storable(value)


def _compared(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) and len(item) <= 200 for item in value):
        raise ValueError
    names = tuple(dict.fromkeys(_storable(item) for item in value))
    if not 2 <= len(names) <= limits.MAX_COMPARED_MODELS:
        sentence = _("2 to %(limit)d different models can answer side by side.")
        raise BadFrame("bad_comparison", sentence % {"limit": limits.MAX_COMPARED_MODELS})
    return names


def _settings_or_none(value: Any) -> AnswerSettings | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise ValueError
    try:
        return answer_settings.parse(value)
    except BadInput as error:
        raise BadFrame(error.code, error.sentence) from None


def _seq(value: Any) -> int:
    if type(value) is not int or not 0 <= value < MAX_SEQ:
        raise ValueError
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError
    text = _storable(value)
    if not text.strip():
        raise BadFrame("empty", _("Write something first."))
    if len(text) > limits.MAX_TEXT_CHARS:
        sentence = _("The message has %(found)d characters; %(limit)d fit. Attach long texts as a document.")
        raise BadFrame("too_long", sentence % {"found": len(text), "limit": limits.MAX_TEXT_CHARS})
    return text


Check = Callable[[Any], Any]
KINDS: dict[str, tuple[Callable[..., Frame], dict[str, Check]]] = {
    "message.send": (
        SendMessage,
        {
            "ref": _ref,
            "id": _id,
            "thread": _id_or_none,
            "text": _text,
            "model": _name_or_none,
            "documents": _ids,
            "parent": _id_or_none,
            "edits": _id_or_none,
            "folder": _id_or_none,
            "temporary": _flag,
            "assistant": _id_or_none,
            "settings": _settings_or_none,
            "model_once": _name_or_none,
            "collections": _ids_or_none,
            "everything": _flag_or_none,
            "compare": _compared,
        },
    ),
    "answer.regenerate": (RegenerateAnswer, {"ref": _ref, "id": _id, "answer": _id, "model": _name_or_none}),
    "answer.continue": (ContinueAnswer, {"ref": _ref, "id": _id, "answer": _id}),
    "turn.follow": (FollowTurn, {"turn": _id, "after_seq": _seq}),
    "turn.unfollow": (UnfollowTurn, {"turn": _id}),
    "turn.stop": (StopTurn, {"turn": _id}),
    "ack": (Acknowledge, {"turn": _id, "seq": _seq}),
    "ping": (Ping, {}),
}
