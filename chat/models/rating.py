"""What its reader thinks of an answer: a thumb, and perhaps a sentence.

Theirs alone. Admins see how often each model was found good or bad, and a comment only where its writer ticked that
the admins may read it; never who wrote it.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext as _

from chat import limits
from chat.errors import BadInput
from chat.models.employee import Employee
from chat.models.message import Message

SHOWN_COMMENTS = 100


class RatingQuerySet(models.QuerySet["Rating"]):
    def for_employee(self, employee: Employee) -> RatingQuerySet:
        return self.filter(owner=employee)

    def for_admin(self, employee: Employee) -> RatingQuerySet:
        """Of everybody, to be counted; nothing for others."""
        return self.all() if employee.is_admin else self.none()

    def counts(self) -> list[dict[str, Any]]:
        """[{model_name, num_good, num_bad}], the most rated model first. One query."""
        good, bad = models.Q(is_good=True), models.Q(is_good=False)
        rows = self.values("model_name").annotate(
            num_good=models.Count("pk", filter=good), num_bad=models.Count("pk", filter=bad), num=models.Count("pk")
        )
        return [
            {name: row[name] for name in ("model_name", "num_good", "num_bad")}
            for row in rows.order_by("-num", "model_name")
        ]

    def readable_comments(self) -> list[dict[str, Any]]:
        """[{model_name, is_good, comment, day}] that admins may read, newest first, without names. One query."""
        rows = self.filter(may_admins_read=True, message__thread__deleted_at=None).exclude(comment="")
        return [
            {"model_name": row.model_name, "is_good": row.is_good, "comment": row.comment, "day": row.updated_at}
            for row in rows.order_by("-updated_at")[:SHOWN_COMMENTS]
        ]


class Rating(models.Model):
    # An answer that is deleted for ever takes its rating along.
    message = models.OneToOneField(Message, on_delete=models.CASCADE, primary_key=True, related_name="rating")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    # The message's, so that counting reads one table.
    model_name = models.CharField(max_length=200, blank=True)
    is_good = models.BooleanField()
    comment = models.TextField(blank=True)
    may_admins_read = models.BooleanField(default=False)
    updated_at = models.DateTimeField(default=timezone.now)

    objects = RatingQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["model_name", "is_good"], name="rating_of_model")]

    def __str__(self) -> str:
        return f"{'good' if self.is_good else 'bad'}: {self.message_id}"

    @classmethod
    def give(cls, owner: Employee, answer: Message, *, is_good: bool, comment: str, may_admins_read: bool) -> Rating:
        """In the place of an earlier one. Nothing to read is nothing to allow. Raises BadInput."""
        text = comment.strip()
        if len(text) > limits.MAX_COMMENT_CHARS:
            sentence = _("A comment has at most %(limit)d characters.") % {"limit": limits.MAX_COMMENT_CHARS}
            raise BadInput("comment_too_long", sentence)
        values = {"owner": owner, "model_name": answer.model_name, "is_good": is_good, "comment": text}
        values |= {"may_admins_read": may_admins_read and bool(text), "updated_at": timezone.now()}
        return cls.objects.update_or_create(message=answer, defaults=values)[0]

    def summary(self) -> dict[str, Any]:
        return {"good": self.is_good, "comment": self.comment, "for_admins": self.may_admins_read}


def rating_of(message: Message) -> dict[str, Any] | None:
    """Its summary, or None. No query when the message came with `select_related("rating")`."""
    rating: Rating | None = getattr(message, "rating", None)
    return rating.summary() if rating else None
