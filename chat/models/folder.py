"""Threads that belong together, and what their answers should always keep in mind."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext as _

from chat import limits
from chat.errors import BadInput, TooMany
from chat.models.employee import Employee

NAME_CHARS = 60


class FolderQuerySet(models.QuerySet["Folder"]):
    def for_employee(self, employee: Employee) -> FolderQuerySet:
        return self.filter(owner=employee)

    def in_order(self) -> FolderQuerySet:
        return self.order_by("name", "created_at")


class Folder(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="folders")
    name = models.CharField(max_length=NAME_CHARS)
    # Goes before every conversation in the folder, for the model alone.
    instructions = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = FolderQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["owner", "name"], name="folder_of_owner")]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def make(cls, owner: Employee, name: str) -> Folder:
        """Raises TooMany."""
        if cls.objects.for_employee(owner).count() >= limits.MAX_FOLDERS_PER_EMPLOYEE:
            raise TooMany("too_many_folders", _("You have as many folders as one may have."))
        return cls.objects.create(owner=owner, name=name)

    def rename(self, name: str) -> None:
        self.name = name
        self.save(update_fields=["name"])

    def instruct(self, instructions: str) -> None:
        """Counts from the next answer. Raises BadInput when it is too long."""
        text = instructions.strip()
        if len(text) > limits.MAX_INSTRUCTIONS_CHARS:
            sentence = _("Instructions have at most %(limit)d characters; these have %(found)d.")
            found = {"limit": limits.MAX_INSTRUCTIONS_CHARS, "found": len(text)}
            raise BadInput("instructions_too_long", sentence % found)
        self.instructions = text
        self.save(update_fields=["instructions"])

    def summary(self) -> dict[str, Any]:
        return {"id": str(self.id), "name": self.name, "instructions": self.instructions}
