"""What rag announces, and the one thing it listens to.

document_changed(sender=Document, document_id=…, lost=…) and library_changed(sender=Collection, employees=…) leave when
the transaction commits. They carry no content: whoever forwards them asks again through for_employee, so nobody is told
about a document they may not read.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models.signals import post_save
from django.dispatch import Signal, receiver

document_changed = Signal()
library_changed = Signal()


def announce(document_id: uuid.UUID, lost: Iterable[int] = ()) -> None:
    """Send document_changed on commit; lost: employees who could read it until now.

    A receiver that fails does not undo or stop anything.
    """
    from rag.models import Document

    gone = frozenset(lost)
    transaction.on_commit(
        lambda: document_changed.send_robust(sender=Document, document_id=document_id, lost=gone), robust=True
    )


def announce_library(employees: Iterable[int]) -> None:
    """Send library_changed on commit: what these employees may see or do is another thing now."""
    from rag.models import Collection

    ids = frozenset(employees)
    if ids:
        transaction.on_commit(lambda: library_changed.send_robust(sender=Collection, employees=ids), robust=True)


@receiver(post_save, sender=settings.AUTH_USER_MODEL, dispatch_uid="rag_principal")
def _give_principal(sender: type, instance: Any, created: bool, raw: bool = False, **kwargs: object) -> None:
    if created and not raw:
        from rag import principals

        principals.ensure_for(instance)
