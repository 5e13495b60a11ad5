"""A supervisor over throwaway processes, run as a program of its own: it ends orphans, and pytest has children too."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from launch.console import Console
from launch.processes import Command, Supervisor

# Notes its number; starts a child in a session of its own that ignores SIGTERM and notes its number too.
PARENT = """
import os, pathlib, subprocess, sys, time
folder, name = pathlib.Path(sys.argv[1]), sys.argv[2]
child = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
grandchild = subprocess.Popen([sys.executable, "-c", child], start_new_session=True)
(folder / f"{name}.child").write_text(str(grandchild.pid))
(folder / f"{name}.pid.new").write_text(str(os.getpid()))
(folder / f"{name}.pid.new").rename(folder / f"{name}.pid")
print("up", flush=True)
time.sleep(600)
"""


def main(folder: Path) -> None:
    requests: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: requests.append(number))
    supervisor = Supervisor(Console(), lambda: bool(requests))
    for name in ("one", "two"):
        supervisor.start(Command(name, [sys.executable, "-c", PARENT, str(folder), name], {}, grace_seconds=5))
    supervisor.run()
    supervisor.stop("one", "two")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
