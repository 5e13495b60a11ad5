"""Which processes write answers, and when each was last alive: so that a page need not promise what nobody does."""

from __future__ import annotations

from django.db import models


class TurnWorker(models.Model):
    name = models.CharField(max_length=60, primary_key=True)
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
