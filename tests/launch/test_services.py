"""The services that every other test stands on."""

from __future__ import annotations

import os

import psycopg


def test_the_database_speaks_vectors() -> None:
    """pgvector and friends are in every database, although its owner may not create extensions."""
    url = os.environ["DATABASE_URL"].replace(f"/run_{os.getpid()}", "/hearth")
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT (ARRAY[3,4]::real[]::vector <-> '[0,0]')::int").fetchone() == (5,)
        assert connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() == (False,)
