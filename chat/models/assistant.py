"""A way of answering that has a name: model, instructions and settings, ready to begin a thread with."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext as _

from chat import limits
from chat.errors import TooMany
from chat.models.answering import Answering
from chat.models.employee import Employee
from chat.models.served_model import ServedModel
from chat.models.shareable import Shareable, ShareableQuerySet

NAME_CHARS = 60
DESCRIPTION_CHARS = 200


class AssistantQuerySet(ShareableQuerySet):
    def in_order(self) -> AssistantQuerySet:
        return self.order_by("name", "created_at")


class Assistant(Shareable, Answering):
    name = models.CharField(max_length=NAME_CHARS)
    description = models.CharField(max_length=DESCRIPTION_CHARS, blank=True)
    # Without one, whichever the person has chosen. A model that is not served any more counts as none.
    model = models.ForeignKey(ServedModel, on_delete=models.SET_NULL, null=True, related_name="+")

    objects = AssistantQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["owner", "name"], name="assistant_of_owner")]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def make(cls, owner: Employee, name: str) -> Assistant:
        """Not saved yet. Raises TooMany."""
        if cls.objects.owned_by(owner).count() >= limits.MAX_ASSISTANTS_PER_EMPLOYEE:
            raise TooMany("too_many_assistants", _("You have as many assistants as one may have."))
        return cls(owner=owner, name=name)

    def summary(self, employee: Employee) -> dict[str, Any]:
        """As this employee sees it. model: its name, or null."""
        return (
            {
                "id": str(self.id),
                "name": self.name,
                "description": self.description,
                "model": self.model.name if self.model else None,
            }
            | self.answer_settings.summary()
            | self.whose(employee)
        )
