"""What a yes covers, at every gate: once is once, and the answer for the session says what it is for."""

from __future__ import annotations

from pathlib import Path

import pytest
from security.gates import GATES, HOME_GATES, Turn, backend_gate, use

from conjure_magic.approval import Decision, approve_all
from conjure_magic.cancel import Cancel
from conjure_magic.magics.options import cell_parser

ALL = {**GATES, **HOME_GATES}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder that the notebook lies in, with something private in it."""
    home = tmp_path.resolve() / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home)
    for name in ("one", "two"):
        (home / name).write_text("x")
    return home


def come(gate: str, home: Path, decision: Decision, *words: str) -> tuple[Turn, list[bool]]:
    """The turn after coming to a gate with each word, and whether each call went through."""
    _, opened = ALL[gate]
    with opened(home) as (workspace, go):
        turn = Turn(workspace, decision)
        went = [go(word, turn).status != "refused" for word in words]
    return turn, went


@pytest.mark.parametrize("gate", ALL)
def test_once_means_once(gate: str, home: Path) -> None:
    turn, went = come(gate, home, Decision("once"), "one", "two")
    assert went == [True, True]
    assert len(turn.asked) == 2


@pytest.mark.parametrize("gate", ALL)
def test_an_answer_for_the_session_says_what_it_is_for_and_is_told_each_time(gate: str, home: Path) -> None:
    turn, went = come(gate, home, Decision("session"), "one", "two")
    assert went == [True, True]
    assert len(turn.asked) == 1
    later = turn.asked[0].later or f"command of {turn.asked[0].backend}"
    assert ALL[gate][0] in later
    assert [answer.by for answer in turn.answers] == ["you, for this session"]


@pytest.mark.parametrize("gate", ALL)
def test_no_is_no(gate: str, home: Path) -> None:
    turn, went = come(gate, home, Decision("no", reason="Not today."), "one", "two")
    assert went == [False, False]
    assert len(turn.asked) == 2


@pytest.mark.parametrize("gate", ALL)
def test_yes_to_all_answers_each_call_by_itself_and_its_help_says_so(gate: str, home: Path) -> None:
    word, _ = ALL[gate]
    turn, went = come(gate, home, approve_all(None, Cancel()), "one", "two")  # type: ignore[arg-type]
    assert went == [True, True]
    assert len(turn.asked) == 2
    help_of_yes = next(action.help for action in cell_parser()._actions if "--yes" in action.option_strings)
    assert word in str(help_of_yes)


@pytest.mark.parametrize("gate", HOME_GATES)
def test_a_project_below_the_home_folder_is_read_unasked(
    gate: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = home / "project"
    project.mkdir()
    (project / "one").write_text("x")
    monkeypatch.chdir(project)
    turn, _ = come(gate, project, Decision("no"), "one")
    assert turn.asked == []


def test_the_workspace_and_a_link_out_of_it_are_told_apart(home: Path) -> None:
    with backend_gate("local", use("view", path="WORD"))(home) as (workspace, go):
        (workspace.root / "own").write_text("x")
        (workspace.root / "link").symlink_to(home / "one")
        turn = Turn(workspace, Decision("no"))
        assert go("own", turn).status != "refused"
        assert go("link", turn).status == "refused"


def test_a_workspace_that_is_the_home_folder_is_as_wide(home: Path) -> None:
    with backend_gate("local", use("view", path="WORD"), in_place=True)(home) as (workspace, go):
        assert go("one", Turn(workspace, Decision("no"))).status == "refused"
