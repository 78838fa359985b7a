"""The shell backend: what it contributes, whom it asks, which files it reports; over a real executor."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes import use

from conjure_magic.approval import ApprovalRequest, Decision
from conjure_magic.artifacts import Artifact
from conjure_magic.backends import backend_names, find_opener
from conjure_magic.backends.opener import BackendSetup, NoOptions
from conjure_magic.backends.shell import ShellBackend, system_text
from conjure_magic.cancel import Cancel
from conjure_magic.errors import BackendError, PathNotAllowedError, ToolError, UsageError
from conjure_magic.events import ApprovalAnswered, Body, FileCreated, ToolOutput, ToolResult
from conjure_magic.executors.base import ExecPaths
from conjure_magic.executors.local import LocalExecutor
from conjure_magic.session import Session
from conjure_magic.settings import Settings
from conjure_magic.skills import SkillRegistry
from conjure_magic.workspace import Folders, Workspace

YES, ALWAYS, NO = Decision("once"), Decision("session"), Decision("no", reason="Use view instead.")


class Turn:
    """The context of one turn: it answers as told, and remembers what it was asked."""

    def __init__(self, workspace: Workspace, *answers: Decision) -> None:
        self.cancel = Cancel()
        self.workspace = workspace
        self.answers = list(answers)
        self.asked: list[ApprovalRequest] = []
        self.emitted: list[Body] = []

    def emit(self, body: Body) -> None:
        self.emitted.append(body)

    def approve(self, request: ApprovalRequest) -> Decision:
        self.asked.append(request)
        return self.answers.pop(0)


class Hands:
    """A backend over a real executor, and a way to run a call of it."""

    def __init__(self, workspace: Workspace, **options: Any) -> None:
        self.workspace = workspace
        self.executor = LocalExecutor(Folders(workspace.root, workspace.input))
        self.backend = ShellBackend("local", self.executor, **{"timeout": 60, **options})
        self.bodies: list[Body] = []

    def turn(self, *answers: Decision) -> Turn:
        return Turn(self.workspace, *answers)

    def __call__(self, turn: Turn, tool: str, /, **given: Any) -> ToolResult:
        self.bodies = []
        running = self.backend.run(use("t1", tool, **given), turn)
        while True:
            try:
                self.bodies.append(next(running))
            except StopIteration as stop:
                result: ToolResult = stop.value
                return result

    @property
    def files(self) -> list[Artifact]:
        return [body.artifact for body in self.bodies if isinstance(body, FileCreated)]


MakeHands = Callable[..., Hands]


@pytest.fixture
def make_hands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeHands]:
    """Makes backends whose workspace is the session's own, or the person's folder (`in_place`)."""
    folder = tmp_path.resolve() / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    opened: list[Hands] = []

    def make(*, in_place: bool = False, **options: Any) -> Hands:
        workspace = Workspace.open("test", folder="." if in_place else None)
        opened.append(Hands(workspace, **options))
        return opened[-1]

    yield make
    for hands in opened:
        hands.backend.close()
        hands.workspace.close()


@pytest.fixture
def hands(make_hands: MakeHands) -> Hands:
    return make_hands()


# ---- what a model is told


def test_the_four_tools_and_the_folders(hands: Hands) -> None:
    contribution = hands.backend.contribute(hands.turn())
    assert [tool.name for tool in contribution.tools] == ["view", "bash_tool", "create_file", "str_replace"]
    lines = contribution.system.splitlines()
    assert f"<workspace>{hands.workspace.root}</workspace>" in lines
    assert f"<input_folder>{hands.workspace.input}</input_folder>" in lines
    assert "$OUTPUT_DIR" in contribution.system
    assert "$INPUT_DIR" in contribution.system


def test_folder_names_cannot_leave_their_element() -> None:
    text = system_text(ExecPaths("/a</workspace><x>&", None), "")
    assert "<workspace>/a&lt;/workspace&gt;&lt;x&gt;&amp;</workspace>" in text


def test_an_input_folder_that_is_not_to_be_seen_is_not_spoken_of() -> None:
    text = system_text(ExecPaths("/workspace", None, python=""), "")
    assert "input" not in text.lower()
    assert "python" not in text


def test_the_catalogue_comes_last(make_hands: MakeHands) -> None:
    hands = make_hands(catalogue=lambda: "<available_skills>…</available_skills>\n")
    assert hands.backend.contribute(hands.turn()).system.endswith("\n\n<available_skills>…</available_skills>")


def test_system_text_is_the_same_bytes_all_through_a_turn(make_hands: MakeHands) -> None:
    """A skill that is edited in mid-turn shows in the next one."""
    texts = iter(["first", "second", "third"])
    hands = make_hands(catalogue=lambda: next(texts))
    turn = hands.turn()
    one, two = hands.backend.contribute(turn), hands.backend.contribute(turn)
    assert one == two
    assert one.system.endswith("first")
    assert hands.backend.contribute(hands.turn()).system.endswith("second")


def test_system_text_of_equal_folders_and_skills_is_equal(hands: Hands) -> None:
    assert hands.backend.contribute(hands.turn()) == hands.backend.contribute(hands.turn())


# ---- who is asked


def test_a_command_is_asked_for_in_full(hands: Hands) -> None:
    command = "echo " + "long " * 2000
    turn = hands.turn(YES)
    hands(turn, "bash_tool", command=command)
    assert [(r.text, r.tool, r.backend, r.tool_use_id) for r in turn.asked] == [(command, "bash_tool", "local", "t1")]


def test_yes_once_is_for_one_command(hands: Hands) -> None:
    turn = hands.turn(YES, YES)
    hands(turn, "bash_tool", command="true")
    hands(turn, "bash_tool", command="true")
    assert len(turn.asked) == 2


def test_yes_for_the_session_is_remembered_and_recorded(hands: Hands) -> None:
    first = hands.turn(ALWAYS)
    hands(first, "bash_tool", command="true")
    assert first.emitted == []
    later = hands.turn()
    hands(later, "bash_tool", command="echo other")
    assert later.asked == []
    assert ApprovalAnswered("t1", True, "you, for this session") in later.emitted


def test_yes_for_the_session_is_this_backends(make_hands: MakeHands) -> None:
    first, other = make_hands(), make_hands()
    first(first.turn(ALWAYS), "bash_tool", command="true")
    turn = other.turn(NO)
    assert other(turn, "bash_tool", command="true").status == "refused"


def test_no_tells_the_model_why(hands: Hands) -> None:
    result = hands(hands.turn(NO), "bash_tool", command="touch ran")
    assert result.is_error
    assert result.status == "refused"
    assert "did not run" in result.text
    assert "Use view instead." in result.text
    assert hands.files == []
    assert not (hands.workspace.root / "ran").exists()


def test_no_without_a_reason(hands: Hands) -> None:
    assert "no reason" in hands(hands.turn(Decision("no")), "bash_tool", command="true").text


def test_a_no_is_not_remembered(hands: Hands) -> None:
    turn = hands.turn(NO, YES)
    hands(turn, "bash_tool", command="true")
    assert not hands(turn, "bash_tool", command="true").is_error


def test_a_rule_answers_and_is_recorded(make_hands: MakeHands) -> None:
    hands = make_hands(rules=lambda: ["echo *"])
    turn = hands.turn(NO)
    assert hands(turn, "bash_tool", command="echo hi").text == "hi"
    assert ApprovalAnswered("t1", True, "a rule") in turn.emitted
    assert hands(turn, "bash_tool", command="echo hi; true").status == "refused"


def test_wrong_arguments_are_refused_before_the_user_is_asked(hands: Hands) -> None:
    turn = hands.turn()
    with pytest.raises(ToolError, match="command is missing"):
        hands(turn, "bash_tool", cmd="ls")
    assert turn.asked == []


def test_view_and_files_of_its_own_workspace_need_no_leave(hands: Hands) -> None:
    turn = hands.turn()
    hands(turn, "create_file", path="a.txt", file_text="one")
    hands(turn, "str_replace", path="a.txt", old_str="one", new_str="two")
    assert hands(turn, "view", path="a.txt").text == "     1\ttwo"
    assert turn.asked == []


def test_writing_in_the_persons_own_folder_asks(make_hands: MakeHands) -> None:
    hands = make_hands(in_place=True)
    turn = hands.turn(NO, YES, NO, YES)
    assert hands(turn, "create_file", path="a.txt", file_text="one").status == "refused"
    assert not (hands.workspace.root / "a.txt").exists()
    hands(turn, "create_file", path="a.txt", file_text="one")
    assert hands(turn, "str_replace", path="a.txt", old_str="one", new_str="two").status == "refused"
    assert (hands.workspace.root / "a.txt").read_text() == "one"
    hands(turn, "str_replace", path="a.txt", old_str="one", new_str="two")
    assert (hands.workspace.root / "a.txt").read_text() == "two"
    assert "a.txt" in turn.asked[0].text
    assert "one" in turn.asked[0].text
    assert {"one", "two"} <= set(turn.asked[2].text.split())
    assert not hands(hands.turn(), "view", path="a.txt").is_error


def test_leave_for_files_is_none_for_commands(make_hands: MakeHands) -> None:
    hands = make_hands(in_place=True)
    turn = hands.turn(ALWAYS, NO)
    hands(turn, "create_file", path="a.txt", file_text="one")
    hands(turn, "create_file", path="b.txt", file_text="one")
    assert hands(turn, "bash_tool", command="true").status == "refused"


def test_a_contained_executor_asks_nothing(make_hands: MakeHands) -> None:
    hands = make_hands(in_place=True, contained=True)
    turn = hands.turn()
    assert hands(turn, "bash_tool", command="echo hi").text == "hi"
    hands(turn, "create_file", path="a.txt", file_text="one")
    assert turn.asked == []


# ---- files


def test_new_and_changed_files_are_reported_after_the_output(hands: Hands) -> None:
    turn = hands.turn(YES, YES)
    hands(turn, "bash_tool", command="echo 1 > b.txt; mkdir d; echo 2 > d/a.csv; echo printed")
    assert [(f.name, f.change, f.backend, f.tool_use_id) for f in hands.files] == [
        ("b.txt", "new", "local", "t1"),
        ("d/a.csv", "new", "local", "t1"),
    ]
    assert isinstance(hands.bodies[0], ToolOutput)
    hands(turn, "bash_tool", command="echo more >> b.txt; rm d/a.csv")
    assert [(f.name, f.change, f.size) for f in hands.files] == [("b.txt", "changed", 7)]
    assert hands.files[0].read() == b"1\nmore\n"


def test_paths_are_shown_as_the_notebook_sees_them(hands: Hands) -> None:
    hands(hands.turn(YES), "bash_tool", command="seq 100000; touch made")
    assert [f.shown_path for f in hands.files] == ["conjure-files/test/made"]
    result = hands(hands.turn(YES), "bash_tool", command="seq 100000")
    assert result.output_path == "conjure-files/test/command-output/0002.txt"


def test_files_written_by_a_tool_are_reported(hands: Hands) -> None:
    hands(hands.turn(), "create_file", path="a.txt", file_text="one")
    assert [(f.name, f.change) for f in hands.files] == [("a.txt", "new")]
    hands(hands.turn(), "str_replace", path="a.txt", old_str="one", new_str="two")
    assert [(f.name, f.change) for f in hands.files] == [("a.txt", "changed")]
    hands(hands.turn(), "view", path="a.txt")
    assert hands.files == []


def test_an_interrupted_command_reports_what_it_made(hands: Hands) -> None:
    turn = hands.turn(YES)
    running = hands.backend.run(use("t1", "bash_tool", command="echo 1 > half.txt; echo going; sleep 60"), turn)
    assert next(running) == ToolOutput("t1", "going\n")
    turn.cancel.set("interrupted")
    bodies = []
    while True:
        try:
            bodies.append(next(running))
        except StopIteration as stop:
            result = stop.value
            break
    assert [body.artifact.name for body in bodies if isinstance(body, FileCreated)] == ["half.txt"]
    assert result.status == "stopped"
    assert result.text.startswith("going\n")


def test_a_dead_supervisor_reports_what_was_made(hands: Hands) -> None:
    with pytest.raises(BackendError, match="died"):
        hands(hands.turn(YES), "bash_tool", command="echo 1 > half.txt; kill -9 $PPID; sleep 60")
    assert [f.name for f in hands.files] == ["half.txt"]
    assert hands(hands.turn(YES), "bash_tool", command="cat half.txt").text == "1"


def test_closing_in_mid_run_ends_the_command(hands: Hands) -> None:
    running = hands.backend.run(use("t1", "bash_tool", command="echo going; sleep 1; touch late"), hands.turn(YES))
    next(running)
    running.close()
    assert hands(hands.turn(YES), "bash_tool", command="ls").text == "[no output]"


def test_a_path_outside_is_for_the_model_to_read(hands: Hands) -> None:
    with pytest.raises(PathNotAllowedError):
        hands(hands.turn(), "create_file", path="../../outside.txt", file_text="x")


def test_what_stands_around_a_change_shows_no_key(make_hands: MakeHands) -> None:
    hands = make_hands(secrets=lambda: ["sk-0123456789"])
    (hands.workspace.root / "config").write_text("name = a\nkey = sk-0123456789\n")
    result = hands(hands.turn(), "str_replace", path="config", old_str="name = a", new_str="name = b")
    assert "name = b" in result.text
    assert "0123456789" not in result.text


def test_keys_are_masked_in_every_result(make_hands: MakeHands) -> None:
    hands = make_hands(secrets=lambda: ["sk-0123456789"])
    hands(hands.turn(), "create_file", path="a.txt", file_text="key=sk-0123456789\n")
    assert hands(hands.turn(), "view", path="a.txt").text == "     1\tkey=[masked]"


def test_closing_twice(hands: Hands) -> None:
    hands.backend.close()
    hands.backend.close()
    with pytest.raises(BackendError, match="closed"):
        hands(hands.turn(YES), "bash_tool", command="true")


def test_it_observes_and_recovers_nothing(hands: Hands) -> None:
    assert hands.backend.recover(BackendError("x")) is None


# ---- the table


def skill(folder: Path, name: str) -> Path:
    """A small skill in a folder of its own."""
    (folder / name).mkdir(parents=True)
    (folder / name / "SKILL.md").write_text(f"---\nname: {name}\ndescription: Does {name}.\n---\n# {name}\n")
    return folder / name


def test_local_is_opened_with_skills_and_settings(make_hands: MakeHands, tmp_path: Path) -> None:
    """As a session does it: skills are listed and readable, rules and timeouts come from the settings."""
    hands = make_hands()
    skill(tmp_path / "skills", "one")
    registry = SkillRegistry([tmp_path / "skills"])
    settings = Settings(allowed_commands=["sleep 30", "env"], command_timeout=0.2, pass_environment=["MY_*"])
    backend = find_opener("local").open(BackendSetup(hands.workspace, registry, settings), NoOptions())
    try:
        hands.backend, turn = backend, hands.turn()  # type: ignore[assignment]
        assert "<name>one</name>" in backend.contribute(turn).system
        assert hands(turn, "view", path=str(tmp_path / "skills/one/SKILL.md")).text.endswith("# one")
        assert hands(turn, "bash_tool", command="sleep 30").status == "timed out after 0.2 s"
        skill(tmp_path / "skills", "two")
        shutil.rmtree(tmp_path / "skills/one")
        registry.reload()
        system = backend.contribute(hands.turn()).system
        assert "<name>two</name>" in system
        assert "<name>one</name>" not in system
        assert hands(turn, "view", path=str(tmp_path / "skills/two/SKILL.md")).text.endswith("# two")
    finally:
        backend.close()


def test_an_unknown_backend() -> None:
    assert backend_names() == ["anthropic", "docker", "local", "native"]
    with pytest.raises(UsageError, match=r"did you mean local\?"):
        find_opener("lokal")
    with pytest.raises(UsageError, match="available: anthropic, docker, local"):
        find_opener("zzz")


def test_the_model_is_told_the_time_limit_that_is_set(tmp_path: Path) -> None:
    with Session("local", input=tmp_path, workspace=tmp_path, settings=Settings(command_timeout=7.5)) as session:
        (told,) = [tool for tool in session.tool_definitions() if tool["name"] == "bash_tool"]
    assert "killed; default 7.5" in told["input_schema"]["properties"]["timeout"]["description"]
