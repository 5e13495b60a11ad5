"""What one side of a thread said. A message is never overwritten by another; `parent` makes the thread a tree."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Sequence

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models.functions import Left
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chat.models.employee import Employee
from chat.models.thread import Thread

USER, ASSISTANT = "user", "assistant"
# What static/ts/models/math_spans.ts may find a formula in.
_FORMULA = re.compile(r"\$[^$]+\$|\\\(|\\\[")
PENDING, COMPLETE, STOPPED, FAILED = "pending", "complete", "stopped", "failed"


class MessageQuerySet(models.QuerySet["Message"]):
    def for_employee(self, employee: Employee) -> MessageQuerySet:
        return self.filter(thread__owner=employee, thread__deleted_at=None)

    def in_order(self) -> MessageQuerySet:
        return self.order_by("created_at")


class Message(models.Model):
    class Role(models.TextChoices):
        USER = USER, _("You")
        ASSISTANT = ASSISTANT, _("Assistant")

    # A question's id is made by the browser, so that sending twice is one message.
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="messages")
    parent = models.ForeignKey("self", on_delete=models.CASCADE, null=True, related_name="replies")
    role = models.CharField(max_length=10, choices=Role.choices)
    text = models.TextField(blank=True)
    # What the model thought before its words: shown folded, never sent back as history, never searched.
    reasoning = models.TextField(blank=True, default="", db_default="")
    reasoning_seconds = models.FloatField(null=True)
    model_name = models.CharField(max_length=200, blank=True)
    # Which build of the model's file wrote it: its quantization. The name alone may mean another file tomorrow.
    model_version = models.CharField(max_length=60, blank=True, default="", db_default="")
    status = models.CharField(max_length=10, default=COMPLETE)
    finish_reason = models.CharField(max_length=12, blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    error_sentence = models.TextField(blank=True)
    # Of a question that several models were asked at once: its answers stand side by side until one is kept.
    is_undecided = models.BooleanField(default=False, db_default=False)
    # What the answer was given to read: the list of the event sources.found, and what was left out.
    sources = models.JSONField(default=dict, blank=True)
    num_prompt_tokens = models.IntegerField(null=True)
    num_completion_tokens = models.IntegerField(null=True)
    tokens_per_second = models.FloatField(null=True)
    # Of the model as it was then; an admin may have it loaded with another tomorrow.
    context_length = models.IntegerField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    # The messages that stand in the same place, itself among them, for those who show it: see chat.shown.
    siblings: Sequence[uuid.UUID] = ()
    # The answers that stand side by side, itself among them, for those who show it: see chat.turns.comparing.
    beside: Sequence[Message] = ()
    num_compared = 0  # answers that it stood side by side with, itself among them, where it may stand there again

    objects = MessageQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["thread", "created_at"], name="message_in_thread"),
            # Without answers in the making, whose text changes every second. See chat.thread_search.
            GinIndex(
                SearchVector(Left("text", 100_000), config="simple"),
                condition=~models.Q(status=PENDING),
                name="message_words",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.id}"

    @property
    def is_question(self) -> bool:
        return self.role == USER

    @property
    def is_pending(self) -> bool:
        return self.status == PENDING

    @property
    def has_formula(self) -> bool:
        """Whether scripts may find something to draw in it."""
        return _FORMULA.search(self.text) is not None

    @property
    def rating_text(self) -> str:
        """What its owner thinks of it (see chat.models.rating) as JSON for the page's scripts; "" when nothing."""
        rating = getattr(self, "rating", None)
        return json.dumps(rating.summary()) if rating else ""

    @property
    def can_go_on(self) -> bool:
        """An answer that ended before its end: stopped, interrupted, or longer than there was room for."""
        is_cut_off = self.status in (STOPPED, FAILED) or self.finish_reason == "length"
        return self.role == ASSISTANT and not self.is_pending and is_cut_off

    def reopen(self) -> None:
        """The answer is being written again, from the text that it has."""
        self.status, self.finish_reason, self.error_code, self.error_sentence = PENDING, "", "", ""
        self.save(update_fields=["status", "finish_reason", "error_code", "error_sentence"])
