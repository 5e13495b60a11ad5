"""Hearth whose processes come back at once, however often they die: for benches that kill them again and again.

The product waits longer after each death, up to 30 s, which is right for a process that cannot start and would only
make a bench of 200 kills an hour long.
"""

from __future__ import annotations

import sys

from launch import __main__ as launch
from launch import processes

if __name__ == "__main__":
    processes.BACKOFF_SECONDS = (0.2,)
    sys.argv[1:] = ["--no-prepare"]
    sys.exit(launch.main())
