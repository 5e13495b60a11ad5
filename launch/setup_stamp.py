"""Is the database as this code wants it? Asked on every start, in milliseconds, instead of a Django start of seconds.

The answer is a note of two things: the migration files, and what the database itself says was applied. A database
that was emptied, restored or replaced differs in the second and is set up again.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from launch.config import ROOT

STAMP_NAME = "setup.stamp"
SOURCES = ("*/migrations/*.py", "*/management/commands/seed.py", "requirements/run.txt")


def is_current(data_dir: Path, database_url: str) -> bool:
    stamp = data_dir / STAMP_NAME
    return stamp.exists() and stamp.read_text() == _state(database_url)


def write(data_dir: Path, database_url: str) -> None:
    (data_dir / STAMP_NAME).write_text(_state(database_url))


def _state(database_url: str) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for pattern in SOURCES for path in ROOT.glob(pattern)):
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return f"{digest.hexdigest()} {_applied(database_url)}"


def _applied(database_url: str) -> str:
    """How many migrations the database has seen, and the last one's time."""
    import psycopg

    try:
        with psycopg.connect(database_url, connect_timeout=10) as connection:
            row = connection.execute("SELECT count(*), max(applied) FROM django_migrations").fetchone()
            return f"{row[0]} {row[1]}" if row else "none"
    except psycopg.errors.UndefinedTable:
        return "none"
    except psycopg.Error as error:
        # The set-up that follows says it better, with Django's own message.
        return f"unreadable: {type(error).__name__}"
