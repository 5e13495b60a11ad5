"""What this start uses: the environment, an optional .env beside the code, and secrets made once.

Whatever the operator sets wins; what is missing is filled in so that `bin/run` needs no configuration at all.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from launch.problems import Unusable

ROOT = Path(__file__).resolve().parent.parent
SECRET_NAMES = ("HEARTH_SECRET_KEY", "HEARTH_API_KEY_SECRET", "HEARTH_INFERENCE_SECRET")
# With a password in them, so they too may come from a file. Whether they are set decides what is started here.
ADDRESS_NAMES = ("DATABASE_URL", "VALKEY_URL")
POSTGRES_SECRET_NAMES = ("HEARTH_POSTGRES_PASSWORD", "HEARTH_POSTGRES_ADMIN_PASSWORD")
# Linux keeps 108 bytes for the path of a socket, the closing NUL included.
SOCKET_PATH_MAX_BYTES = 107


@dataclass(frozen=True)
class Config:
    data_dir: Path
    models_dir: Path
    uploads_dir: Path
    host: str
    port: int
    inference_port: int
    environment: Mapping[str, str]
    """What the processes are given: the operator's variables and the defaults. Secrets are added by with_secrets."""

    @property
    def url(self) -> str:
        return self.environment["HEARTH_URL"]

    @property
    def has_own_postgres(self) -> bool:
        return not self.environment.get("DATABASE_URL")

    @property
    def has_own_valkey(self) -> bool:
        return not self.environment.get("VALKEY_URL")

    @property
    def has_own_inference(self) -> bool:
        return not self.environment.get("HEARTH_INFERENCE_URL")

    @property
    def has_own_models(self) -> bool:
        """Nothing is put into a models folder that the operator named."""
        return self.models_dir == self.data_dir / "models"

    @property
    def local_url(self) -> str:
        """Where this machine itself reaches the web process, whatever its public address is."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared, never bound
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def read(environment: Mapping[str, str] = os.environ, dotenv: Path = ROOT / ".env") -> Config:
    """Raises Unusable for a port that is no number and for a NAME_FILE that cannot be read."""
    values = {**read_dotenv(dotenv), **environment}
    for name in ADDRESS_NAMES:
        if file_name := values.pop(f"{name}_FILE", ""):
            values[name] = _content(name, file_name)
    data_dir = Path(values.get("HEARTH_DATA_DIR") or ROOT / ".hearth").absolute()
    host = values.get("HEARTH_HOST") or "127.0.0.1"
    port = _port(values, "HEARTH_PORT", 8000)
    models_dir = Path(values.get("HEARTH_MODELS_DIR") or data_dir / "models").absolute()
    uploads_dir = Path(values.get("HEARTH_UPLOADS_DIR") or data_dir / "uploads").absolute()
    values.update(
        HEARTH_DATA_DIR=str(data_dir),
        HEARTH_MODELS_DIR=str(models_dir),
        HEARTH_UPLOADS_DIR=str(uploads_dir),
        HEARTH_HOST=host,
        HEARTH_PORT=str(port),
        HEARTH_URL=values.get("HEARTH_URL") or f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}",  # noqa: S104
    )
    # Spinning OpenMP threads cost a factor of 60 on two busy cores (decisions.md).
    values.setdefault("GOMP_SPINCOUNT", "0")
    return Config(data_dir, models_dir, uploads_dir, host, port, _port(values, "HEARTH_INFERENCE_PORT", 8081), values)


def read_dotenv(path: Path) -> dict[str, str]:
    """NAME=value lines; quotes around a value and lines that begin with # are dropped. No expansion."""
    values: dict[str, str] = {}
    if not path.is_file():
        return values
    for line in path.read_text().splitlines():
        name, separator, value = line.strip().partition("=")
        if separator and not name.startswith("#"):
            values[name.strip()] = value.strip().strip("'\"")
    return values


def load_secrets(data_dir: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Each secret from the environment, else from secrets.env (mode 0600), else made now and kept there."""
    path = data_dir / "secrets.env"
    kept = read_dotenv(path)
    wanted = [name for name in SECRET_NAMES if not (environment.get(name) or environment.get(f"{name}_FILE"))]
    missing = [name for name in (*wanted, *POSTGRES_SECRET_NAMES) if name not in kept]
    if missing:
        kept.update({name: secrets.token_urlsafe(40) for name in missing})
        write_private(path, "".join(f"{name}={value}\n" for name, value in sorted(kept.items())))
    return {name: kept[name] for name in (*wanted, *POSTGRES_SECRET_NAMES)}


def write_private(path: Path, text: str) -> None:
    """Whole or not at all, and never readable by others, not even for a moment."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "w") as handle:
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        Path(name).rename(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def socket_folder(data_dir: Path, name: str, longest_name: str) -> Path:
    """A folder that only this user enters, short enough for a socket of that name in it. Not made yet.

    Beside the data where that fits; a deep checkout gets one below XDG_RUNTIME_DIR or the temporary folder.
    """
    mark = hashlib.sha256(str(data_dir).encode()).hexdigest()[:12]
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    candidates = [data_dir / "run" / name, Path(tempfile.gettempdir()) / f"hearth-{os.getuid()}-{mark}-{name}"]
    if runtime and os.access(runtime, os.W_OK):
        candidates.insert(1, Path(runtime) / f"hearth-{mark}-{name}")
    for folder in candidates:
        if len(os.fsencode(folder / longest_name)) <= SOCKET_PATH_MAX_BYTES:
            return folder
    raise Unusable(f"No folder is short enough for a socket: set HEARTH_DATA_DIR to a path shorter than {data_dir}.")


def make_private(folder: Path, uid: int | None = None) -> None:
    """Make the folder with mode 0700; refuse one that somebody else has put there (a shared temporary folder)."""
    owner = os.getuid() if uid is None else uid
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir(mode=0o700)
        if owner != os.getuid():
            os.chown(folder, owner, -1)
    except FileExistsError:
        status = folder.lstat()
        if not folder.is_dir() or folder.is_symlink() or status.st_uid not in (owner, os.getuid()):
            raise Unusable(f"{folder} belongs to somebody else: remove it, then start again.") from None
        if status.st_uid != owner:
            os.chown(folder, owner, -1)
        folder.chmod(0o700)


def _content(name: str, file_name: str) -> str:
    try:
        return Path(file_name).read_text().strip()
    except OSError as error:
        raise Unusable(f"{name}_FILE names {file_name}, which cannot be read: {error.strerror}.") from error


def _port(values: Mapping[str, str], name: str, default: int) -> int:
    text = values.get(name) or str(default)
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise Unusable(f"{name} must be a port number from 1 to 65535, not {text!r}.")
    return int(text)
