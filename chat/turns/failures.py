"""Why an answer could not be written, in the asker's language."""

from __future__ import annotations

from django.utils.translation import gettext as _

from chat.prompts import QuestionTooLong
from inference import errors


class TurnFailed(Exception):
    """The answer ends here. code is stable, sentence is for the asker."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(code)
        self.code, self.sentence = code, sentence


def interrupted() -> TurnFailed:
    return TurnFailed("interrupted", _("The answer was interrupted too often."))


def nobody_there() -> TurnFailed:
    return TurnFailed(
        "no_worker", _("The part of Hearth that writes answers is not running. Try again, or tell an admin.")
    )


def too_long(error: QuestionTooLong) -> TurnFailed:
    sentence = _("The question has about %(found)d tokens, and this model has room for %(room)d. Shorten it.")
    return TurnFailed("too_long", sentence % {"found": error.num_tokens, "room": max(0, error.room_tokens)})


def answer_too_long() -> TurnFailed:
    return TurnFailed("answer_too_long", _("This model has no room for more of this answer. Ask for the rest instead."))


def of_inference(error: errors.InferenceError) -> TurnFailed:
    """In our words where we know what happened, else in the service's."""
    match error:
        case errors.UnknownModel():
            sentence = _("The file of this model is not there any more. Choose another model.")
        case errors.ModelBroken():
            # Why is for admins, on their page of models.
            sentence = _("This model does not work at the moment. Choose another model, or tell an admin.")
        case errors.OutOfMemory():
            sentence = _("The machine has not enough free memory for this model.")
        case errors.ContextTooLong():
            sentence = _("The conversation is longer than this model can read. Begin a new thread.")
        case errors.CapacityError():
            sentence = _("The models are busy. Try again in a few minutes.")
        case errors.Unreachable() | errors.BackendLost():
            sentence = _("The model's process ended before the answer was complete.")
        case _:
            sentence = error.sentence
    return TurnFailed(error.code, sentence)
