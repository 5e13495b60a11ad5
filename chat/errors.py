"""What can go wrong at our doors, split by who must act.

HearthError(code, sentence, status)
├── BadInput          400  the caller can fix it
│   └── UnknownField
├── NotSignedIn       401
├── NotAllowed        403  signed in, but this needs something else first
├── Missing           404  also: somebody else's
├── Conflict          409
├── TooLarge          413
├── TooMany           429  the caller can try again later
└── Unavailable       503  PostgreSQL is away; so can they

Each door translates once: pages and JSON in `chat.middleware.translate_errors`, sockets in `chat.consumers`.
"""

from __future__ import annotations

from django.utils.translation import gettext as _


class HearthError(Exception):
    """A failure with a stable code for programs and a sentence for people."""

    status = 500

    def __init__(self, code: str, sentence: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = str(sentence)
        self.retry_after_seconds = retry_after_seconds


class BadInput(HearthError):
    status = 400


class UnknownField(BadInput):
    def __init__(self, name: str) -> None:
        super().__init__("unknown_field", _("There is no field “%(name)s” here.") % {"name": name[:60]})


class NotSignedIn(HearthError):
    status = 401


class NotAllowed(HearthError):
    status = 403


class Missing(HearthError):
    """Not there, or not yours: the answer is the same."""

    status = 404

    def __init__(self) -> None:
        super().__init__("not_found", _("There is nothing here."))


class Conflict(HearthError):
    status = 409


class TooLarge(HearthError):
    status = 413


class TooMany(HearthError):
    status = 429


class Unavailable(HearthError):
    status = 503

    def __init__(self) -> None:
        super().__init__("unavailable", _("Hearth is not available at the moment. Try again shortly."), 5)
