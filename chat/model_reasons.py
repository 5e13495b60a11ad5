"""Why a model cannot be used, in the reader's language: the engine's codes and numbers as sentences for admins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils import formats
from django.utils.translation import gettext as _

from inference import wire


def sentence(info: wire.ModelInfo) -> str:
    """The engine's own words, which are English, where it told no code or one that is not known here. "" for none."""
    told = _told(info.reason) if info.reason else ""
    return told or info.error or ""


def _told(reason: Mapping[str, Any]) -> str:
    words = _sentences().get(str(reason.get("code")))
    if words is None:
        return ""
    try:
        return words % {name: _said(fact) for name, fact in reason.get("facts", {}).items()}
    except KeyError:
        return ""


def _said(fact: Any) -> Any:
    if isinstance(fact, Mapping):
        return _told(fact)
    is_number = isinstance(fact, int | float) and not isinstance(fact, bool)
    return formats.number_format(fact, use_l10n=True, force_grouping=True) if is_number else fact


def _sentences() -> dict[str, str]:
    """By code, for inference.reasons."""
    return {
        "no_gguf": _("This is not a GGUF file."),
        "gguf_version": _("GGUF version %(version)s is not supported."),
        "cut_off": _("The file is cut off: it has %(size_bytes)s bytes and needs at least %(needed_bytes)s."),
        "bad_header": _("The header of the file is damaged or not that of a usable model."),
        "unreadable": _("The file cannot be read. Look at its rights and at the disk."),
        "settings": _("The settings file beside the model cannot be used."),
        "out_of_memory": _(
            "It needs about %(needed_mib)s MiB of memory even with a context of %(context_length)s tokens, and "
            "%(free_mib)s MiB are free."
        ),
        "no_room": _("There is not enough memory for the model's context."),
        "not_loaded": _("llama.cpp cannot load this file."),
        "no_score": _("This model gives no score for a pair of texts."),
        "no_vector": _("This model gives no vector for a whole text."),
        "encoder": _("Models with an encoder cannot chat here."),
        "deaths": _(
            "It ended its process %(num_deaths)s times (%(cause)s). It stays off until its file changes or an admin "
            "tries it again."
        ),
        "ended": _("ended with status %(status)s"),
        "signal": _("ended by %(signal)s"),
        "stalled": _("did not move for %(seconds)s s"),
        "slow_request": _("could not turn a request into tokens in time"),
    }
