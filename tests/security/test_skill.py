"""A hostile skill: trust is in names and contents, so what was planted since is asked about."""

from __future__ import annotations

from pathlib import Path

import pytest

from conjure_magic.skills import SkillRegistry


def add(folder: Path, name: str, script: str = "print(1)") -> Path:
    skill = folder / name
    (skill / "scripts").mkdir(parents=True, exist_ok=True)
    (skill / "SKILL.md").write_text(f"---\nname: {name}\ndescription: Does {name}.\n---\n# {name}\n")
    (skill / "scripts" / "run.py").write_text(script)
    return skill


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CONJURE_HOME", str(tmp_path / "home"))
    project = tmp_path.resolve() / "project"
    add(project / "skills", "own")
    return project


def asked(project: Path, answer: bool | None = True) -> tuple[list[str], list[str]]:
    """What a person was asked about, and the project's skills that were loaded."""
    told: list[str] = []

    def ask(folder: Path, names: tuple[str, ...]) -> bool | None:
        told.extend(names)
        return answer

    registry = SkillRegistry(project=project, ask_trust=ask, user=False)
    return told, [skill.name for skill in registry.list() if skill.scope == "project"]


def test_what_is_as_it_was_is_not_asked_about_again(project: Path) -> None:
    assert asked(project) == (["own"], ["own"])
    assert asked(project) == ([], ["own"])


def test_a_planted_skill_is_asked_about_and_said_to_shadow_the_bundled_one(project: Path) -> None:
    asked(project)
    add(project / "skills", "log-analyzer")
    told, loaded = asked(project, answer=False)
    assert told == ["log-analyzer (new, replaces another skill of that name)"]
    assert loaded == []
    assert asked(project, answer=True)[1] == ["log-analyzer", "own"]


@pytest.mark.parametrize("file", ["scripts/run.py", "SKILL.md", "scripts/json.py", "references/x.md"])
def test_a_changed_or_added_file_is_asked_about_by_its_name(project: Path, file: str) -> None:
    asked(project)
    path = project / "skills" / "own" / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(path.read_text() + "\n# more\n" if path.exists() else "x")
    told, _ = asked(project)
    assert told == [f"own (changed: {file})"]
    assert asked(project)[0] == []


def test_a_refusal_of_what_changed_is_no_refusal_for_ever(project: Path) -> None:
    asked(project)
    add(project / "skills", "own", "print('PWNED')")
    assert asked(project, answer=False) == (["own (changed: scripts/run.py)"], [])
    add(project / "skills", "own")
    assert asked(project) == ([], ["own"])


def test_where_nobody_can_answer_what_changed_is_not_loaded(project: Path) -> None:
    asked(project)
    add(project / "skills", "own", "print('PWNED')")
    assert asked(project, answer=None)[1] == []
