"""A text that is asked again and again, with fields that are filled in each time."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext as _

from chat import limits
from chat.errors import BadInput, TooMany
from chat.models.employee import Employee
from chat.models.shareable import Shareable, ShareableQuerySet
from chat.prompt_fields import fields_of

NAME_CHARS = 60
DESCRIPTION_CHARS = 200


class SavedPromptQuerySet(ShareableQuerySet):
    def in_order(self) -> SavedPromptQuerySet:
        return self.order_by("name", "created_at")


class SavedPrompt(Shareable):
    name = models.CharField(max_length=NAME_CHARS)
    description = models.CharField(max_length=DESCRIPTION_CHARS, blank=True)
    text = models.TextField()

    objects = SavedPromptQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["owner", "name"], name="prompt_of_owner")]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def make(cls, owner: Employee, name: str) -> SavedPrompt:
        """Not saved yet. Raises TooMany."""
        if cls.objects.owned_by(owner).count() >= limits.MAX_PROMPTS_PER_EMPLOYEE:
            raise TooMany("too_many_prompts", _("You have as many saved prompts as one may have."))
        return cls(owner=owner, name=name)

    def write(self, text: str) -> None:
        """Not saved. Raises BadInput when it is empty, too long, or has a field that cannot be read."""
        if not text.strip():
            raise BadInput("empty", _("Write something first."))
        if len(text) > limits.MAX_TEXT_CHARS:
            sentence = _("A prompt has at most %(limit)d characters.") % {"limit": limits.MAX_TEXT_CHARS}
            raise BadInput("prompt_too_long", sentence)
        fields_of(text)
        self.text = text.strip()

    def summary(self, employee: Employee) -> dict[str, Any]:
        """As this employee sees it."""
        return {
            "id": str(self.id),
            "name": self.name,
            "description": self.description,
            "text": self.text,
        } | self.whose(employee)
