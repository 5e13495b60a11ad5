"""What beat rings for chat, for the Celery settings of the project."""

from __future__ import annotations

BEAT: dict[str, dict[str, object]] = {
    # Workers sweep for each other; this is for the time when there is none.
    "chat-sweep-turns": {"task": "chat.sweep_turns", "schedule": 15.0, "options": {"expires": 15}},
    "chat-expire-threads": {"task": "chat.expire_threads", "schedule": 3600.0, "options": {"expires": 3600}},
    "chat-sweep-imports": {"task": "chat.sweep_imports", "schedule": 300.0, "options": {"expires": 300}},
    # Admins see a new or vanished model file when they look; employees, within a minute.
    "chat-sync-models": {"task": "chat.sync_models", "schedule": 60.0, "options": {"expires": 60}},
}
