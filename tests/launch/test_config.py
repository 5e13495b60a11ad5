"""Settings that need no setting: defaults, .env, secrets made once."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from launch import config
from launch.problems import Unusable
from launch.stack import for_inference


def test_secrets_are_made_once_and_private(tmp_path: Path) -> None:
    first = config.load_secrets(tmp_path, {})
    assert stat.S_IMODE((tmp_path / "secrets.env").stat().st_mode) == 0o600
    assert min(len(value) for value in first.values()) >= 50
    assert config.load_secrets(tmp_path, {}) == first


def test_the_operators_secret_wins(tmp_path: Path) -> None:
    """A secret that comes from outside is neither replaced nor written down, as a value or as a file's name."""
    environment = {"HEARTH_SECRET_KEY": "mine", "HEARTH_API_KEY_SECRET_FILE": "/run/secrets/key"}
    found = config.load_secrets(tmp_path, environment)
    assert "HEARTH_SECRET_KEY" not in found
    assert "HEARTH_API_KEY_SECRET" not in found
    assert "HEARTH_INFERENCE_SECRET" in found
    assert "HEARTH_SECRET_KEY" not in (tmp_path / "secrets.env").read_text()


def test_an_addition_keeps_the_secrets_that_are_there(tmp_path: Path) -> None:
    config.write_private(tmp_path / "secrets.env", "HEARTH_SECRET_KEY=kept\n")
    assert config.load_secrets(tmp_path, {})["HEARTH_SECRET_KEY"] == "kept"


def test_dotenv_fills_in_and_the_environment_wins(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text('# a comment\nHEARTH_PORT="9000"\nHEARTH_HOST=0.0.0.0\n\nnot a setting\n')
    found = config.read({"HEARTH_HOST": "127.0.0.2"}, dotenv)
    assert (found.host, found.port, found.url) == ("127.0.0.2", 9000, "http://127.0.0.2:9000")


def test_operators_parts_replace_the_embedded_ones(tmp_path: Path) -> None:
    found = config.read({"DATABASE_URL": "postgres://db/hearth", "HEARTH_MODELS_DIR": "/srv/models"}, tmp_path / "none")
    assert not found.has_own_postgres
    assert found.has_own_valkey
    assert found.models_dir == Path("/srv/models")


def test_addresses_with_a_password_may_come_from_a_file(tmp_path: Path) -> None:
    """Then nothing is started in their place, and a file that is not there is one sentence."""
    (tmp_path / "url").write_text("postgres://db/hearth\n")
    found = config.read({"DATABASE_URL_FILE": str(tmp_path / "url")}, tmp_path / "none")
    assert not found.has_own_postgres
    assert found.environment["DATABASE_URL"] == "postgres://db/hearth"
    assert "DATABASE_URL_FILE" not in found.environment
    with pytest.raises(Unusable, match="VALKEY_URL_FILE names"):
        config.read({"VALKEY_URL_FILE": str(tmp_path / "nowhere")}, tmp_path / "none")


def test_inference_is_told_its_own_secret_alone() -> None:
    """Not former keys either, and not where a secret lies."""
    told = for_inference(
        {"HEARTH_INFERENCE_SECRET": "a", "HEARTH_SECRET_KEY_FALLBACKS": "b", "HEARTH_API_KEY_SECRET_FILE": "c"}
    )
    assert told == {"HEARTH_INFERENCE_SECRET": "a"}


def test_a_deep_checkout_gets_a_short_socket_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel keeps 107 bytes of a socket's path."""
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    deep = tmp_path.joinpath(*["very-deep-folder"] * 8)
    folder = config.socket_folder(deep, "postgres", ".s.PGSQL.5432.lock")
    assert len(str(folder / ".s.PGSQL.5432.lock")) <= 107
    assert folder != config.socket_folder(deep / "other", "postgres", ".s.PGSQL.5432.lock")


def test_a_socket_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    """In a shared temporary folder another user may have been there first."""
    (tmp_path / "there").mkdir(mode=0o777)
    config.make_private(tmp_path / "there")
    assert stat.S_IMODE((tmp_path / "there").stat().st_mode) == 0o700
    (tmp_path / "link").symlink_to(tmp_path / "there")
    with pytest.raises(Unusable, match="somebody else"):
        config.make_private(tmp_path / "link")
