"""System checks of our own: what must hold before anyone may be let in."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

MIN_SECRET_CHARS = 32


@register(Tags.security, deploy=True)
def secrets_are_long_and_different(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    values = {
        "HEARTH_SECRET_KEY": settings.SECRET_KEY,
        "HEARTH_API_KEY_SECRET": settings.API_KEY_SECRET,
        "HEARTH_INFERENCE_SECRET": settings.HEARTH_INFERENCE_SECRET,
    }
    found: list[CheckMessage] = [
        Error(f"{name} is shorter than {MIN_SECRET_CHARS} characters.", id="chat.E001")
        for name, value in values.items()
        if len(value) < MIN_SECRET_CHARS
    ]
    if len(set(values.values())) < len(values):
        found.append(Error("Two of Hearth's secrets are the same text. Each needs its own.", id="chat.E002"))
    return found


@register(Tags.security, deploy=True)
def hosts_are_named(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if "*" in settings.ALLOWED_HOSTS:
        return [Error("HEARTH_ALLOWED_HOSTS must name the hosts; * lets anybody forge links.", id="chat.E003")]
    return []
