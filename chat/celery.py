"""The entry point of two processes, and which bells each hears (settings.CELERY_TASK_ROUTES).

worker (`celery -A chat worker -Q read,embed`) reads files and has them embedded, one step at a time. jobs (`-Q
short,maint -B --pool threads`) does what is short or mostly waits: titles, sweeps, clearing away. So no ingest, however
long, delays a title. Celery is a doorbell here. The truth of every job is a row in PostgreSQL with a lease, so a lost
message costs seconds, never a document.
"""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.signals import celeryd_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chat.settings")

app = Celery("chat")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# Reading fills a processor for as long as there are files; people's answers and pages go first.
READING_NICENESS = 5


@celeryd_init.connect  # type: ignore[untyped-decorator]
def _stand_back(options: dict[str, Any] | None = None, **kwargs: object) -> None:
    if "read" in str((options or {}).get("queues") or ""):
        os.nice(READING_NICENESS)
