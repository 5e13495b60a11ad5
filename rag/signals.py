"""The one thing rag announces, and the one thing it listens to.

document_changed(sender=Document, document_id=…) leaves when the transaction commits. It carries no content: whoever
forwards it asks again through for_employee, so nobody is told about a document they may not read.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models.signals import post_save
from django.dispatch import Signal, receiver

document_changed = Signal()


def announce(document_id: uuid.UUID) -> None:
    """Send document_changed on commit. A receiver that fails does not undo or stop anything."""
    from rag.models import Document

    transaction.on_commit(lambda: document_changed.send_robust(sender=Document, document_id=document_id), robust=True)


@receiver(post_save, sender=settings.AUTH_USER_MODEL, dispatch_uid="rag_principal")
def _give_principal(sender: type, instance: Any, created: bool, raw: bool = False, **kwargs: object) -> None:
    if created and not raw:
        from rag import principals

        principals.ensure_for(instance)
