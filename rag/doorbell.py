"""Tell the workers that a row is waiting.

The row is the truth, the message only saves waiting for the next sweep. So a broker that is away loses nothing
and must not fail the request that rang.
"""

from __future__ import annotations

import logging

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)


def ring(task: str, *args: object) -> None:
    """Queue rag.<task> once the transaction in progress has committed."""

    def send() -> None:
        try:
            current_app.tasks[f"rag.{task}"].apply_async(args, retry=False)
        except (OperationalError, OSError) as error:
            log.warning("broker away, rag.%s waits for the next sweep: %s", task, error)

    transaction.on_commit(send)
