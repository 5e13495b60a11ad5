"""What an admin decided about each model file that the inference service found.

The service owns the file and its state (loaded, loading, broken); this row owns the decision and the last facts we
heard, so that pages need not ask. `chat.served_models` keeps the two together.
"""

from __future__ import annotations

from django.db import models

from chat.models.employee import Employee

CHAT, EMBEDDING, RERANK = "chat", "embedding", "rerank"


class ServedModelQuerySet(models.QuerySet["ServedModel"]):
    def for_employee(self, employee: Employee) -> ServedModelQuerySet:
        """What this employee may use: the enabled models whose file is there."""
        return self.filter(is_enabled=True, is_present=True)

    def for_admin(self, employee: Employee) -> ServedModelQuerySet:
        """Every model ever found, for admins; nothing for others."""
        return self.all() if employee.is_admin else self.none()

    def chat(self) -> ServedModelQuerySet:
        return self.filter(kind=CHAT)

    def default(self) -> ServedModel | None:
        """The model of a thread that nobody chose one for: the default, or else the first."""
        return self.chat().order_by("-is_default", "sort", "title").first()


class ServedModel(models.Model):
    name = models.CharField(max_length=200, unique=True)  # the inference service's id
    title = models.CharField(max_length=120)
    kind = models.CharField(max_length=12)
    is_enabled = models.BooleanField(default=False)
    is_default = models.BooleanField(default=False)
    is_embedding = models.BooleanField(default=False)  # documents are indexed with it
    is_present = models.BooleanField(default=True)
    sort = models.IntegerField(default=0)
    size_bytes = models.BigIntegerField(default=0)
    architecture = models.CharField(max_length=60, blank=True)
    quantization = models.CharField(max_length=30, blank=True)
    context_length = models.IntegerField(default=0)
    num_parameters = models.BigIntegerField(null=True)
    error = models.TextField(blank=True)  # why the file is broken
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ServedModelQuerySet.as_manager()

    class Meta:
        ordering = ["sort", "title"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"], condition=models.Q(is_default=True), name="one_default_model"
            ),
            models.UniqueConstraint(
                fields=["is_embedding"], condition=models.Q(is_embedding=True), name="one_embedding_model"
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def version(self) -> str:
        """What stands on each answer beside the name: how the file is quantized; its size tells builds apart."""
        size = f"{self.size_bytes / 1e9:.2f} GB" if self.size_bytes else ""
        return ", ".join(part for part in (self.quantization, size) if part)

    @property
    def is_chat(self) -> bool:
        return self.kind == CHAT

    def rename(self, title: str) -> None:
        self.title = title
        self.save(update_fields=["title"])
