"""docker-compose.yml and Dockerfile say what they should: by the compose specification, and by our own rules."""

from __future__ import annotations

import json
import re
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from launch.config import ROOT

OURS = ("web", "turns", "worker", "jobs", "setup", "inference")
WITH_A_DOOR = ("proxy", "web", "inference", "postgres", "valkey")


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def test_it_follows_the_compose_specification(compose: Any) -> None:
    schema = json.loads((files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json").read_text())
    jsonschema.validate(compose, schema)


def test_only_the_proxy_has_a_port(compose: Any) -> None:
    """And nothing but the proxy is on a network with a way out."""
    services = compose["services"]
    assert [name for name, service in services.items() if service.get("ports")] == ["proxy"]
    assert [name for name, service in services.items() if service["networks"] != ["inner"]] == ["proxy"]
    assert compose["networks"]["inner"]["internal"] is True
    assert services["proxy"]["ports"][0].startswith("${HEARTH_PUBLISH:-127.0.0.1:")


def test_our_processes_can_change_nothing_but_their_data(compose: Any) -> None:
    for name in OURS:
        service = compose["services"][name]
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name


def test_what_has_a_door_is_asked_whether_it_lives(compose: Any) -> None:
    assert [name for name in WITH_A_DOOR if "healthcheck" not in compose["services"][name]] == []


def test_secrets_come_from_files(compose: Any, tmp_path: Path) -> None:
    """No secret stands in the compose file, each one used is declared, and deploy/make-secrets makes it."""
    (tmp_path / "make-secrets").write_text((ROOT / "deploy/make-secrets").read_text())
    for _ in range(2):
        subprocess.run(["sh", str(tmp_path / "make-secrets")], check=True)
        made = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert set(made) == set(compose["secrets"])
    assert made["postgres_password"] in made["database_url"]
    for name, service in compose["services"].items():
        assert set(service.get("secrets", [])) <= set(compose["secrets"]), name
        for variable, value in service.get("environment", {}).items():
            if re.search(r"SECRET|PASSWORD|DATABASE_URL", variable):
                assert variable.endswith("_FILE"), (name, variable)
                assert value.removeprefix("/run/secrets/") in service["secrets"], (name, variable)


def test_inference_has_the_gpu_and_no_database(compose: Any) -> None:
    service = compose["services"]["inference"]
    (device,) = service["deploy"]["resources"]["reservations"]["devices"]
    assert device["capabilities"] == ["gpu"]
    assert service["secrets"] == ["inference_secret"]


def test_the_commands_are_those_of_a_start_without_containers(compose: Any) -> None:
    """A command that is renamed in launch/stack.py is renamed here, too."""
    stack = (ROOT / "launch/stack.py").read_text()
    for name in ("web", "turns", "worker", "jobs"):
        words = [
            word for word in compose["services"][name]["command"] if re.fullmatch(r"[a-z_.]+(\.server|\.py)?", word)
        ]
        assert [word for word in words if word not in ("python",) and f'"{word}"' not in stack] == [], name


def test_images_run_unprivileged_and_download_nothing_by_hand() -> None:
    text = (ROOT / "Dockerfile").read_text()
    stages = re.split(r"^FROM ", text, flags=re.MULTILINE)[1:]
    final = {stage.splitlines()[0].split(" AS ")[1]: stage for stage in stages}
    for name in ("hearth", "inference"):
        assert re.findall(r"^USER (\S+)$", final[name], re.MULTILINE) == ["hearth"], name
    assert not re.search(r"\b(curl|wget)\b|https?://|^ADD ", text, re.MULTILINE)
    assert "--require-hashes" in text


def test_the_proxy_limits_bodies() -> None:
    text = (ROOT / "deploy/nginx.conf").read_text()
    assert re.search(r"client_max_body_size 2m;", text)
    assert "X-Forwarded-For $remote_addr;" in text
