"""`python -m launch.health URL`: exit status 0 when something answers there. For images that have no curl."""

from __future__ import annotations

import sys

from launch.stack import answers

if __name__ == "__main__":
    sys.exit(0 if answers(sys.argv[1]) else 1)
