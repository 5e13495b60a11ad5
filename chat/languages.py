"""Which language a browser asks for, where there is no request to ask: on sockets."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings
from django.utils.translation import get_supported_language_variant
from django.utils.translation.trans_real import parse_accept_lang_header


def of_headers(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The best of our languages for these ASGI headers."""
    accepted = b",".join(value for name, value in headers if name == b"accept-language").decode("latin1")
    for code, _quality in parse_accept_lang_header(accepted[:200]):
        try:
            return get_supported_language_variant(code)
        except LookupError:
            continue
    return settings.LANGUAGE_CODE
