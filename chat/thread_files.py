"""The files of one thread: nowhere else to be seen, and gone with it.

rag keeps with each file the thread that it belongs to; which threads ask it is ours. A fork asks the same files, and
keeps them when the thread that they came with ends.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from chat.errors import BadInput
from chat.models import Thread
from rag import placing
from rag.models import Citation, Document


def check_attachable(thread: Thread, documents: Iterable[Document]) -> None:
    """Raises BadInput for a file of another thread: it is to be seen in that one alone."""
    here = {None, thread.pk}
    foreign = [document.pk for document in documents if document.is_thread_file and document.thread_id not in here]
    if len(foreign) > thread.documents.filter(pk__in=foreign).count():
        raise BadInput("unknown_document", _("One of the documents is not there any more."))


def settle(thread: Thread, documents: Iterable[Document]) -> None:
    """Files that were uploaded before the thread began belong to it now."""
    new = [document.pk for document in documents if document.is_thread_file and document.thread_id is None]
    if new:
        placing.settle_in_thread(new, thread.pk)


@transaction.atomic
def detach(thread: Thread, document: Document) -> None:
    """Ask it no more. A file of this thread alone, which no answer names, is then nowhere and goes."""
    thread.documents.remove(document)
    is_ours = document.is_thread_file and document.thread_id in (None, thread.pk)
    if is_ours and not document.threads.exists() and not Citation.objects.filter(document=document).exists():
        document.delete_for_everyone()


@transaction.atomic
def leave(thread: Thread) -> None:
    """Into the trash with the thread, except what a fork still asks."""
    _hand_on(thread)
    placing.suspend_thread(thread.pk, True)


def come_back(thread: Thread) -> None:
    placing.suspend_thread(thread.pk, False)


def end(sender: type, instance: Thread, **kwargs: Any) -> None:
    """The thread is deleted for ever, and its files with it."""
    with transaction.atomic():
        _hand_on(instance)
        for document in Document.objects.filter(thread_id=instance.pk, is_thread_file=True, deleted_at__isnull=True):
            document.delete_for_everyone()


def _hand_on(thread: Thread) -> None:
    """A file that another living thread of the same person asks belongs to that one from now on."""
    others = Thread.objects.filter(owner_id=thread.owner_id, deleted_at=None).exclude(pk=thread.pk)
    rows = Thread.documents.through.objects.filter(
        thread__in=others, document__thread_id=thread.pk, document__is_thread_file=True
    )
    for document_id, thread_id in rows.order_by("thread__created_at").values_list("document_id", "thread_id"):
        placing.settle_in_thread([document_id], thread_id)
