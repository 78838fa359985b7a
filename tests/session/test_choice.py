"""What a session is told to work with: a value that is read from what people and callers give."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes import ScriptedBackend

from conjure_magic.errors import UsageError
from conjure_magic.secrets import Key
from conjure_magic.session.choice import SessionChoice


def test_what_is_not_given_stays(tmp_path: Path) -> None:
    before = SessionChoice(("local",), ("./a",), "offline", tmp_path, tmp_path, Key("a-key-0123456"), {"image": "x"})
    assert before.with_changes() == before
    assert before.with_changes(backend="native , docker,native").backends == ("native", "docker")
    assert before.with_changes(skills=[]).skills == ()
    assert before.with_changes(options={"host": "box"}).options == {"image": "x", "host": "box"}
    assert before.backends == ("local",)


def test_backends_are_names_or_objects() -> None:
    made = ScriptedBackend()
    assert SessionChoice().with_changes(backend=made).backends == (made,)
    assert SessionChoice().with_changes(backend=["local", made]).backends == ("local", made)
    for nothing in ("", " , ", []):
        with pytest.raises(UsageError, match="no backend was given"):
            SessionChoice().with_changes(backend=nothing)


def test_folders_are_those_of_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("work", "in"):
        (tmp_path / name).mkdir()
    chosen = SessionChoice().with_changes(workspace="work", input="in")
    assert (chosen.workspace, chosen.input, chosen.names_input) == (tmp_path / "work", tmp_path / "in", True)
    assert not SessionChoice().names_input
    with pytest.raises(UsageError, match="home directory of an unknown user"):
        SessionChoice().with_changes(input="~nobody-of-that-name/x")
    with pytest.raises(UsageError, match="does not exist or is not a folder"):
        SessionChoice().with_changes(workspace="missing")


def test_skills_are_listed_whatever_way_they_are_given(tmp_path: Path) -> None:
    for given in ("a,b", ["a", "b"], ("a", Path("b"))):
        assert SessionChoice().with_changes(skills=given).skills == ("a", "b")
    assert SessionChoice().with_changes(skills=tmp_path).skills == (str(tmp_path),)
    assert SessionChoice().with_changes(skills=ScriptedBackend).skills == (ScriptedBackend,)
