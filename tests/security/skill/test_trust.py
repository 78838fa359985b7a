"""A hostile skill: trust is in names and contents, so what was planted since is asked about."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes import ScriptedBackend, ScriptedModel

from conjure_magic.magics import ask_user
from conjure_magic.session import Session
from conjure_magic.skills import SkillRegistry
from conjure_magic.skills.changes_since_trust import KEPT, SkillToTrust
from conjure_magic.skills.project_trust import TrustAnswer
from conjure_magic.skills.trusted_edits import OwnEdits


def add(folder: Path, name: str, script: str = "print(1)") -> Path:
    skill = folder / name
    (skill / "scripts").mkdir(parents=True, exist_ok=True)
    (skill / "SKILL.md").write_text(f"---\nname: {name}\ndescription: Does {name}.\n---\n# {name}\n")
    (skill / "scripts" / "run.py").write_text(script)
    return skill


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CONJURE_HOME", str(tmp_path / "home"))
    fresh = OwnEdits()
    for module in (
        "conjure_magic.skills.project_trust",
        "conjure_magic.session.session",
        "conjure_magic.skills.trusted_edits",
    ):
        monkeypatch.setattr(f"{module}.own_edits", fresh)
    project = tmp_path.resolve() / "project"
    add(project / "skills", "own")
    return project


class Person:
    """Who always gives the same answer, and remembers what was asked."""

    def __init__(self, answer: TrustAnswer = True) -> None:
        self.answer = answer
        self.news: list[SkillToTrust] = []

    def __call__(self, folder: Path, news: tuple[SkillToTrust, ...]) -> TrustAnswer:
        self.news.extend(news)
        return self.answer

    def told(self) -> list[str]:
        """What was asked about since the last time."""
        told, self.news = [str(skill) for skill in self.news], []
        return told


def loaded(registry: SkillRegistry) -> list[str]:
    return [skill.name for skill in registry.list() if skill.scope == "project"]


def asked(project: Path, answer: TrustAnswer = True) -> tuple[list[str], list[str]]:
    """What a person was asked about, and the project's skills that were loaded."""
    person = Person(answer)
    registry = SkillRegistry(project=project, ask_trust=person, user=False)
    return person.told(), loaded(registry)


def test_what_is_as_it_was_is_not_asked_about_again(project: Path) -> None:
    assert asked(project) == (["own"], ["own"])
    assert asked(project) == ([], ["own"])


def test_a_planted_skill_is_asked_about_and_said_to_shadow_the_bundled_one(project: Path) -> None:
    asked(project)
    add(project / "skills", "log-analyzer")
    told, found = asked(project, answer=False)
    assert told == ["log-analyzer (new, replaces another skill of that name)"]
    assert found == []
    assert asked(project, answer=True)[1] == ["log-analyzer", "own"]


@pytest.mark.parametrize(
    "file", ["scripts/run.py", "SKILL.md", "scripts/json.py", "references/x.md", "scripts/__pycache__/json.pyc"]
)
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


def test_where_no_one_can_answer_what_changed_is_not_loaded(project: Path) -> None:
    asked(project)
    add(project / "skills", "own", "print('PWNED')")
    assert asked(project, answer=None)[1] == []


# ---- a session that is open, and a person's own edits


class Turns:
    """A session of a project, and turns in which something happens to its files."""

    def __init__(self, project: Path, answer: TrustAnswer) -> None:
        self.person = Person(answer)
        self.session = Session(ScriptedBackend(), model=ScriptedModel(), input=project, ask_trust=self.person)
        self.first = loaded(self.session.skills), self.person.told()

    def __call__(self, happens: Callable[[], object] = lambda: None) -> list[str]:
        """Run a turn; what was asked before it."""

        def model(request: object) -> str:
            happens()
            return "done"

        self.session.chat("go", model=model)
        return self.person.told()

    def loaded(self) -> list[str]:
        return loaded(self.session.skills)


@pytest.fixture
def turns(project: Path) -> Iterator[Callable[[TrustAnswer], Turns]]:
    opened: list[Turns] = []

    def open_(answer: TrustAnswer) -> Turns:
        opened.append(Turns(project, answer))
        return opened[-1]

    yield open_
    for one in opened:
        one.session.close()


CHANGED = "own (changed: scripts/run.py)"


def test_an_open_session_asks_between_turns_about_what_changed_and_only_then(turns: Any, project: Path) -> None:
    run = turns(True)
    assert run.first == (["own"], ["own"])
    assert run() == run() == []
    add(project / "skills", "own", "print('PWNED')")
    assert run() == [CHANGED]
    assert run() == []
    run.person.answer = False
    assert run(lambda: add(project / "skills", "own", "print('again')")) == []
    assert run() == [CHANGED]
    assert run.loaded() == []
    assert run() == [], "what is not loaded is not asked about in every turn"


def test_what_one_session_was_asked_about_the_other_does_not_ask_again(turns: Any, project: Path) -> None:
    one, other = turns(True), turns(True)
    add(project / "skills", "own", "print(2)")
    assert (one(), other(), one(), other()) == ([CHANGED], [], [], [])


def test_a_persons_own_edits_are_not_asked_about_once_they_said_so(turns: Any, project: Path) -> None:
    run = turns("edits")
    for number in range(3):
        add(project / "skills", "own", f"print({number + 2})")
        add(project / "skills", f"another{number}")
        assert run() == []
    assert "own" in run.loaded()


def test_an_edit_without_that_word_is_asked_about(turns: Any, project: Path) -> None:
    run = turns(True)
    add(project / "skills", "own", "print(2)")
    assert run() == [CHANGED]


@pytest.mark.parametrize("file", ["scripts/run.py", "SKILL.md", "scripts/json.py"])
def test_own_edits_never_cover_what_changed_during_a_turn(turns: Any, project: Path, file: str) -> None:
    run, path = turns("edits"), project / "skills" / "own" / file
    assert run(lambda: path.write_text("---\nname: own\ndescription: x\n---\nPWNED\n")) == []
    path.with_name("mine.md").write_text("an edit of the person's, of the same skill")
    run.person.answer = False
    told = run()
    assert len(told) == 1
    assert file in told[0]
    assert run.loaded() == []


def test_what_a_turn_of_another_session_changed_is_not_covered_either(turns: Any, project: Path) -> None:
    run, other = turns("edits"), turns("edits")
    other(lambda: add(project / "skills", "own", "print('PWNED')"))
    assert run() == [CHANGED]


def test_a_skill_in_place_of_another_is_asked_about_even_so(turns: Any, project: Path) -> None:
    run = turns("edits")
    add(project / "skills", "log-analyzer")
    run.session.skills.reload()
    assert run.person.told() == ["log-analyzer (new, replaces another skill of that name)"]


def test_own_edits_end_with_the_kernel(turns: Any, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    turns("edits").session.close()
    monkeypatch.setattr("conjure_magic.skills.project_trust.own_edits", OwnEdits())
    add(project / "skills", "own", "print(2)")
    assert asked(project)[0] == [CHANGED]


# ---- what the question shows


def test_the_question_shows_the_changed_lines(project: Path) -> None:
    script = "".join(f"line {n}\n" for n in range(100))
    add(project / "skills", "own", script)
    asked(project)
    add(project / "skills", "own", script.replace("line 50\n", "line 50\ntouch PWNED\n"))
    person = Person()
    SkillRegistry(project=project, ask_trust=person, user=False)
    assert person.news[0].changes == "own/scripts/run.py, from line 52\n+ touch PWNED"


@pytest.mark.parametrize("content", ["x = 1\n" * 10_000, "x" * KEPT * 2, "\x1b[2K\r\n" * 500])
def test_the_changed_lines_are_few_quoted_and_counted(
    project: Path, content: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked(project)
    for name in ("run.py", *(f"{n}.py" for n in range(20))):
        (project / "skills" / "own" / "scripts" / name).write_text(content)
    prompts: list[str] = []
    monkeypatch.setattr("builtins.input", lambda prompt="": prompts.append(prompt) or "e")
    SkillRegistry(project=project, ask_trust=ask_user.ask_trust, user=False)
    assert len(prompts) == 1
    assert prompts[0].count("\n") < 400
    assert "\x1b" not in prompts[0]
    assert "scripts/run.py" in prompts[0]


def test_texts_of_what_is_trusted_no_more_are_not_kept(project: Path, tmp_path: Path) -> None:
    for number in range(5):
        add(project / "skills", "own", f"print({number})")
        asked(project)
    assert len(list((tmp_path / "home" / "trusted-texts").iterdir())) == 2
