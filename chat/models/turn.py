"""One answer in the making: the row that says who writes it and how far it is.

The row is the queue. A worker owns it while its lease lasts, and `attempt` fences off a worker that lost the lease and
does not know it yet: every write names its attempt. `chat.turns.queue` has the verbs.
"""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.db import models
from django.utils import timezone

from chat.models.employee import Employee
from chat.models.message import Message
from chat.models.thread import Thread

QUEUED, RUNNING, FINISHED, STOPPED, FAILED = "queued", "running", "finished", "stopped", "failed"
OPEN = (QUEUED, RUNNING)
# How long a worker owns a turn without saying so again.
LEASE = timedelta(seconds=15)
# How long a queued turn waits for a worker when none lives. Beat looks each 15 s, and 60 s is the longest.
PATIENCE = timedelta(seconds=40)


class TurnQuerySet(models.QuerySet["Turn"]):
    def for_employee(self, employee: Employee) -> TurnQuerySet:
        return self.filter(thread__owner=employee, thread__deleted_at=None)

    def unfinished(self) -> TurnQuerySet:
        return self.filter(status__in=OPEN)


class Turn(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="turns")
    question = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="turns")
    # An answer that was cut off is written by several turns, one after the other.
    answer = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="written_by")
    model_name = models.CharField(max_length=200)
    status = models.CharField(max_length=10, default=QUEUED)
    attempt = models.IntegerField(default=0)
    num_interruptions = models.IntegerField(default=0, db_default=0)  # workers that died over it without a word
    worker = models.CharField(max_length=60, blank=True)
    language = models.CharField(
        max_length=8, blank=True, default="", db_default=""
    )  # of sentences that its failure would need
    lease_until = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True)  # a turn that the engine had no room for comes back then
    stop_requested_at = models.DateTimeField(null=True)
    # The events up to this one are in the answer's text.
    checkpoint_seq = models.IntegerField(default=0)
    error_code = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = TurnQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["created_at"], condition=models.Q(status=QUEUED), name="turn_queue"),
            models.Index(fields=["lease_until"], condition=models.Q(status=RUNNING), name="turn_leases"),
        ]

    def __str__(self) -> str:
        return f"{self.status} {self.id}"

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    @property
    def is_abandoned(self) -> bool:
        """It waits for longer than any living worker lets a turn wait without a word."""
        return self.status == QUEUED and self.created_at < timezone.now() - PATIENCE
