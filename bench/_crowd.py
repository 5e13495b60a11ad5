"""Employees for benches, signed in without a page: `python -m bench._crowd NUM_PEOPLE` beside a running Hearth.

Prints the session keys as a JSON list. Signing in through the form costs an Argon2 hash each and is limited by
address, and neither is what these benches ask about. The data folder says which Hearth is meant.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from launch.config import ROOT


def sign_in(data_dir: Path, num_people: int) -> list[str]:
    """The session keys of so many new employees."""
    environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "VALKEY_URL")}
    done = subprocess.run(
        [sys.executable, "-m", "bench._crowd", str(num_people)],
        cwd=ROOT, env=environment | {"HEARTH_DATA_DIR": str(data_dir)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr)
    keys: list[str] = json.loads(done.stdout)
    return keys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chat.settings")
    import django

    django.setup()

    from tests.factories import browser_of, make_employee

    keys = []
    for _ in range(int(sys.argv[1])):
        browser = browser_of(make_employee(f"{os.urandom(6).hex()}@example.com", name="Bench Example"))
        keys.append(str(browser.session.session_key))
    print(json.dumps(keys))


if __name__ == "__main__":
    main()
