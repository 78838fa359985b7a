"""Rules for commands: a word is a word, and what the model wrote is never run because a rule allows its name."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes import ScriptedModel, use

from conjure_magic.approval import ApprovalRequest, Decision
from conjure_magic.cancel import Cancel
from conjure_magic.session import Session
from conjure_magic.settings import Settings
from conjure_magic.workspace import CLOCK_STEP


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path.resolve() / "project"
    (folder / "tools").mkdir(parents=True)
    (folder / "tools" / "analyze.py").write_text("import json, sys; print('read', sys.argv[1:])")
    (folder / "app.log").write_text("ERROR x\n")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("CONJURE_HOME", str(tmp_path / "home"))
    return folder


class Asked:
    """A session under rules, and what its person was asked."""

    def __init__(self, *rules: str, answer: str = "once", **options: Any) -> None:
        self.requests: list[ApprovalRequest] = []
        self.answer: Any = answer
        self.session = Session(
            "local",
            model=ScriptedModel(),
            approver=self.approve,
            settings=Settings(allowed_commands=list(rules)),
            **options,
        )

    def approve(self, request: ApprovalRequest, cancel: Cancel) -> Decision:
        self.requests.append(request)
        return Decision(self.answer)

    def __call__(self, *calls: tuple[str, dict[str, Any]]) -> list[str]:
        """Run one turn that makes these calls; the notes of what was asked."""
        before = len(self.requests)
        blocks = [use(f"t{number}", name, **given) for number, (name, given) in enumerate(calls)]
        self.session.chat("go", model=ScriptedModel(*([block] for block in blocks), ["done"]))
        return [request.note for request in self.requests[before:]]


@pytest.fixture
def under(project: Path) -> Iterator[Any]:
    opened: list[Asked] = []

    def open_(*rules: str, **options: Any) -> Asked:
        opened.append(Asked(*rules, **options))
        return opened[-1]

    yield open_
    for one in opened:
        one.session.close()


def run(command: str) -> tuple[str, dict[str, Any]]:
    return "bash_tool", {"command": command}


def write(path: str, text: str = "x") -> tuple[str, dict[str, Any]]:
    return "create_file", {"path": path, "file_text": text}


@pytest.mark.parametrize(
    ("rule", "command"),
    [
        ("cat logs/*", "cat logs/a /etc/shadow"),
        ("cat logs/*", "cat logs/../../etc/shadow"),
        ("cat logs/*", "cat logs/sub/../../../x"),
        ("git log *", "git log --output=x"),
        ("git log *", "git log '--output=x'"),
        ("git log *", 'git log ""'),
        ("git log *", "git log main --output=x"),
        ("ls *", "ls"),
        ("ls *", "ls a b"),
        ("ls *", "ls *"),
        ("* x", "rm x"),
        ("*", "reboot"),
        ("* ls", "LD_PRELOAD=./x.so ls"),
        ("LD_PRELOAD=* ls", "LD_PRELOAD=./x.so ls"),
        ("python a.py *", "python a.py 'x"),
        ("grep -e*", "grep -e x -f /etc/shadow"),
    ],
)
def test_a_star_is_one_word_that_is_no_option(under: Any, rule: str, command: str) -> None:
    assert len(under(rule, answer="no")(run(command))) == 1


PLANTED = {
    "python TOOL *": ("json.py", "print('PWNED')"),
    "python -m json.tool *": ("json/__init__.py", "print('PWNED')"),
    "git status": (".git/config", "[core]\nfsmonitor = touch PWNED\n"),
    "make test": ("Makefile", "test:\n\ttouch PWNED\n"),
    "pytest *": ("tests/conftest.py", "print('PWNED')"),
    "npm test": ("package.json", '{"scripts": {"test": "touch PWNED"}}'),
    "tox": ("setup.cfg", "[testenv]"),
    "ls *": ("sitecustomize.so", "x"),
    "pytest": ("test_report.txt", ">>> 1"),
    "pytest --doctest-glob=*": ("report.md", "# Report\n\n>>> import os\n"),
    "mkdocs build": ("report.md", "# R\n\n```python\nimport os\n```\n"),
    "python *": ("report.csv", "import os"),
    "sh *": ("notes.md", "touch PWNED"),
    "cc @*": ("report.csv", "-o x"),
}


def filled(rule: str, project: Path, name: str) -> tuple[str, str]:
    """A rule, and a command that it allows: on the file that was planted where it takes one."""
    rule = rule.replace("TOOL", str(project / "tools/analyze.py"))
    return rule, rule.replace("*", name if "TOOL" not in rule and name.endswith((".csv", ".md")) else "tests")


@pytest.mark.parametrize("in_place", [False, True], ids=["own folder", "in place"])
@pytest.mark.parametrize("rule", PLANTED)
def test_a_rule_is_silent_once_the_model_wrote_what_its_command_could_load(
    under: Any, project: Path, rule: str, in_place: bool
) -> None:
    if rule.startswith("git") and in_place:
        pytest.skip("only a command can write it: see the test of folders that are not listed")
    name, text = PLANTED[rule]
    rule, command = filled(rule, project, name)
    hands = under(rule, workspace="." if in_place else None)
    hands.answer = "session" if in_place else "no"
    if rule.startswith("git"):  # no file tool writes it, so a command has
        hands(write("notes.md", "x"))
        folder = next((project / "conjure-files").glob("*/"))
        (folder / ".git").mkdir()
        (folder / name).write_text(text)
    else:
        hands(write(name, text))
    hands.answer = "no"
    notes = hands(run(command))
    assert len(notes) == 1
    assert "A rule allows this" in notes[0]
    assert name.split("/")[-1] in notes[0]


@pytest.mark.parametrize("in_place", [False, True], ids=["own folder", "in place"])
def test_what_was_planted_is_remembered_by_the_next_kernel(under: Any, project: Path, in_place: bool) -> None:
    """The folder outlives the kernel, and so does what lies there."""
    options = {"workspace": "."} if in_place else {}
    first = under("make test", answer="session", **options)
    first(write("Makefile", "test:\n\ttouch PWNED\n"))
    first.session.close()
    assert len(under("make test", answer="no", **options)(run("make test"))) == 1


def test_what_another_session_wrote_in_the_persons_folder_counts(under: Any, project: Path) -> None:
    other = under(answer="session", workspace=".", name="other")
    other(write("tools/json.py", "print('PWNED')"))
    tool = project / "tools/analyze.py"
    assert len(under(f"python {tool} *", answer="no")(run(f"python {tool} x"))) == 1


def test_a_command_that_a_rule_allows_cannot_write_what_another_loads(under: Any, project: Path) -> None:
    hands = under("touch *", "make test", answer="no")
    assert hands(run("touch Makefile"), run("make test")) != []


UNLISTED = {
    "git status": ".git/config",
    "git commit": ".git/hooks/pre-commit",
    "python -m json.tool": ".venv/lib/sitecustomize.py",
    "pytest": "__pycache__/conftest.cpython-312.pyc",
    "npm test": "node_modules/.bin/jest",
}


@pytest.mark.parametrize("rule", UNLISTED)
def test_what_a_command_wrote_into_a_folder_that_is_not_listed_counts(under: Any, project: Path, rule: str) -> None:
    path = UNLISTED[rule]
    one = under(rule, workspace=".")
    one(run(f"mkdir -p {path.rpartition('/')[0]}; echo x > {path}"))
    one.answer = "no"
    notes = one(run(rule))
    assert len(notes) == 1
    assert path in notes[0]
    one.session.close()
    assert len(under(rule, answer="no", workspace=".")(run(rule))) == 1, "the next kernel knows it"


@pytest.mark.parametrize("path", [".git/config", "package.json", "conftest.py"])
def test_what_was_written_above_the_folder_of_a_session_counts(under: Any, project: Path, path: str) -> None:
    under(workspace=".", name="other")(run(f"mkdir -p .git; echo x > {path}"))
    assert len(under("git status", answer="no")(run("git status"))) == 1


def test_what_git_and_python_write_themselves_keeps_no_rule_from_answering(under: Any, project: Path) -> None:
    git = ["git", "-c", "gc.auto=0", "-c", "maintenance.auto=false", "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q", "."], cwd=project, check=True)
    subprocess.run([*git, "commit", "-qm", "x", "--allow-empty"], cwd=project, check=True)
    (project / "tools" / "words.py").write_text("")
    (project / "tools" / "count.py").write_text("import words")
    time.sleep(2 * CLOCK_STEP / 1e9)  # what is younger than a step of the file system's clock counts as changed
    one = under("git add *", "git status", "python tools/count.py", workspace=".", answer="no")
    for _ in range(2):
        (project / "app.log").write_text("more\n")
        assert one(run("git add app.log"), run("git status"), run("python tools/count.py")) == []


def test_the_usual_flow_asks_nothing(under: Any, project: Path) -> None:
    """Analyse, write a report with a table and a chart, analyse again: rules stay worth having."""
    tool = project / "tools/analyze.py"
    hands = under(f"python {tool} *", f"python {tool} * --chart *", answer="no")
    log = project / "app.log"
    assert hands(run(f"python {tool} {log}"), write("report.md", "# What went wrong\n\n| a | b |\n|---|---|\n")) == []
    assert hands(write("errors.csv", "hour,errors\n"), write("errors.svg", "<svg/>")) == []
    assert hands(run(f"python {tool} {log}"), run(f"python {tool} {log} --chart errors-2.svg")) == []
    assert hands.requests == []


def test_the_persons_own_files_keep_no_rule_from_answering(under: Any, project: Path) -> None:
    (project / "Makefile").write_text("test:\n\techo fine\n")
    assert under("make test", answer="no", workspace=".")(run("make test")) == []
