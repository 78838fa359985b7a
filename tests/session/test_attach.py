"""Files that go with a request, for hands on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes import ScriptedBackend, ScriptedModel
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from conjure_magic.approval import approve_all
from conjure_magic.errors import UsageError
from conjure_magic.session import Session
from conjure_magic.settings import Settings
from conjure_magic.workspace import Workspace

LOG = "2026-01-02 03:00:00 ERROR worker: no\n" * 3


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "app.log").write_text(LOG)
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    return tmp_path


@pytest.mark.parametrize("prompt", ["Analyse the attached log", "Analyse app.log"])
def test_a_file_from_elsewhere_is_copied_and_worked_on(folder: Path, prompt: str) -> None:
    with Session("local", model="offline", approver=approve_all) as session:
        result = session.chat(prompt, files=["../app.log"])
        assert "critical" in result.text
        assert (session.workspace.root / "attached-files/app.log").read_text() == LOG
        assert not any("app.log" in file.name for file in result.files)
    assert (folder / "app.log").read_text() == LOG


@pytest.mark.docker
def test_a_container_sees_it_in_the_workspace(folder: Path, docker_image: str) -> None:
    settings = Settings(docker_image=docker_image)
    with Session("docker", model="offline", settings=settings) as session:
        result = session.chat("Analyse the attached log", files=["../app.log"])
        assert "critical" in result.text
        assert "/workspace/attached-files/app.log" in str(result.messages[0].to_dict())


def test_the_same_content_is_copied_once_and_another_gets_a_number(folder: Path) -> None:
    with Session("native", model=ScriptedModel()) as session:
        session.chat("One.", files=[folder / "app.log"])
        session.chat("Two.", files=[folder / "app.log"])
        (folder / "app.log").write_text("other")
        session.chat("Three.", files=[folder / "app.log"])
        names = sorted(path.name for path in (session.workspace.root / "attached-files").iterdir())
    assert names == ["app-2.log", "app.log"]


def test_one_file_and_one_text_need_no_list() -> None:
    with Session("native", model=ScriptedModel()) as session:
        result = session.chat("Go.", files="../app.log", extra_text="a table")
        assert result.extra_text == ("a table",)
        assert result.input_files == (Path("../app.log").absolute(),)


def test_a_file_of_the_workspace_is_named_where_it_is() -> None:
    with Session("native", model=ScriptedModel()) as session:
        mine = session.workspace.root / "mine.csv"
        mine.write_text("1")
        result = session.chat("Go.", files=[mine])
        assert f"<attached_file>{mine}</attached_file>" in str(result.messages[0].to_dict())


def test_a_planted_link_leads_no_copy_out_of_the_workspace(folder: Path) -> None:
    outside = folder / "outside"
    outside.mkdir()
    workspace = Workspace.open("test")
    (workspace.root / "attached-files").symlink_to(outside)
    with pytest.raises(OSError, match=r"directory|links"):
        workspace.take_in(folder / "app.log")
    assert list(outside.iterdir()) == []
    workspace.close()


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("gone.txt", "does not exist"),
        (".", "is a folder"),
        ("/dev/null", "is not a regular file"),
        ("x" * 300, "does not exist"),
        ("~nobody-of-this-name/app.log", "home directory"),
    ],
)
def test_what_is_no_file_is_a_slip_before_anything_begins(path: str, told: str) -> None:
    with Session(ScriptedBackend(), model=ScriptedModel()) as session, pytest.raises(UsageError, match=told):
        session.chat("Go.", files=[path])
    assert session.turns == []


def test_a_cell_attaches_files(capsys: pytest.CaptureFixture[str]) -> None:
    shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    shell.run_line_magic("load_ext", "conjure_magic")
    shell.run_cell("%%conjure --backend local --model offline --attach ../app.log --yes\nAnalyse the attached log")
    shell.run_line_magic("unload_ext", "conjure_magic")
    assert "Attached app.log: conjure-files/main/attached-files/app.log" in capsys.readouterr().out
