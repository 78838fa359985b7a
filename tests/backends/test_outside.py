"""A backend from outside is one file and one line, with options of its own, `--help` and Tab included."""

from __future__ import annotations

import runpy
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fakes import ScriptedBackend, ScriptedModel, use
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from conjure_magic import Session, UsageError, register_backend
from conjure_magic import backends as table
from conjure_magic.backends.opener import Opener, option
from conjure_magic.magics.options import cell_parser

FILE = Path(__file__).parent.parent / "data/backends/ssh_like.py"
ASKS = [use("t1", "remote_run", command='echo "$HOST $RETRIES"')]


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Opener:
    """The file, and the line."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(table, "OTHERS", {})
    opener = runpy.run_path(str(FILE))["OPENER"]
    register_backend("ssh-like", opener)
    return opener


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    shell.run_line_magic("load_ext", "conjure_magic")
    yield shell
    shell.run_line_magic("unload_ext", "conjure_magic")
    InteractiveShell.clear_instance()


def test_a_session_opens_it_with_its_own_options() -> None:
    with Session("ssh-like", model=ScriptedModel(ASKS), options={"host": "box", "image": "no-matter"}) as session:
        assert session.chat("go").tool_calls[0].result.text == "box 1"  # type: ignore[union-attr]
        assert "remote_run works on box." in session.system_prompt()
        session.use(options={"retries": 3}, model=ScriptedModel(ASKS))
        assert session.chat("again").tool_calls[0].result.text == "box 3"  # type: ignore[union-attr]
        assert session.backend_skills == ()
    with Session("ssh-like", model=ScriptedModel(ASKS)) as session:
        assert session.chat("go").tool_calls[0].result.text == "nowhere 1"  # type: ignore[union-attr]


def test_an_option_that_cannot_be_says_so() -> None:
    with (
        Session("ssh-like", model=ScriptedModel(), options={"host": "-oProxyCommand=x"}) as session,
        pytest.raises(UsageError, match="is not a host"),
    ):
        session.chat("go")


def test_two_backends_with_the_same_tools_are_refused(registered: Opener) -> None:
    register_backend("other-ssh", registered)
    with pytest.raises(UsageError, match="ssh-like and other-ssh have the same tools"):
        Session("other-ssh,ssh-like")


def test_it_gets_skill_folders_and_other_skills_say_what_they_need() -> None:
    with Session("ssh-like", skills="log-analyzer", model=ScriptedModel()) as session:
        assert [skill.name for skill in session.skills.list()] == ["log-analyzer"]
    with pytest.raises(UsageError, match="needs the backend anthropic"):
        Session("ssh-like", skills="custom:skill_1")
    with pytest.raises(UsageError, match="needs the backend native"):
        Session("ssh-like", skills="log-fetcher")


def test_help_names_it_and_its_options() -> None:
    text = " ".join(cell_parser().format_help().split())
    assert "anthropic, docker, local, native, ssh-like" in text
    assert "--host NAME machine that commands of the backend ssh-like run on" in text
    assert "--retries N attempts to reach it" in text
    assert "--image NAME image that commands of the backend docker run in" in text


def offered(shell: InteractiveShell, line: str) -> set[str]:
    """What Tab offers at the end of a line."""
    with provisionalcompleter():
        return {completion.text for completion in shell.Completer.completions(line, len(line))}


def test_tab_offers_it_and_its_options(shell: InteractiveShell) -> None:
    assert "ssh-like" in offered(shell, "%%conjure --backend ")
    assert {"--host", "--retries", "--image"} <= offered(shell, "%%conjure --")
    assert {"--host", "--retries", "--image"} <= offered(shell, "%conjure use --")


def test_a_cell_gives_it_its_options(shell: InteractiveShell) -> None:
    shell.user_ns["model"] = ScriptedModel(ASKS, ["Done."], ASKS, ["Done."])
    shell.run_cell_magic("conjure", "--backend ssh-like --model model --host box --retries 2 -o first", "go")
    shell.run_cell_magic("conjure", "--host other -o second", "go")
    assert shell.user_ns["first"].tool_calls[0].result.text == "box 2"
    assert shell.user_ns["second"].tool_calls[0].result.text == "other 2"


def test_a_typed_option_of_the_wrong_kind_is_a_slip() -> None:
    with pytest.raises(UsageError, match="--retries"):
        cell_parser().read("--retries many")


def test_an_option_that_every_cell_has_stays_the_cells() -> None:
    @dataclass(frozen=True)
    class Clashing:
        timeout: str = option("long", help="its own")
        reach: str = option("far", help="how far")

    register_backend("clashing", Opener(lambda setup, options: ScriptedBackend(options.timeout), options=Clashing))
    read = cell_parser().read("--timeout 3 --reach near")
    assert (read.timeout, read.backend_reach) == (3.0, "near")
    with Session("clashing", model=ScriptedModel(), options={"timeout": "short"}) as session:
        assert session.chat("go").backends == ("short",)


def test_a_package_adds_it_by_an_entry_point_while_the_kernel_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "OTHERS", {})
    installed = tmp_path / "installed"
    installed.mkdir()
    monkeypatch.syspath_prepend(str(installed))
    assert "ssh-like" not in table.backend_names()
    shutil.copy(FILE, installed / "ssh_like_backend.py")
    info = installed / "ssh_like-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ssh-like\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[conjure_magic.backends]\nssh-like = ssh_like_backend:OPENER\n")
    assert "ssh-like" in table.backend_names()
    assert "--host" in cell_parser().format_help()
    with Session("ssh-like", model=ScriptedModel(ASKS), options={"host": "box"}) as session:
        assert session.chat("go").tool_calls[0].result.text == "box 1"  # type: ignore[union-attr]
