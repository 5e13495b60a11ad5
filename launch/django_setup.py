"""`python -m launch.django_setup [RESULT]`: migrate and seed in one Django start.

Writes the first admin as JSON into RESULT ({"email", "password"}, or null when there was one already); the password
exists nowhere else, so the file is private and its reader removes it. Without RESULT it goes to the log, for
containers.
"""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

from launch import config


def main(result: Path | None) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chat.settings")
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", interactive=False, verbosity=1)
    answer = io.StringIO()
    call_command("seed", json=True, stdout=answer)
    text = _last_json_line(answer.getvalue())
    if result:
        config.write_private(result, text)
    elif admin := json.loads(text):
        print(f"First admin: {admin['email']}  one-time password: {admin['password']}")


def _last_json_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    admin = json.loads(lines[-1]) if lines else None
    if not isinstance(admin, dict) or not admin.get("password"):
        return json.dumps(None)
    return json.dumps({"email": admin["email"], "password": admin["password"]})


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
