"""What the environment may say."""

from __future__ import annotations

import pytest

from inference import config, errors


def test_an_empty_environment_but_for_the_secret_is_enough() -> None:
    """Every other setting has a working value."""
    settings = config.service_config({"HEARTH_INFERENCE_SECRET": "canary"})
    assert settings.port == 8081
    assert settings.num_threads >= 1
    assert "canary" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HEARTH_INFERENCE_SECRET", ""),
        ("HEARTH_BACKEND", "magic"),
        ("HEARTH_INFERENCE_PORT", "0"),
        ("HEARTH_INFERENCE_PORT", "http"),
        ("HEARTH_THREADS", "0"),
        ("HEARTH_MAX_RUNNING", "1000"),
        ("HEARTH_CONTEXT_LENGTH", "-5"),
        ("HEARTH_KEEP_ALIVE_SECONDS", "nan"),
    ],
)
def test_a_value_out_of_bounds_is_named(name: str, value: str) -> None:
    """Start-up stops with a sentence about the variable."""
    with pytest.raises(errors.BadParameter) as caught:
        config.service_config({"HEARTH_INFERENCE_SECRET": "s", name: value})
    assert caught.value.param == name


def test_a_child_sees_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """And has the two settings without which llama.cpp is slow or hangs."""
    monkeypatch.setenv("HEARTH_INFERENCE_SECRET", "canary")
    monkeypatch.setenv("DATABASE_URL", "canary")
    environment = config.child_environment()
    assert "canary" not in environment.values()
    assert environment["GOMP_SPINCOUNT"] == "0"
    assert environment["GGML_NO_BACKTRACE"] == "1"


def test_errors_cross_the_wire_whole() -> None:
    """What one process raises another one raises again, numbers included."""
    for error in (
        errors.ContextTooLong(900, 512),
        errors.QueueFull(2.5),
        errors.BadParameter("top_p", "No."),
        errors.ModelBroken("Broken."),
        errors.BodyTooLarge("Too large."),
    ):
        again = errors.from_wire(error.to_wire())
        assert type(again) is type(error)
        assert again.to_wire() == error.to_wire()
