"""The columns that say how a model is to answer, for a thread and for an assistant."""

from __future__ import annotations

from django.db import models

from chat.answer_settings import FIELDS, AnswerSettings


class Answering(models.Model):
    """What is empty is as Hearth would by itself."""

    system_prompt = models.TextField(blank=True, default="", db_default="")
    temperature = models.FloatField(null=True)
    top_p = models.FloatField(null=True)
    max_tokens = models.PositiveIntegerField(null=True)

    class Meta:
        abstract = True

    @property
    def answer_settings(self) -> AnswerSettings:
        return AnswerSettings(self.system_prompt, self.temperature, self.top_p, self.max_tokens)

    def set_answer_settings(self, settings: AnswerSettings) -> None:
        """All of them at once; not saved."""
        for name in FIELDS:
            setattr(self, name, getattr(settings, name))
