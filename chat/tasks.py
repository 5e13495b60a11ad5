"""Celery's doorbells for chat. Each is two lines around a verb."""

from __future__ import annotations

import logging
import uuid

from celery import Task, shared_task

from chat import deleting, served_models, titles
from chat.importing import reading
from chat.turns import presence, queue
from inference.errors import InferenceError

log = logging.getLogger(__name__)
RETRY_SECONDS = 5


@shared_task(name="chat.title_thread")  # type: ignore[untyped-decorator]
def title_thread(thread_id: str) -> None:
    titles.write(uuid.UUID(thread_id))


@shared_task(name="chat.sweep_turns")  # type: ignore[untyped-decorator]
def sweep_turns() -> None:
    queue.sweep()
    presence.give_up_abandoned()


@shared_task(name="chat.expire_threads")  # type: ignore[untyped-decorator]
def expire_threads() -> None:
    deleting.expire()


@shared_task(name="chat.read_import")  # type: ignore[untyped-decorator]
def read_import(import_id: str) -> None:
    reading.run(uuid.UUID(import_id))


@shared_task(name="chat.sweep_imports")  # type: ignore[untyped-decorator]
def sweep_imports() -> None:
    """Those whose ring was lost, and files that nobody sent to their end."""
    for import_id in reading.sweep():
        read_import.delay(str(import_id))


@shared_task(name="chat.sync_models")  # type: ignore[untyped-decorator]
def sync_models() -> None:
    try:
        served_models.sync()
    except InferenceError as error:
        log.warning("models not synced: %s", error.code)


@shared_task(name="chat.unload_model", bind=True, max_retries=None)  # type: ignore[untyped-decorator]
def unload_model(self: Task, name: str) -> None:
    """Free the memory of a disabled model, once no answer is being written with it."""
    if served_models.is_in_use(name):
        raise self.retry(countdown=RETRY_SECONDS)
    served_models.unload_if_disabled(name)
