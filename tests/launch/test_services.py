"""The services that every other test stands on."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from tests.services import database_url


def test_the_database_speaks_vectors_without_a_superuser() -> None:
    """pgvector is in every database although its owner may not create extensions."""
    with psycopg.connect(database_url(os.environ["DATABASE_URL"], "hearth")) as connection:
        assert connection.execute("SELECT ('[3,4]'::vector <-> '[0,0]')::int").fetchone() == (5,)
        assert connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() == (False,)


def test_the_database_is_private() -> None:
    """No port, a socket folder for its owner alone, and no way in without a password."""
    url = urlsplit(os.environ["DATABASE_URL"])
    sockets = Path(parse_qs(url.query)["host"][0])
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    with psycopg.connect(database_url(os.environ["DATABASE_URL"], "hearth")) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
    for user in ("postgres", "hearth"):
        with pytest.raises(psycopg.OperationalError, match=r"no password supplied|authentication failed"):
            psycopg.connect(host=str(sockets), user=user, dbname="hearth")
