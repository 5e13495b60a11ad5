"""The Django app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RagConfig(AppConfig):
    """Connects the signals and registers the tasks, so that a doorbell finds them in every process."""

    name = "rag"
    label = "rag"
    verbose_name = _("Documents")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from rag import signals, tasks  # noqa: F401
