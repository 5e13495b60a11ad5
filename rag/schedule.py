"""What beat should ring, for the Celery settings of the project."""

from __future__ import annotations

BEAT: dict[str, dict[str, object]] = {
    # An unfinished sweep is worth nothing to the next one, so a bell that waited too long is dropped.
    "rag-sweep": {"task": "rag.sweep", "schedule": 15.0, "options": {"expires": 15}},
    "rag-purge": {"task": "rag.purge", "schedule": 600.0, "options": {"expires": 600}},
    "rag-count-lexemes": {"task": "rag.count_lexemes", "schedule": 3600.0, "options": {"expires": 3600}},
}
