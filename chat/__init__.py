"""The web application: people, threads, turns, pages, and the Django project around them.

Celery's application is imported here so that every process that queues a job queues it at our broker.
"""

from __future__ import annotations

from chat.celery import app as celery_app

__all__ = ["celery_app"]
