"""A conversation of one employee: its title, model, documents, folder and tags, and when it went into the trash."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from chat import limits
from chat.answer_settings import FIELDS as SETTINGS
from chat.answer_settings import AnswerSettings
from chat.branches import Tree
from chat.errors import BadInput, Conflict
from chat.models.answering import Answering
from chat.models.assistant import NAME_CHARS as ASSISTANT_CHARS
from chat.models.assistant import Assistant
from chat.models.employee import Employee
from chat.models.folder import Folder
from chat.models.served_model import ServedModel

if TYPE_CHECKING:
    from chat.models.message import Message
    from rag.models import Collection, Document

TITLE_CHARS = 120
TRASH_DAYS = 30
# A temporary thread that nobody ended, because the browser died, ends by itself.
TEMPORARY_HOURS = 12
# Who wrote the title. A title that an employee wrote is never overwritten.
FROM_QUESTION, FROM_MODEL, FROM_EMPLOYEE = "question", "model", "employee"


def first_words(text: str, limit: int = 60) -> str:
    """The beginning of text as a title: whole words, one line."""
    line = " ".join(text.split())
    if len(line) <= limit:
        return line
    return line[:limit].rpartition(" ")[0] or line[:limit]


class ThreadQuerySet(models.QuerySet["Thread"]):
    def for_employee(self, employee: Employee) -> ThreadQuerySet:
        return self.filter(owner=employee, deleted_at=None)

    def trash_of(self, employee: Employee) -> ThreadQuerySet:
        """Last deleted first."""
        return self.filter(owner=employee, deleted_at__isnull=False).order_by("-deleted_at")

    def kept(self) -> ThreadQuerySet:
        """Those that lists and searches show: temporary ones are open on the page that began them, and nowhere else."""
        return self.filter(is_temporary=False)

    def recent(self) -> ThreadQuerySet:
        """What the list shows: pinned first, then newest first; nothing from the archive."""
        return self.kept().filter(archived_at=None).order_by(models.F("pinned_at").desc(nulls_last=True), "-updated_at")

    def archived(self) -> ThreadQuerySet:
        return self.kept().filter(archived_at__isnull=False).order_by("-archived_at")

    def expired(self) -> ThreadQuerySet:
        """Of anybody: what has lain in the trash for long enough, and temporary threads that were left open."""
        now = timezone.now()
        is_old_trash = models.Q(deleted_at__lt=now - timedelta(days=TRASH_DAYS))
        is_left_open = models.Q(is_temporary=True, updated_at__lt=now - timedelta(hours=TEMPORARY_HOURS))
        return self.filter(is_old_trash | is_left_open)


class Thread(Answering):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="threads")
    title = models.CharField(max_length=TITLE_CHARS, blank=True)
    title_source = models.CharField(max_length=10, default=FROM_QUESTION)
    model = models.ForeignKey(ServedModel, on_delete=models.SET_NULL, null=True, related_name="+")
    folder = models.ForeignKey(Folder, on_delete=models.SET_NULL, null=True, related_name="threads")
    # What answers here; its settings were copied when it was chosen, so that editing it changes no old thread.
    assistant = models.ForeignKey(Assistant, on_delete=models.SET_NULL, null=True, related_name="+")
    assistant_name = models.CharField(max_length=ASSISTANT_CHARS, blank=True, default="", db_default="")
    tags = ArrayField(models.CharField(max_length=limits.MAX_TAG_CHARS), default=list, db_default=[])
    # Leaves nothing behind: in no list, found by no search, gone with the page.
    is_temporary = models.BooleanField(default=False, db_default=False)
    documents = models.ManyToManyField("rag.Document", related_name="threads")
    # What else its questions are asked of: collections, or all that its owner may see.
    collections = models.ManyToManyField("rag.Collection", related_name="+")
    asks_everything = models.BooleanField(default=False, db_default=False)
    # The branch that pages show is the one through this message; without it, the newest.
    tip = models.ForeignKey("chat.Message", on_delete=models.SET_NULL, null=True, related_name="+")
    # What another program called it, for a thread that was imported: importing it again doubles nothing.
    foreign_id = models.CharField(max_length=140, null=True)  # noqa: DJ001 - NULLs are not each other's doubles
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(default=timezone.now)
    pinned_at = models.DateTimeField(null=True)
    archived_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)
    # When the newest answer ended, and when its owner last looked: in between there is something unread.
    answered_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)

    objects = ThreadQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "foreign_id"], name="imported_once")]
        indexes = [
            models.Index(fields=["owner", "-updated_at"], name="thread_recent"),
            GinIndex(SearchVector("title", config="simple"), name="thread_words"),
            models.Index(fields=["deleted_at"], condition=models.Q(deleted_at__isnull=False), name="thread_trash"),
        ]

    def __str__(self) -> str:
        return self.title or str(self.id)

    def rename(self, title: str, source: str = FROM_EMPLOYEE) -> bool:
        """Whether the title was taken: a model's title never replaces one that the employee wrote."""
        rows = Thread.objects.filter(pk=self.pk)
        if source != FROM_EMPLOYEE:
            rows = rows.exclude(title_source=FROM_EMPLOYEE)
        self.title, self.title_source = title[:TITLE_CHARS], source
        return rows.update(title=self.title, title_source=source) == 1

    def choose_model(self, model: ServedModel | None) -> None:
        self.model = model
        self.save(update_fields=["model"])

    def tree(self) -> Tree:
        """All its messages. One query, no text."""
        return Tree(self.messages.order_by("created_at").values_list("id", "parent_id"))

    def show(self, message: Message) -> None:
        """From now on the branch through this message is the one that pages show."""
        self.tip = message
        self.save(update_fields=["tip"])

    def pin(self, is_pinned: bool) -> None:
        self.pinned_at = timezone.now() if is_pinned else None
        self.save(update_fields=["pinned_at"])

    def archive(self, is_archived: bool) -> None:
        """Out of the list, and found by searching; a new question brings the thread back."""
        self.archived_at = timezone.now() if is_archived else None
        self.save(update_fields=["archived_at"])

    def put_into(self, folder: Folder | None) -> None:
        self.folder = folder
        self.save(update_fields=["folder"])

    @property
    def instructions(self) -> str:
        """What the model reads before every conversation here: the folder's, then the thread's own."""
        parts = (self.folder.instructions if self.folder else "", self.system_prompt)
        return "\n\n".join(part for part in parts if part)

    def take_assistant(self, assistant: Assistant | None) -> None:
        """Its settings as they are now, and its model if it has one; with None, Hearth's own. Not saved."""
        self.assistant, self.assistant_name = assistant, assistant.name if assistant else ""
        self.set_answer_settings(assistant.answer_settings if assistant else AnswerSettings())
        if assistant and assistant.model:
            self.model = assistant.model

    def tag(self, tags: Sequence[str]) -> None:
        """These and no others; as one writes them, twice is once. Raises BadInput."""
        # str.split() also parts at the separators that `tag_line` uses.
        names = list(dict.fromkeys(" ".join(tag.split()) for tag in tags))
        if len(names) > limits.MAX_TAGS_PER_THREAD:
            sentence = _("A thread has at most %(limit)d tags.") % {"limit": limits.MAX_TAGS_PER_THREAD}
            raise BadInput("too_many_tags", sentence)
        if any(not 1 <= len(name) <= limits.MAX_TAG_CHARS for name in names):
            sentence = _("A tag has 1 to %(limit)d characters.") % {"limit": limits.MAX_TAG_CHARS}
            raise BadInput("bad_tag", sentence)
        self.tags = names
        self.save(update_fields=["tags"])

    @property
    def tag_line(self) -> str:
        """Its tags in one attribute of the page; the unit separator is in none of them."""
        return "\x1f".join(self.tags)

    @property
    def is_unread(self) -> bool:
        return self.answered_at is not None and (self.seen_at is None or self.seen_at < self.answered_at)

    def see(self) -> bool:
        """Its owner looks at it. Whether that was news. At most one statement."""
        if not self.is_unread:
            return False
        self.seen_at = timezone.now()
        self.save(update_fields=["seen_at"])
        return True

    def note_answer(self) -> None:
        """An answer has ended; unread until somebody looks."""
        self.answered_at = timezone.now()
        self.save(update_fields=["answered_at"])

    @transaction.atomic
    def attach(self, documents: Iterable[Document]) -> None:
        """Let the thread's questions be asked of these too. Twice is once. Raises Conflict when it has too many."""
        from chat import thread_files

        documents = list(documents)
        thread_files.check_attachable(self, documents)
        self.documents.add(*documents)
        thread_files.settle(self, documents)
        if self.documents.count() > limits.MAX_DOCUMENTS_PER_THREAD:
            raise Conflict("too_many_documents", _("A thread has as many documents as it may have."))

    @transaction.atomic
    def ask(self, collections: Iterable[Collection] | None, everything: bool | None) -> None:
        """Which collections its questions are asked of, and whether of all documents; None leaves it as it is."""
        if collections is not None:
            self.collections.set(collections)
        if everything is not None:
            self.asks_everything = everything
            self.save(update_fields=["asks_everything"])

    @transaction.atomic
    def delete_softly(self) -> None:
        """Into the trash with its own files, from which `restore` brings both back."""
        from chat import thread_files

        self.deleted_at = timezone.now()
        self.save(update_fields=["deleted_at"])
        thread_files.leave(self)

    @transaction.atomic
    def restore(self) -> None:
        from chat import thread_files

        self.deleted_at = None
        self.save(update_fields=["deleted_at"])
        thread_files.come_back(self)

    def choose_assistant(self, assistant: Assistant | None) -> None:
        self.take_assistant(assistant)
        self.save(update_fields=["assistant", "assistant_name", "model", *SETTINGS])

    def choose_settings(self, settings: AnswerSettings) -> None:
        """From the next answer on. The assistant keeps its name here, and nothing else of it changes."""
        self.set_answer_settings(settings)
        self.save(update_fields=SETTINGS)

    def settings_state(self) -> dict[str, Any]:
        """assistant: {id, name} or null; and how the model is to answer."""
        of = {"id": str(self.assistant_id or ""), "name": self.assistant_name} if self.assistant_name else None
        return {"assistant": of} | self.answer_settings.summary()

    def touch(self) -> None:
        self.updated_at = timezone.now()
        self.save(update_fields=["updated_at"])

    def summary(self) -> dict[str, Any]:
        """What the thread list of a page or a socket shows."""
        return {
            "id": str(self.id),
            "title": self.title,
            "updated_at": self.updated_at.isoformat(),
            "pinned": self.pinned_at is not None,
            "archived": self.archived_at is not None,
            "deleted": self.deleted_at is not None,
            "folder": str(self.folder_id) if self.folder_id else None,
            "tags": self.tags,
            "unread": self.is_unread,
            "temporary": self.is_temporary,
        }
