"""Start-up: a missing secret is one sentence, secrets come from files, and HTTPS turns on what it should."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

SHOW = (
    "import django; django.setup(); from django.conf import settings as s; "
    "print(s.SESSION_COOKIE_NAME, s.SESSION_COOKIE_SECURE, s.SECURE_HSTS_SECONDS > 0, s.SECURE_SSL_REDIRECT); "
    "print(s.SECRET_KEY)"
)


def run(*arguments: str, **variables: str | None) -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ) | {"DJANGO_SETTINGS_MODULE": "chat.settings"}
    for name, value in variables.items():
        environment.pop(name, None)
        if value is not None:
            environment[name] = value
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )


MANY_PASSWORDS = """
import resource, threading
from django.contrib.auth.hashers import check_password, make_password
import django; django.setup()
one = make_password("a much better password")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
threads = [threading.Thread(target=check_password, args=("wrong", one)) for _ in range(12)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.thorough
def test_many_sign_ins_at_once_take_the_memory_of_one() -> None:
    """Whoever sends them has no account yet, so nothing else bounds what they cost."""
    done = run("-c", MANY_PASSWORDS)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 40


def test_a_missing_secret_stops_the_start_with_a_sentence() -> None:
    done = run("-c", SHOW, HEARTH_SECRET_KEY=None)
    assert done.returncode != 0
    assert "Set HEARTH_SECRET_KEY (or HEARTH_SECRET_KEY_FILE)" in done.stderr


def test_secrets_come_from_files_too(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("from-a-file-" + "x" * 50 + "\n")
    done = run("-c", SHOW, HEARTH_SECRET_KEY=None, HEARTH_SECRET_KEY_FILE=str(file))
    assert done.stdout.split()[-1] == "from-a-file-" + "x" * 50
    done = run("-c", SHOW, HEARTH_SECRET_KEY=None, HEARTH_SECRET_KEY_FILE=str(tmp_path / "nothing"))
    assert "cannot be read" in done.stderr


@pytest.mark.thorough
def test_https_locks_cookies_and_transport() -> None:
    assert run("-c", SHOW).stdout.split()[:4] == ["sid", "False", "False", "False"]
    done = run("-c", SHOW, HEARTH_URL="https://hearth.example.com")
    assert done.stdout.split()[:4] == ["__Host-sid", "True", "True", "True"]


@pytest.mark.thorough
def test_a_deployment_passes_djangos_own_checks() -> None:
    """`manage.py check --deploy` over HTTPS has nothing to say, and a star among the hosts is refused."""
    deploy = ("manage.py", "check", "--deploy", "--fail-level", "WARNING", "--tag", "security")
    done = run(*deploy, HEARTH_URL="https://hearth.example.com")
    assert done.returncode == 0, done.stderr
    done = run(*deploy, HEARTH_URL="https://hearth.example.com", HEARTH_ALLOWED_HOSTS="*")
    assert "chat.E003" in done.stderr


def test_the_web_process_imports_nothing_heavy() -> None:
    """At rest it stays small: neither numpy nor a PDF reader nor a model belongs there."""
    code = (
        "import sys; import chat.asgi; from django.urls import get_resolver; get_resolver().url_patterns; "
        "heavy = ('numpy', 'openai', 'pypdfium2', 'llama_cpp', 'gguf'); "
        "print([name for name in heavy if name in sys.modules])"
    )
    assert run("-c", code).stdout.strip() == "[]"
