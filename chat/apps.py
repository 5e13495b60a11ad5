"""The chat app, and what it listens to."""

from __future__ import annotations

from django.apps import AppConfig


class ChatConfig(AppConfig):
    name = "chat"
    label = "chat"
    verbose_name = "Hearth"

    def ready(self) -> None:
        from django.db.models.signals import pre_delete

        from chat import checks, doorbell, thread_files  # noqa: F401  (checks registers itself)
        from chat.models import Thread

        doorbell.forward_document_changes()
        pre_delete.connect(thread_files.end, sender=Thread, dispatch_uid="chat.thread_files")
