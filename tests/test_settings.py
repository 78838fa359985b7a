"""Settings: where a value comes from, and what becomes of a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes import ScriptedBackend, ScriptedModel
from traitlets.config import Config

from conjure_magic.session import Session
from conjure_magic.settings import Settings


def test_the_environment_goes_before_the_default_and_behind_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().max_rounds == 50
    monkeypatch.setenv("CONJURE_MAX_ROUNDS", "7")
    monkeypatch.setenv("CONJURE_SKILLS", "./a, b")
    assert Settings().max_rounds == 7
    assert Settings().skills == ["./a", "b"]
    assert Settings(config=Config({"Settings": {"max_rounds": 9}})).max_rounds == 9
    assert Settings(max_rounds=3).max_rounds == 3


@pytest.mark.parametrize(
    ("name", "value"), [("CONJURE_TIMEOUT", "abc"), ("CONJURE_MAX_ROUNDS", "0"), ("CONJURE_PROFILE", "x")]
)
def test_an_invalid_variable_is_ignored_and_reported_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(name, value)
    settings = Settings()
    assert (settings.timeout, settings.max_rounds, settings.profile) == (0, 50, "dev")
    with Session(ScriptedBackend(), model=ScriptedModel(["One."], ["Two."]), settings=settings) as session:
        assert f"{name}='{value}' is ignored" in str(session.chat("a").items)
        assert "is ignored" not in str(session.chat("b").items)


@pytest.mark.parametrize(("profile", "backend"), [("dev", "local"), ("test", "local"), ("prod", "docker")])
def test_the_profile_chooses_where_nothing_else_does(
    monkeypatch: pytest.MonkeyPatch, profile: str, backend: str
) -> None:
    monkeypatch.setenv("CONJURE_PROFILE", profile)
    assert Settings().chosen_backend == backend
    monkeypatch.setenv("CONJURE_BACKEND", "native")
    assert Settings().chosen_backend == "native"


def test_every_setting_says_what_it_is_for() -> None:
    assert all(trait.help for trait in Settings.class_traits(config=True).values())


def test_the_environment_is_read_again_where_nothing_else_has_set_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONJURE_MODEL", "one")
    settings = Settings(backend="native")
    monkeypatch.setenv("CONJURE_MODEL", "two")
    monkeypatch.setenv("CONJURE_BACKEND", "local")
    monkeypatch.setenv("CONJURE_SKILLS", "a, b")
    monkeypatch.setenv("CONJURE_PROFILE", "nope")
    settings.read_environment()
    assert (settings.model, settings.backend, settings.skills, settings.profile) == ("two", "native", ["a", "b"], "dev")
    assert settings.problems[0].startswith("CONJURE_PROFILE='nope' is ignored")
    settings.model = "three"
    monkeypatch.setenv("CONJURE_MODEL", "four")
    monkeypatch.delenv("CONJURE_SKILLS")
    settings.read_environment()
    assert (settings.model, settings.skills, len(settings.problems)) == ("three", [], 1)
