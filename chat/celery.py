"""The entry point of the worker process: `celery -A chat worker -B`.

Celery is a doorbell here. The truth of every job is a row in PostgreSQL with a lease, so a lost message costs
seconds, never a document.
"""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chat.settings")

app = Celery("chat")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
