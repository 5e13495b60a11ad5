"""The chat app, and what it listens to."""

from __future__ import annotations

from django.apps import AppConfig


class ChatConfig(AppConfig):
    name = "chat"
    label = "chat"
    verbose_name = "Hearth"

    def ready(self) -> None:
        from chat import checks, doorbell  # noqa: F401  (checks registers itself)

        doorbell.forward_document_changes()
